//! Applicants in the provider's JSON.

use serde_json::{Map, Value, json};

use crate::applicants::{Applicant, ENHANCED_LEVEL, Image, Person};

const IDENTITY_TYPES: [&str; 4] = ["PASSPORT", "DRIVERS", "ID_CARD", "RESIDENCE_PERMIT"];
const SELFIE_TYPES: [&str; 2] = ["SELFIE", "VIDEO_SELFIE"];
const RESIDENCE_TYPES: [&str; 2] = ["UTILITY_BILL", "BANK_STATEMENT"];

/// `…/one`
pub(crate) fn applicant(applicant: &Applicant) -> Value {
    let doc_sets: Vec<Value> = steps(applicant)
        .map(|(name, types)| json!({ "idDocSetType": name, "types": types }))
        .collect();
    present([
        ("id", Some(json!(applicant.id))),
        ("createdAt", Some(json!(applicant.created.plain()))),
        ("inspectionId", Some(json!(applicant.inspection))),
        ("externalUserId", Some(json!(applicant.user))),
        (
            "info",
            applicant
                .person
                .as_ref()
                .map(|person| info(person, applicant)),
        ),
        ("requiredIdDocs", Some(json!({ "docSets": doc_sets }))),
        ("review", Some(review(applicant))),
        ("type", Some(json!("individual"))),
        ("deleted", Some(json!(applicant.deleted))),
    ])
}

/// `…/status`
pub(crate) fn review(applicant: &Applicant) -> Value {
    let review = &applicant.review;
    present([
        ("levelName", Some(json!(applicant.level))),
        ("createDate", Some(json!(review.created.zoned()))),
        (
            "reviewDate",
            review.decided.map(|decided| json!(decided.zoned())),
        ),
        ("reviewStatus", Some(json!(review.status))),
        (
            "reviewResult",
            review.result.as_ref().map(|result| json!(result)),
        ),
    ])
}

/// `…/requiredIdDocsStatus`
pub(crate) fn required_docs(applicant: &Applicant) -> Value {
    steps(applicant)
        .map(|(name, types)| {
            let images: Vec<&Image> = in_use(applicant)
                .filter(|image| types.contains(&image.doc_type.as_str()))
                .collect();
            (name.to_owned(), step(&images))
        })
        .collect::<Map<_, _>>()
        .into()
}

/// `…/metadata/resources`
pub(crate) fn resources(applicant: &Applicant) -> Value {
    let items: Vec<Value> = applicant
        .images
        .iter()
        .map(|image| resource(image, applicant))
        .collect();
    json!({ "totalItems": items.len(), "items": items })
}

fn info(person: &Person, applicant: &Applicant) -> Value {
    let documents: Vec<Value> = in_use(applicant)
        .filter(|image| IDENTITY_TYPES.contains(&image.doc_type.as_str()))
        .filter(|image| image.side.as_deref() != Some("BACK_SIDE"))
        .map(|image| {
            json!({
                "idDocType": image.doc_type,
                "country": image.country,
                "number": "SIM123456",
                "validUntil": "2035-07-12",
            })
        })
        .collect();
    json!({
        "firstName": person.first_name,
        "firstNameEn": person.first_name,
        "lastName": person.last_name,
        "lastNameEn": person.last_name,
        "dob": person.dob,
        "country": person.country,
        "nationality": person.nationality,
        "addresses": [{ "country": person.country }],
        "idDocs": documents,
    })
}

/// What the applicant's level asks for.
fn steps(applicant: &Applicant) -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
    let residence = (applicant.level == ENHANCED_LEVEL)
        .then_some(("PROOF_OF_RESIDENCE", RESIDENCE_TYPES.as_slice()));
    [
        ("IDENTITY", IDENTITY_TYPES.as_slice()),
        ("SELFIE", SELFIE_TYPES.as_slice()),
    ]
    .into_iter()
    .chain(residence)
}

/// One step of what was asked for, `null` while nothing was shown for it.
fn step(images: &[&Image]) -> Value {
    let Some(first) = images.first() else {
        return Value::Null;
    };
    let answers: Map<String, Value> = images
        .iter()
        .filter_map(|image| Some((image.id.to_string(), answer(image)?)))
        .collect();
    let ids: Vec<i64> = images.iter().map(|image| image.id).collect();
    present([
        ("reviewResult", answer(first)),
        ("country", Some(json!(first.country))),
        ("idDocType", Some(json!(first.doc_type))),
        ("imageIds", Some(json!(ids))),
        ("imageReviewResults", Some(answers.into())),
    ])
}

fn resource(image: &Image, applicant: &Applicant) -> Value {
    let definition = present([
        ("country", Some(json!(image.country))),
        ("idDocType", Some(json!(image.doc_type))),
        ("idDocSubType", image.side.as_ref().map(|side| json!(side))),
    ]);
    // People name their files after themselves, so these are personal data here too.
    let owner = applicant
        .person
        .as_ref()
        .map_or("scan", |person| person.last_name.as_str());
    present([
        ("id", Some(json!(image.id.to_string()))),
        ("addedDate", Some(json!(image.added.plain()))),
        ("idDocDef", Some(definition)),
        ("reviewResult", answer(image)),
        ("deactivated", Some(json!(image.deactivated))),
        (
            "fileMetadata",
            Some(json!({ "fileName": format!("{owner}-{}.jpg", image.doc_type.to_lowercase()) })),
        ),
    ])
}

fn answer(image: &Image) -> Option<Value> {
    image
        .answer
        .as_ref()
        .map(|answer| json!({ "reviewAnswer": answer }))
}

fn in_use(applicant: &Applicant) -> impl Iterator<Item = &Image> {
    applicant.images.iter().filter(|image| !image.deactivated)
}

/// An object of the members there are: the provider leaves out what is absent.
fn present<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect::<Map<_, _>>()
        .into()
}

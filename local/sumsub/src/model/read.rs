//! The JSON of reads. The provider leaves out what it does not have.

use serde_json::{Map, Value, json};

use super::applicant::Image;
use super::{Applicant, Person};

/// The level that also asks for a proof of residence.
const ENHANCED_LEVEL: &str = "enhanced-kyc-level";

const IDENTITY_TYPES: [&str; 4] = ["PASSPORT", "DRIVERS", "ID_CARD", "RESIDENCE_PERMIT"];
const SELFIE_TYPES: [&str; 2] = ["SELFIE", "VIDEO_SELFIE"];
const RESIDENCE_TYPES: [&str; 2] = ["UTILITY_BILL", "BANK_STATEMENT"];

impl Applicant {
    /// Returns the response of `GET …/one`.
    #[must_use]
    pub fn json(&self) -> Value {
        let doc_sets: Vec<Value> = self
            .steps()
            .map(|(name, types)| json!({ "idDocSetType": name, "types": types }))
            .collect();
        without_nulls(json!({
            "id": self.id,
            "createdAt": self.created.plain(),
            "inspectionId": self.inspection,
            "externalUserId": self.user,
            "info": self.person.as_ref().map(|person| self.info(person)),
            "requiredIdDocs": { "docSets": doc_sets },
            "review": self.review_json(),
            "type": self.applicant_type,
            "deleted": !self.is_active(),
        }))
    }

    /// Returns the response of `GET …/status`.
    pub(crate) fn review_json(&self) -> Value {
        without_nulls(json!({
            "levelName": self.level,
            "createDate": self.review.created.zoned(),
            "reviewDate": self.review.decided.map(super::Moment::zoned),
            "reviewStatus": self.review.status,
            "reviewResult": self.review.result,
        }))
    }

    /// Returns the response of `GET …/requiredIdDocsStatus`. A step without documents is `null`.
    pub(crate) fn steps_json(&self) -> Value {
        let steps = self.steps().map(|(name, types)| {
            let images = self.images_in_use();
            let images = images.filter(|image| types.contains(&image.doc_type.as_str()));
            (name.to_owned(), step(&images.collect::<Vec<_>>()))
        });
        steps.collect::<Map<_, _>>().into()
    }

    /// Returns the response of `GET …/metadata/resources`.
    #[must_use]
    pub fn images_json(&self) -> Value {
        // People name their files after themselves, so these names are personal data.
        let person = self.person.as_ref();
        let owner = person.map_or("scan", |person| person.last_name.as_str());
        let items: Vec<Value> = self
            .images
            .iter()
            .map(|image| {
                let definition = json!({
                    "country": image.country,
                    "idDocType": image.doc_type,
                    "idDocSubType": image.side,
                });
                without_nulls(json!({
                    "id": image.id.to_string(),
                    "addedDate": image.added.plain(),
                    "idDocDef": without_nulls(definition),
                    "reviewResult": result(image),
                    "deactivated": image.deactivated,
                    "fileMetadata": { "fileName": format!("{owner}-{}.jpg", image.doc_type.to_lowercase()) },
                }))
            })
            .collect();
        json!({ "totalItems": items.len(), "items": items })
    }

    fn info(&self, person: &Person) -> Value {
        let documents: Vec<Value> = self
            .images_in_use()
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

    /// Returns the names of the steps that the level asks for, with the document types of each.
    fn steps(&self) -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
        let residence = (self.level == ENHANCED_LEVEL)
            .then_some(("PROOF_OF_RESIDENCE", RESIDENCE_TYPES.as_slice()));
        [
            ("IDENTITY", IDENTITY_TYPES.as_slice()),
            ("SELFIE", SELFIE_TYPES.as_slice()),
        ]
        .into_iter()
        .chain(residence)
    }

    fn images_in_use(&self) -> impl Iterator<Item = &Image> {
        self.images.iter().filter(|image| !image.deactivated)
    }
}

fn step(images: &[&Image]) -> Value {
    let Some(first) = images.first() else {
        return Value::Null;
    };
    let results: Map<String, Value> = images
        .iter()
        .filter_map(|image| Some((image.id.to_string(), result(image)?)))
        .collect();
    let ids: Vec<i64> = images.iter().map(|image| image.id).collect();
    without_nulls(json!({
        "reviewResult": result(first),
        "country": first.country,
        "idDocType": first.doc_type,
        "imageIds": ids,
        "imageReviewResults": results,
    }))
}

fn result(image: &Image) -> Option<Value> {
    let answer = image.answer.as_ref()?;
    Some(json!({ "reviewAnswer": answer }))
}

/// Removes the members that are `null`.
fn without_nulls(mut value: Value) -> Value {
    if let Value::Object(members) = &mut value {
        members.retain(|_, member| !member.is_null());
    }
    value
}

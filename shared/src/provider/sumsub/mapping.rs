//! The meaning of Sumsub's words in ours.

use std::collections::BTreeMap;

use super::time::WireTime;
use super::wire::{
    ApplicantJson, IdDocument, Info, RejectType, Resource, ReviewAnswer, ReviewResult, ReviewStatus,
};
use crate::kyc::{
    ApplicantId, ApplicantType, Document, DocumentStatus, DocumentType, Level, Name, Observation,
    Personal, ProviderTime, Reason, Review, StoredDocument, UserId,
};
use crate::provider::{ApplicantLookup, ApplicantRecord, Person};

/// Maps the state of a review, without regard to its level. A verdict counts only when the review is `completed`: a GREEN also
/// rides on resets and on paused checks. What is not understood never approves, and never locks anybody out.
///
/// | review status | answer, reject type | ours |
/// |---|---|---|
/// | `init` | any | pending |
/// | `pending` `queued` `prechecked` `onHold` `awaitingService` `awaitingUser` | any | in progress |
/// | `completed` | GREEN | approved |
/// | `completed` | RED, RETRY | retry |
/// | `completed` | RED, FINAL | rejected |
/// | `completed` | RED, anything else | retry, with a warning |
/// | `completed` | anything else | in progress, with a warning |
/// | anything else | any | in progress, with a warning |
pub(super) fn review(
    status: Option<ReviewStatus>,
    result: &ReviewResult,
    decided_at: ProviderTime,
) -> Review {
    match status {
        Some(ReviewStatus::Init) => Review::Pending,
        Some(
            ReviewStatus::Pending
            | ReviewStatus::Queued
            | ReviewStatus::Prechecked
            | ReviewStatus::OnHold
            | ReviewStatus::AwaitingService
            | ReviewStatus::AwaitingUser,
        ) => Review::InProgress,
        Some(ReviewStatus::Completed) => verdict(result, decided_at),
        Some(ReviewStatus::Unknown) | None => {
            tracing::warn!("unknown review status of the provider, taken for in_progress");
            Review::InProgress
        }
    }
}

fn verdict(result: &ReviewResult, decided_at: ProviderTime) -> Review {
    match (result.review_answer, result.review_reject_type) {
        (Some(ReviewAnswer::Green), _) => Review::Approved {
            at: decided_at,
            name: None,
        },
        (Some(ReviewAnswer::Red), Some(RejectType::Final)) => Review::Rejected {
            at: decided_at,
            reason: reason(result).unwrap_or_else(Reason::unexplained_rejection),
        },
        (Some(ReviewAnswer::Red), reject_type) => {
            if reject_type != Some(RejectType::Retry) {
                tracing::warn!("unknown reject type of the provider, taken for a retry");
            }
            Review::Retry {
                reason: reason(result).unwrap_or_else(Reason::unexplained_retry),
            }
        }
        (Some(ReviewAnswer::Unknown) | None, _) => {
            tracing::warn!(
                "completed review of the provider without a known answer, taken for in_progress"
            );
            Review::InProgress
        }
    }
}

/// Returns the comment that is written for the applicant. It may hold a placeholder that the provider's own e-mails fill in.
fn reason(result: &ReviewResult) -> Option<Reason> {
    let comment = result
        .moderation_comment
        .as_ref()?
        .reveal()
        .replace("${clientSupportEmail}", "our support");
    Reason::explained(&comment)
}

/// Maps an applicant. `now` stands in for the date of a verdict that bears none. Returns `None` if the applicant has no id that can
/// be used.
pub(super) fn lookup(applicant: &ApplicantJson, now: ProviderTime) -> Option<ApplicantLookup> {
    let id = ApplicantId::parse(&applicant.id).ok()?;
    if applicant.deleted {
        return Some(ApplicantLookup::Inactive(id));
    }
    let reviewed_at = applicant.review.date.as_ref().and_then(WireTime::time);
    let person = person(applicant);
    let name = person
        .as_ref()
        .and_then(|person| Name::new(person.first_name.clone(), person.last_name.clone()));
    let external_id = applicant.external_user_id.as_deref();
    Some(ApplicantLookup::Active(Box::new(ApplicantRecord {
        user: external_id.and_then(|id| UserId::parse(id).ok()),
        observation: Observation {
            applicant: Some(id),
            started_at: applicant.created_at.as_ref().and_then(WireTime::time),
            level: level(applicant.review.level_name.as_deref()),
            applicant_type: applicant_type(applicant.applicant_type.as_deref()),
            reviewed_at,
            review: review(
                applicant.review.status,
                &applicant.review.result,
                reviewed_at.unwrap_or(now).truncated_to_seconds(),
            ),
            name,
        },
        document_countries: applicant
            .info
            .iter()
            .flat_map(|info| &info.id_docs)
            .filter_map(typed_country)
            .collect(),
        person,
    })))
}

pub(super) fn level(name: Option<&str>) -> Option<Level> {
    name.and_then(|name| Level::parse(name).ok())
}

pub(super) fn applicant_type(name: Option<&str>) -> Option<ApplicantType> {
    name.map(|name| match name {
        "individual" => ApplicantType::Individual,
        _ => ApplicantType::Other,
    })
}

fn typed_country(document: &IdDocument) -> Option<(DocumentType, Personal)> {
    Some((
        document_type(&document.id_doc_type)?,
        document.country.clone()?,
    ))
}

/// Returns the person as the documents show them. On a level without documents the names are those that the client supplied.
fn person(applicant: &ApplicantJson) -> Option<Person> {
    let (info, fixed) = (applicant.info.as_ref(), applicant.fixed_info.as_ref());
    let names_of = |info: &Info| (first_names(info), last_name(info));
    let names = info.map(names_of).filter(|names| *names != (None, None));
    let names = names.or_else(|| fixed.map(names_of));
    let (first_name, last_name) = names.unwrap_or_default();
    if info.is_none() && first_name.is_none() && last_name.is_none() {
        return None;
    }
    let residence_of = |info: &Info| info.addresses.first()?.country.clone();
    let country_of_residence = None
        .or_else(|| residence_of(info?))
        .or_else(|| residence_of(fixed?))
        .or_else(|| fixed?.country.clone())
        .or_else(|| info?.country.clone());
    Some(Person {
        first_name,
        last_name,
        date_of_birth: info.and_then(|info| info.dob.clone()),
        nationality: info.and_then(|info| info.nationality.clone()),
        country_of_residence,
    })
}

/// Returns first and middle names in the script of the document, or in Latin letters.
fn first_names(info: &Info) -> Option<Personal> {
    let first = info.first_name.as_ref().or(info.first_name_en.as_ref());
    let middle = info.middle_name.as_ref().or(info.middle_name_en.as_ref());
    match (first, middle) {
        (Some(first), Some(middle)) => Some(Personal::new(format!(
            "{} {}",
            first.reveal(),
            middle.reveal()
        ))),
        (one, other) => one.or(other).cloned(),
    }
}

fn last_name(info: &Info) -> Option<Personal> {
    info.last_name.clone().or_else(|| info.last_name_en.clone())
}

/// Maps images to documents: active images of a type that we show, grouped by type and country. The newest image of each side
/// counts; a document is rejected if one of them is, and verified if all are. It counts as submitted with its first image.
pub(super) fn documents(resources: &[Resource]) -> Vec<Document> {
    let mut groups: BTreeMap<DocumentType, BTreeMap<Option<Personal>, Vec<&Resource>>> =
        BTreeMap::new();
    for resource in resources.iter().filter(|resource| !resource.deactivated) {
        if let Some(kind) = document_type(&resource.id_doc_def.id_doc_type) {
            let countries = groups.entry(kind).or_default();
            let country = resource.id_doc_def.country.clone();
            countries.entry(country).or_default().push(resource);
        }
    }
    let mut documents = Vec::new();
    for (kind, mut countries) in groups {
        // A side without a country belongs to the document of its type, if there is just one.
        if countries.len() == 2
            && let Some(without) = countries.remove(&None)
        {
            for images in countries.values_mut() {
                images.extend(&without);
            }
        }
        documents.extend(countries.into_iter().map(|(country, images)| Document {
            stored: StoredDocument {
                kind,
                status: document_status(&images),
                submitted_at: images.iter().filter_map(|image| added_at(image)).min(),
            },
            country,
        }));
    }
    documents
}

fn document_status(images: &[&Resource]) -> DocumentStatus {
    let mut newest: BTreeMap<Option<&str>, &Resource> = BTreeMap::new();
    for image in images {
        let side = newest
            .entry(image.id_doc_def.id_doc_sub_type.as_deref())
            .or_insert(image);
        if added_at(image) >= added_at(side) {
            *side = image;
        }
    }
    let answers = || {
        newest
            .values()
            .map(|image| image.review_result.review_answer)
    };
    if answers().any(|answer| answer == Some(ReviewAnswer::Red)) {
        DocumentStatus::Rejected
    } else if answers().all(|answer| answer == Some(ReviewAnswer::Green)) {
        DocumentStatus::Verified
    } else {
        DocumentStatus::Pending
    }
}

fn added_at(image: &Resource) -> Option<ProviderTime> {
    image.added_date.as_ref()?.time()
}

fn document_type(name: &str) -> Option<DocumentType> {
    match name {
        "PASSPORT" => Some(DocumentType::Passport),
        "ID_CARD" => Some(DocumentType::IdCard),
        "DRIVERS" => Some(DocumentType::DriversLicense),
        "RESIDENCE_PERMIT" => Some(DocumentType::ResidencePermit),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const AT: ProviderTime = ProviderTime::from_millis(1_704_103_320_000);

    fn reviewed(status: Value, result: Value) -> Review {
        let status: Option<ReviewStatus> = serde_json::from_value(status).unwrap();
        review(status, &serde_json::from_value(result).unwrap(), AT)
    }

    fn explained(text: &str) -> Reason {
        Reason::explained(text).unwrap()
    }

    #[test]
    fn a_verdict_counts_only_in_a_completed_review() {
        let green = || json!({ "reviewAnswer": "GREEN" });
        assert_eq!(reviewed(json!("init"), green()), Review::Pending);
        for status in [
            "pending",
            "queued",
            "prechecked",
            "onHold",
            "awaitingService",
            "awaitingUser",
        ] {
            assert_eq!(
                reviewed(json!(status), green()),
                Review::InProgress,
                "{status}"
            );
        }
        assert_eq!(
            reviewed(json!("completed"), green()),
            Review::Approved { at: AT, name: None }
        );
    }

    #[test]
    fn what_is_not_understood_neither_approves_nor_rejects() {
        for status in [json!("archived"), Value::Null] {
            assert_eq!(
                reviewed(status, json!({ "reviewAnswer": "GREEN" })),
                Review::InProgress
            );
        }
        for result in [
            json!({}),
            json!({ "reviewAnswer": "YELLOW" }),
            json!({ "reviewAnswer": 1 }),
        ] {
            assert_eq!(reviewed(json!("completed"), result), Review::InProgress);
        }
        for reject_type in [Value::Null, json!("EXTERNAL"), json!([])] {
            let result = json!({ "reviewAnswer": "RED", "reviewRejectType": reject_type });
            assert_eq!(
                reviewed(json!("completed"), result),
                Review::Retry {
                    reason: Reason::unexplained_retry()
                }
            );
        }
    }

    #[test]
    fn the_reason_is_the_comment_for_the_applicant_and_never_another() {
        let red = |reject_type: &str, comment: &str| {
            json!({ "reviewAnswer": "RED", "reviewRejectType": reject_type, "moderationComment": comment,
                "clientComment": "on a sanctions list", "rejectLabels": ["SANCTIONS"] })
        };
        assert_eq!(
            reviewed(json!("completed"), red("RETRY", "Blurry.\n\n")),
            Review::Retry {
                reason: explained("Blurry.")
            }
        );
        assert_eq!(
            reviewed(json!("completed"), red("FINAL", " ")),
            Review::Rejected {
                at: AT,
                reason: Reason::unexplained_rejection()
            }
        );
        let written = reviewed(
            json!("completed"),
            red("FINAL", "Write to ${clientSupportEmail}."),
        );
        assert_eq!(
            written,
            Review::Rejected {
                at: AT,
                reason: explained("Write to our support.")
            }
        );
    }

    fn applicant(json: Value) -> ApplicantRecord {
        match lookup(&serde_json::from_value(json).unwrap(), AT).unwrap() {
            ApplicantLookup::Active(record) => *record,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_applicant_needs_nothing_but_an_id() {
        let seen = applicant(json!({ "id": "65abc123def4560000000000" }));
        assert_eq!(seen.observation.review, Review::InProgress);
        assert_eq!((seen.person, seen.user), (None, None));
    }

    #[test]
    fn odd_members_do_not_cost_the_applicant() {
        let seen = applicant(
            json!({ "id": "a", "createdAt": {}, "externalUserId": 7, "info": [], "fixedInfo": "x", "deleted": null,
            "review": { "reviewStatus": "completed", "reviewDate": false, "reviewResult": { "reviewAnswer": "GREEN" } } }),
        );
        assert_eq!(
            seen.observation.review,
            Review::Approved { at: AT, name: None }
        );
    }

    #[test]
    fn the_time_of_the_verdict_is_the_providers() {
        let seen = applicant(
            json!({ "id": "a", "createdAt": "2024-01-01 10:00:00", "review": { "reviewStatus": "completed",
            "reviewDate": "2024-01-01 10:01:00+0000", "reviewResult": { "reviewAnswer": "GREEN" } } }),
        );
        assert_eq!(
            seen.observation.review.verified_at(),
            Some(ProviderTime::from_millis(1_704_103_260_000))
        );
        assert_eq!(
            seen.observation.started_at,
            Some(ProviderTime::from_millis(1_704_103_200_000))
        );
    }

    #[test]
    fn names_come_from_the_documents_and_fall_back_to_latin_letters() {
        let person = |info: Value| {
            applicant(json!({ "id": "a", "info": info, "fixedInfo": { "firstName": "No" } }))
                .person
                .unwrap()
        };
        let native =
            person(json!({ "firstName": "Иван", "firstNameEn": "Ivan", "lastNameEn": "Petrov" }));
        assert_eq!(native.first_name.unwrap().reveal(), "Иван");
        assert_eq!(native.last_name.unwrap().reveal(), "Petrov");
        assert_eq!(
            person(json!({ "firstName": " ", "lastName": "Smith" })).first_name,
            None
        );
        let middle =
            person(json!({ "firstName": "Jane", "middleName": "Mary", "lastName": "Smith" }));
        assert_eq!(middle.first_name.unwrap().reveal(), "Jane Mary");
    }

    #[test]
    fn names_of_a_level_without_documents_are_those_that_were_supplied() {
        let fixed = json!({ "firstName": "Jane", "lastName": "Smith" });
        for info in [Value::Null, json!({}), json!({ "dob": "1990-05-15" })] {
            let seen = applicant(json!({ "id": "a", "info": info, "fixedInfo": fixed }));
            let name = seen.observation.name.unwrap();
            assert_eq!(name.first().unwrap().reveal(), "Jane");
            assert_eq!(seen.person.unwrap().last_name.unwrap().reveal(), "Smith");
        }
    }

    #[test]
    fn level_and_type_are_told() {
        let seen =
            applicant(json!({ "id": "a", "type": "company", "review": { "levelName": "extra" } }));
        assert_eq!(seen.observation.level, Level::parse("extra").ok());
        assert_eq!(seen.observation.applicant_type, Some(ApplicantType::Other));
        let silent = applicant(json!({ "id": "a" })).observation;
        assert_eq!((silent.level, silent.applicant_type), (None, None));
    }

    #[test]
    fn old_accounts_complete_a_review_in_three_ways() {
        for status in ["completedSent", "completedSentFailure"] {
            let review = reviewed(json!(status), json!({ "reviewAnswer": "GREEN" }));
            assert_eq!(review, Review::Approved { at: AT, name: None });
        }
    }

    #[test]
    fn the_newest_image_of_a_side_counts() {
        let image = |side: &str, country: Value, date: &str, answer: &str| {
            json!({ "addedDate": date, "reviewResult": { "reviewAnswer": answer },
                "idDocDef": { "idDocType": "ID_CARD", "country": country, "idDocSubType": side } })
        };
        let resources: Vec<Resource> = serde_json::from_value(json!([
            image("FRONT_SIDE", json!("GBR"), "2024-01-01 10:05:00", "GREEN"),
            image("FRONT_SIDE", json!("GBR"), "2024-01-01 10:01:00", "RED"),
            image("BACK_SIDE", Value::Null, "2024-01-01 10:02:00", "GREEN"),
        ]))
        .unwrap();
        let shown = documents(&resources);
        let [document] = &shown[..] else {
            panic!("{} documents", shown.len())
        };
        assert_eq!(document.stored.status, DocumentStatus::Verified);
        assert_eq!(document.country.as_ref().unwrap().reveal(), "GBR");
        let first = ProviderTime::from_millis(1_704_103_260_000);
        assert_eq!(document.stored.submitted_at, Some(first));
    }

    #[test]
    fn residence_is_looked_for_in_order() {
        let residence = |json: Value| {
            applicant(json)
                .person
                .unwrap()
                .country_of_residence
                .unwrap()
                .reveal()
                .to_owned()
        };
        let all = json!({ "id": "a", "info": { "country": "DDD", "addresses": [{ "country": "AAA" }] },
            "fixedInfo": { "country": "CCC", "addresses": [{ "country": "BBB" }] } });
        assert_eq!(residence(all), "AAA");
        let fixed = json!({ "id": "a", "info": { "country": "DDD" }, "fixedInfo": { "country": "CCC", "addresses": [{ "country": "BBB" }] } });
        assert_eq!(residence(fixed), "BBB");
        assert_eq!(
            residence(
                json!({ "id": "a", "info": { "country": "DDD" }, "fixedInfo": { "country": "CCC" } })
            ),
            "CCC"
        );
        assert_eq!(
            residence(json!({ "id": "a", "info": { "country": "DDD" } })),
            "DDD"
        );
    }

    #[test]
    fn images_become_documents() {
        let image = |kind: &str, country: &str, date: &str, answer: &str| {
            json!({ "addedDate": date, "idDocDef": { "idDocType": kind, "country": country }, "reviewResult": { "reviewAnswer": answer },
                "fileMetadata": { "fileName": "jane-smith.jpg" } })
        };
        let mut withdrawn = image("PASSPORT", "FRA", "2024-01-01 10:00:00", "RED");
        withdrawn["deactivated"] = json!(true);
        let resources: Vec<Resource> = serde_json::from_value(json!([
            image("PASSPORT", "GBR", "2024-01-01 10:02:00", "GREEN"),
            image("PASSPORT", "GBR", "2024-01-01 10:01:00", "GREEN"),
            image("PASSPORT", "DEU", "2024-01-01 10:03:00", "GREEN"),
            image("DRIVERS", "GBR", "2024-01-01 10:03:00", "GREEN"),
            image("DRIVERS", "GBR", "2024-01-01 10:04:00", "RED"),
            image("ID_CARD", "GBR", "never", "GREEN"),
            { "idDocDef": { "idDocType": "RESIDENCE_PERMIT" } },
            image("SELFIE", "GBR", "2024-01-01 10:03:00", "GREEN"),
            {},
            withdrawn,
        ]))
        .unwrap();
        let shown: Vec<_> = documents(&resources)
            .into_iter()
            .map(|document| {
                let country = document
                    .country
                    .map(|country| country.reveal().to_owned())
                    .unwrap_or_default();
                let submitted = document.stored.submitted_at.map_or(0, ProviderTime::millis);
                (
                    document.stored.kind.as_str(),
                    country,
                    document.stored.status.as_str(),
                    submitted,
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("PASSPORT", "DEU".into(), "verified", 1_704_103_380_000),
                ("PASSPORT", "GBR".into(), "verified", 1_704_103_260_000),
                ("ID_CARD", "GBR".into(), "verified", 0),
                (
                    "DRIVERS_LICENSE",
                    "GBR".into(),
                    "rejected",
                    1_704_103_380_000
                ),
                ("RESIDENCE_PERMIT", String::new(), "pending", 0),
            ]
        );
    }
}

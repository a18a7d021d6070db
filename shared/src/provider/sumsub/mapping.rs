//! What Sumsub's words mean in ours.

use std::collections::BTreeMap;

use super::wire::{
    Answer, Applicant, IdDocument, Info, RejectType, Resource, ReviewResult, ReviewStatus,
};
use crate::kyc::{
    ApplicantId, Document, DocumentStatus, DocumentType, Name, NameRead, Observation, Personal,
    Reason, Review, StoredDocument, Timestamp, UserId,
};
use crate::provider::{Person, Snapshot};

/// Where a verification stands. A verdict counts only when the review is `completed`: a GREEN also rides on resets and on
/// paused checks. What is not understood never approves, and never locks anybody out.
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
    decided_at: Timestamp,
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

fn verdict(result: &ReviewResult, decided_at: Timestamp) -> Review {
    match (result.review_answer, result.review_reject_type) {
        (Some(Answer::Green), _) => Review::Approved {
            at: decided_at,
            name: None,
        },
        (Some(Answer::Red), Some(RejectType::Final)) => Review::Rejected {
            at: decided_at,
            reason: reason(result).unwrap_or_else(Reason::unexplained_rejection),
        },
        (Some(Answer::Red), reject_type) => {
            if reject_type != Some(RejectType::Retry) {
                tracing::warn!("unknown reject type of the provider, taken for a retry");
            }
            Review::Retry {
                reason: reason(result).unwrap_or_else(Reason::unexplained_retry),
            }
        }
        (Some(Answer::Unknown) | None, _) => {
            tracing::warn!(
                "completed review of the provider without a known answer, taken for in_progress"
            );
            Review::InProgress
        }
    }
}

/// The comment that is written for the applicant. It may hold a placeholder that the provider's own e-mails fill in.
fn reason(result: &ReviewResult) -> Option<Reason> {
    let comment = result
        .moderation_comment
        .as_ref()?
        .reveal()
        .replace("${clientSupportEmail}", "our support");
    Reason::explained(&comment)
}

/// An applicant as of `read_at`, the time at which the read began.
pub(super) fn snapshot(applicant: &Applicant, read_at: Timestamp) -> Snapshot {
    let decided_at = applicant
        .review
        .date
        .as_ref()
        .and_then(super::time::WireTime::timestamp);
    let mut review = review(
        applicant.review.status,
        &applicant.review.result,
        decided_at.unwrap_or(read_at),
    );
    let person = applicant.info.as_ref().map(|info| person(info, applicant));
    if let (Review::Approved { name, .. }, Some(person)) = (&mut review, &person) {
        *name = Name::new(person.first_name.clone(), person.last_name.clone())
            .map(|name| NameRead { name, read_at });
    }
    Snapshot {
        user: applicant
            .external_user_id
            .as_deref()
            .and_then(|id| UserId::parse(id).ok()),
        observation: Observation {
            at: read_at,
            applicant: ApplicantId::parse(&applicant.id).ok(),
            started_at: applicant
                .created_at
                .as_ref()
                .and_then(super::time::WireTime::timestamp),
            review,
        },
        document_countries: applicant
            .info
            .iter()
            .flat_map(|info| &info.id_docs)
            .filter_map(typed_country)
            .collect(),
        person,
    }
}

fn typed_country(document: &IdDocument) -> Option<(DocumentType, Personal)> {
    Some((
        document_type(&document.id_doc_type)?,
        document.country.clone()?,
    ))
}

fn person(info: &Info, applicant: &Applicant) -> Person {
    let fixed = applicant.fixed_info.as_ref();
    let country_of_residence = None
        .or(info
            .addresses
            .first()
            .and_then(|address| address.country.as_ref()))
        .or(fixed.and_then(|fixed| fixed.addresses.first()?.country.as_ref()))
        .or(fixed.and_then(|fixed| fixed.country.as_ref()))
        .or(info.country.as_ref());
    Person {
        first_name: info
            .first_name
            .clone()
            .or_else(|| info.first_name_en.clone()),
        last_name: info.last_name.clone().or_else(|| info.last_name_en.clone()),
        date_of_birth: info.dob.clone(),
        nationality: info.nationality.clone(),
        country_of_residence: country_of_residence.cloned(),
    }
}

/// Our documents: active images of a type that we show, grouped by type and country. A document counts as submitted with its
/// first image, as rejected with any, and as verified with all.
pub(super) fn documents(resources: &[Resource]) -> Vec<Document> {
    let mut groups: BTreeMap<(DocumentType, Option<Personal>), Vec<&Resource>> = BTreeMap::new();
    for resource in resources.iter().filter(|resource| !resource.deactivated) {
        if let Some(kind) = document_type(&resource.id_doc_def.id_doc_type) {
            groups
                .entry((kind, resource.id_doc_def.country.clone()))
                .or_default()
                .push(resource);
        }
    }
    groups
        .into_iter()
        .map(|((kind, country), images)| {
            let answers = || images.iter().map(|image| image.review_result.review_answer);
            let status = if answers().any(|answer| answer == Some(Answer::Red)) {
                DocumentStatus::Rejected
            } else if answers().all(|answer| answer == Some(Answer::Green)) {
                DocumentStatus::Verified
            } else {
                DocumentStatus::Pending
            };
            let submitted_at = images
                .iter()
                .filter_map(|image| image.added_date.as_ref()?.timestamp())
                .min();
            Document {
                stored: StoredDocument {
                    kind,
                    status,
                    submitted_at,
                },
                country,
            }
        })
        .collect()
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

    const AT: Timestamp = Timestamp::from_millis(1_704_103_320_000);

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

    fn applicant(json: Value) -> Snapshot {
        snapshot(&serde_json::from_value(json).unwrap(), AT)
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
            Some(Timestamp::from_millis(1_704_103_260_000))
        );
        assert_eq!(
            seen.observation.started_at,
            Some(Timestamp::from_millis(1_704_103_200_000))
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
        assert_eq!(person(json!({ "firstName": " " })).first_name, None);
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
                let submitted = document.stored.submitted_at.map_or(0, Timestamp::millis);
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

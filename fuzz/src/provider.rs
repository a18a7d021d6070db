//! The provider's answers: what is read from them, and what is not shown of it.
//!
//! An input is the body of an answer, read both as an applicant and as a list of images.

use serde_json::Value;
use shared::kyc::{Document, DocumentsRead, Status, apply, erase, rename};
use shared::provider::sumsub::{applicant, documents};
use shared::provider::{Sighting, Snapshot};

use crate::{NOW, it_holds_together, nobody, onboarding};

/// Members that hold something about a person, in any part of an answer.
const PERSONAL: [&str; 8] = [
    "country",
    "dob",
    "firstName",
    "firstNameEn",
    "lastName",
    "lastNameEn",
    "moderationComment",
    "nationality",
];

/// Checks both readings.
pub fn run(data: &[u8]) {
    let seen = applicant(data, NOW);
    let listed = documents(data);
    if let Ok(body) = serde_json::from_slice(data) {
        nothing_personal_is_printed(body);
    }
    if let Ok(Sighting::Applicant(snapshot)) = &seen {
        it_can_be_applied(snapshot);
        only_a_completed_green_approves(snapshot, data);
    }
    if let Ok(listed) = listed {
        for (index, document) in listed.iter().enumerate() {
            let twice = listed[..index].iter().any(|other| is_same(document, other));
            assert!(!twice);
        }
        let read = DocumentsRead {
            read_at: NOW,
            documents: listed.into_iter().map(|document| document.stored).collect(),
        };
        let user = nobody().with_documents(read.clone());
        assert_eq!(user.documents, Some(read));
        assert_eq!(erase(&user, NOW).documents, None);
    }
}

fn is_same(one: &Document, other: &Document) -> bool {
    (one.stored.kind, &one.country) == (other.stored.kind, &other.country)
}

/// Two answers that differ in nothing but personal texts are printed alike.
fn nothing_personal_is_printed(body: Value) {
    let printed = |body: &Value| {
        let body = serde_json::to_vec(body).expect("JSON");
        format!("{:?} {:?}", applicant(&body, NOW), documents(&body))
    };
    let before = printed(&body);
    assert_eq!(before, printed(&disguised(body)));
}

/// The answer with other personal texts. They keep their order, and none becomes empty or equal to another, because that may
/// show: in which order documents are listed, and how many there are.
fn disguised(value: Value) -> Value {
    match value {
        Value::Array(members) => members.into_iter().map(disguised).collect(),
        Value::Object(members) => {
            let members = members.into_iter().map(|(name, value)| match value {
                Value::String(text)
                    if PERSONAL.contains(&name.as_str()) && !text.trim().is_empty() =>
                {
                    (name, Value::String(format!("#{text}")))
                }
                value => (name, disguised(value)),
            });
            Value::Object(members.collect())
        }
        other => other,
    }
}

fn it_can_be_applied(snapshot: &Snapshot) {
    let observation = &snapshot.observation;
    assert_eq!(observation.at, NOW);
    for before in [
        nobody(),
        rename(&nobody(), NOW.before()),
        erase(&nobody(), NOW.before()),
    ] {
        let after = apply(&before, observation, &onboarding());
        assert_eq!(after, apply(&after, observation, &onboarding()));
        assert_eq!(after.review.status(), observation.review.status());
        it_holds_together(&before, &after);

        let erased = erase(&after, NOW);
        assert_eq!((erased.name(), &erased.applicant), (None, &None));
        let again = apply(&erased, observation, &onboarding());
        assert_eq!((again.name(), &again.applicant), (None, &None));
    }
    let gone = erase(&nobody(), NOW);
    let after = apply(&gone, observation, &onboarding());
    assert_eq!((after.name(), &after.applicant), (None, &None));
}

/// Read from the JSON itself, without any of the code that reads it otherwise.
fn only_a_completed_green_approves(snapshot: &Snapshot, body: &[u8]) {
    let review = &snapshot.observation.review;
    assert!(review.name().is_none() || review.status() == Status::Approved);
    if review.status() != Status::Approved {
        return;
    }
    // What the rest of the body holds need not be a value that can be kept.
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return;
    };
    assert_eq!(body["review"]["reviewStatus"], "completed");
    assert_eq!(body["review"]["reviewResult"]["reviewAnswer"], "GREEN");
    assert!(body["id"].is_string());
    if review.name().is_some() {
        assert!(body["info"].is_object());
    }
}

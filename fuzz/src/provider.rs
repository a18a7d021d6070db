//! Responses of the provider: the meaning that is read from them, and the data that is not shown.
//!
//! An input is the body of a response, read both as an applicant and as a list of images.

use serde_json::Value;
use shared::kyc::{
    Document, DocumentsRead, EventEffect, Hint, Status, UserId, apply_hint, apply_read,
};
use shared::provider::sumsub::{applicant, documents};
use shared::provider::{ApplicantLookup, ApplicantRecord};

use crate::{LEVEL, NOW, NOW_THERE, check_change, disguised, nobody, policy};

/// Checks both readings.
pub fn run(data: &[u8]) {
    let found = applicant(data, None, NOW_THERE);
    let listed = documents(data);
    if let Ok(body) = serde_json::from_slice(data) {
        nothing_personal_is_printed(body);
    }
    it_is_about_the_user_who_was_asked_for(data);
    if let Ok(ApplicantLookup::Active(record)) = &found {
        it_can_be_applied(record);
        only_a_green_on_a_level_of_the_list_approves(record, data);
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
        assert_eq!(
            nobody().with_documents(read).documents,
            None,
            "there is no applicant"
        );
    }
}

fn is_same(one: &Document, other: &Document) -> bool {
    (one.stored.kind, &one.country) == (other.stored.kind, &other.country)
}

/// Two responses that differ in nothing but personal texts are printed alike.
fn nothing_personal_is_printed(body: Value) {
    let printed = |body: &Value| {
        let body = serde_json::to_vec(body).expect("JSON");
        let found = applicant(&body, None, NOW_THERE);
        format!("{found:?} {:?}", documents(&body))
    };
    let before = printed(&body);
    assert_eq!(before, printed(&disguised(body)));
}

/// A response that names another user than the one asked for is refused.
fn it_is_about_the_user_who_was_asked_for(data: &[u8]) {
    let user = UserId::parse("usr_abc123").expect("an identifier");
    if let Ok(ApplicantLookup::Active(record)) = applicant(data, Some(&user), NOW_THERE) {
        assert!(record.user.is_none_or(|found| found == user));
    }
}

fn it_can_be_applied(record: &ApplicantRecord) {
    let seen = &record.observation;
    let stranger = nobody();
    let ours = nobody().with_session(NOW);
    for before in [stranger, ours] {
        let after = apply_read(&before, seen, NOW, &policy());
        assert_eq!(after, apply_read(&after, seen, NOW, &policy()));
        check_change(&before, &after);
        let expected = match seen.review.status() {
            Status::Approved if !seen.approves(&policy().approval_levels) => Status::InProgress,
            status => status,
        };
        assert_eq!(after.review.status(), expected);
        assert_eq!(after.applicant, seen.applicant);
        assert!(after.name().is_none() || before.is_ours());

        let erasure = Hint {
            applicant: seen.applicant.clone(),
            at: None,
            effect: EventEffect::Erased,
        };
        let erased = apply_hint(&after, &erasure, NOW, &policy());
        check_change(&after, &erased);
        assert_eq!(
            (erased.name(), &erased.applicant, erased.review.reason()),
            (None, &None, None)
        );
        let again = apply_read(&erased, seen, NOW, &policy());
        assert_eq!(again, erased);
    }
}

/// The conditions are read from the JSON itself, without any of the code that reads it otherwise.
fn only_a_green_on_a_level_of_the_list_approves(record: &ApplicantRecord, body: &[u8]) {
    let seen = &record.observation;
    assert_eq!(seen.review.name(), None);
    if !seen.approves(&policy().approval_levels) {
        return;
    }
    // The rest of the body need not hold a value that can be kept.
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return;
    };
    let review = &body["review"];
    let status = review["reviewStatus"].as_str().expect("a status");
    assert!(status.starts_with("completed"));
    assert_eq!(review["reviewResult"]["reviewAnswer"], "GREEN");
    assert_eq!(review["levelName"].as_str().map(str::trim), Some(LEVEL));
    assert!(
        body["type"]
            .as_str()
            .is_none_or(|kind| kind == "individual")
    );
    assert!(body["id"].is_string());
    assert!(seen.name.is_none() || body["info"].is_object() || body["fixedInfo"].is_object());
}

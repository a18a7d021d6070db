//! Properties of everything that comes from outside, in functions that a fuzzer calls.
//!
//! Each module is one target: a way in, and the properties of it. `fuzz/run` searches for inputs that break one; `cargo test`
//! replays the inputs in `corpus/`.

pub mod delivery;
pub mod event;
pub mod provider;
pub mod token;

use serde_json::Value;
use shared::kyc::{
    ApprovalLevels, Onboarding, Policy, ProviderTime, ReviewSchedule, Step, Timestamp, Transition,
    User, UserId,
};

/// The time of everything here: an hour or so after the examples in the corpora.
const NOW_MILLIS: i64 = 1_704_110_000_000;
const NOW: Timestamp = Timestamp::from_millis(NOW_MILLIS);
/// The same by the provider's clock.
const NOW_THERE: ProviderTime = ProviderTime::from_millis(NOW_MILLIS);

/// The level of the examples, whose GREEN approves.
const LEVEL: &str = "basic-kyc-level";

/// Members that hold something about a person, in any message of the provider.
const PERSONAL: [&str; 10] = [
    "country",
    "dob",
    "firstName",
    "firstNameEn",
    "lastName",
    "lastNameEn",
    "middleName",
    "middleNameEn",
    "moderationComment",
    "nationality",
];

/// Returns the first line, and the rest.
fn line(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &[]),
    }
}

/// Returns a user of whom nothing is known yet, and who is not ours.
fn nobody() -> User {
    let id = UserId::parse("usr_abc123").expect("an identifier");
    User::new(id, Step::kyc_verification())
}

fn policy() -> Policy {
    let steps = "personal_details,kyc_verification,open_banking";
    Policy {
        onboarding: Onboarding::parse(steps).expect("a list of steps"),
        approval_levels: ApprovalLevels::parse(LEVEL).expect("a list of levels"),
        schedule: ReviewSchedule::sweeping_after(24),
    }
}

/// Checks the properties of a change that an event or a read caused.
fn check_change(before: &User, after: &User) {
    after.check().expect("a consistent user");
    let unchanged = User {
        review: before.review.clone(),
        applicant: before.applicant.clone(),
        started_at: before.started_at,
        step: before.step.clone(),
        documents: before.documents.clone(),
        reported_at: before.reported_at,
        hinted_at: before.hinted_at,
        doubt: before.doubt,
        missing_since: before.missing_since,
        erased: before.erased.clone(),
        waiting_since: before.waiting_since,
        ..after.clone()
    };
    assert_eq!(&unchanged, before, "what only we decide on");
    assert!(after.documents.is_none() || after.documents == before.documents);
    assert!(after.reported_at >= before.reported_at);
    assert!(after.erased.starts_with(&before.erased));
    assert!(after == before || policy().schedule.due(after).is_some());
    let is_transition = before.review.status() != after.review.status()
        || before.step != after.step
        || before.erased != after.erased;
    assert_eq!(Transition::between(before, after).is_some(), is_transition);
}

/// Returns the message with other personal texts. They keep their order, and none becomes empty or equal to another, because that
/// may show: in which order documents are listed, and how many there are.
fn disguised(message: Value) -> Value {
    match message {
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

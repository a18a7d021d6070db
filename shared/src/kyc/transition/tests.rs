use proptest::prelude::*;

use super::*;
use crate::kyc::{ApplicantId, DocumentsRead, Name, Personal, Reason, StoredDocument, UserId};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn onboarding() -> Onboarding {
    Onboarding::parse("phone_verification,kyc_verification,open_banking").unwrap()
}

fn new_user() -> User {
    User::new(
        UserId::parse("usr_abc123").unwrap(),
        Step::kyc_verification(),
    )
}

fn named(first: &str, read_at: i64) -> Option<NameRead> {
    let name = Name::new(Some(Personal::new(first)), None)?;
    Some(NameRead {
        name,
        read_at: at(read_at),
    })
}

fn review(status: Status, decided_at: i64, name: Option<NameRead>) -> Review {
    let at = at(decided_at);
    match status {
        Status::Pending => Review::Pending,
        Status::InProgress => Review::InProgress,
        Status::Retry => Review::Retry {
            reason: Reason::unexplained_retry(),
        },
        Status::Approved => Review::Approved { at, name },
        Status::Rejected => Review::Rejected {
            at,
            reason: Reason::unexplained_rejection(),
        },
    }
}

fn seen(time: i64, status: Status) -> Observation {
    named_seen(time, status, None)
}

fn named_seen(time: i64, status: Status, name: Option<NameRead>) -> Observation {
    Observation {
        at: at(time),
        applicant: ApplicantId::parse("65abc123def4560000000000").ok(),
        started_at: Some(at(1)),
        review: review(status, time, name),
    }
}

fn after(observations: &[Observation]) -> User {
    observations
        .iter()
        .fold(new_user(), |user, seen| apply(&user, seen, &onboarding()))
}

/// The table in the documentation of [`apply`], row by row.
#[test]
fn the_documented_table_holds() {
    let status = |name: &str| {
        let is_named = |status: &Status| status.as_str() == name;
        Status::ALL.into_iter().find(is_named).unwrap()
    };
    let mut rows = 0;
    for row in include_str!("table.md").lines().skip(2) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [stored, observed, later, same, earlier] = cells[..] else {
            panic!("{row}")
        };
        let user = after(&[seen(1_000, status(stored))]);
        for (time, expected) in [(1_001, later), (1_000, same), (999, earlier)] {
            let user = apply(&user, &seen(time, status(observed)), &onboarding());
            assert_eq!(user.review.status().as_str(), expected, "{row} at {time}");
        }
        rows += 1;
    }
    assert_eq!(rows, Status::ALL.len() * Status::ALL.len());
}

#[test]
fn an_approval_advances_the_onboarding_once_and_never_back() {
    let user = after(&[seen(1, Status::Approved)]);
    assert_eq!(user.step.as_str(), "open_banking");
    let reset = apply(&user, &seen(2, Status::Pending), &onboarding());
    assert_eq!(reset.step.as_str(), "open_banking");
    let again = apply(&reset, &seen(3, Status::Approved), &onboarding());
    assert_eq!(again.step.as_str(), "open_banking");
}

#[test]
fn an_approved_user_who_reaches_the_step_later_is_advanced_by_the_next_look() {
    let mut user = new_user();
    user.step = Step::new("phone_verification");
    let approved = apply(&user, &seen(1, Status::Approved), &onboarding());
    assert_eq!(approved.step.as_str(), "phone_verification");
    let arrived = User {
        step: Step::kyc_verification(),
        ..approved
    };
    for time in [0, 1, 2] {
        let user = apply(&arrived, &seen(time, Status::Approved), &onboarding());
        assert_eq!(user.step.as_str(), "open_banking");
    }
}

#[test]
fn an_approval_that_was_taken_back_before_it_arrived_advances_nothing() {
    let user = after(&[seen(2, Status::Pending), seen(1, Status::Approved)]);
    assert_eq!(
        (user.review.status(), user.step.as_str()),
        (Status::Pending, "kyc_verification")
    );
}

#[test]
fn a_name_is_filled_in_and_kept() {
    let approved = after(&[seen(10, Status::Approved)]);
    assert!(approved.lacks_name());
    let mut read = named_seen(12, Status::Approved, named("Jane", 12));
    read.review = review(Status::Approved, 10, named("Jane", 12));
    let filled = apply(&approved, &read, &onboarding());
    assert_eq!(filled.name().unwrap().first().unwrap().reveal(), "Jane");

    // A second event about the same approval carries no name.
    let mut event = seen(13, Status::Approved);
    event.review = review(Status::Approved, 10, None);
    assert_eq!(apply(&filled, &event, &onboarding()).name(), filled.name());
}

#[test]
fn a_name_of_an_earlier_approval_is_not_taken_for_the_new_one() {
    let named_then = named_seen(1, Status::Approved, named("Jane", 1));
    let user = after(&[seen(3, Status::Approved), named_then.clone()]);
    assert!(user.lacks_name());
    let user = after(&[named_then, seen(2, Status::Rejected)]);
    assert_eq!(user.name(), None);
}

#[test]
fn an_erasure_takes_everything_but_the_verdict() {
    let documents = DocumentsRead {
        read_at: at(10),
        documents: Vec::<StoredDocument>::new(),
    };
    let user = after(&[named_seen(10, Status::Approved, named("Jane", 10))])
        .with_documents(documents.clone());
    assert!(user.documents.is_some());

    let erased = erase(&user, at(20));
    assert_eq!(erased.review, review(Status::Approved, 10, None));
    assert_eq!(
        (erased.applicant.clone(), erased.documents.clone()),
        (None, None)
    );
    assert!(!erased.lacks_name(), "nothing is left that could be read");

    // What was seen before does not bring it back, what happens afterwards counts again.
    let late = apply(
        &erased,
        &named_seen(15, Status::Approved, named("Jane", 15)),
        &onboarding(),
    );
    assert_eq!((late.name(), late.applicant.clone()), (None, None));
    assert_eq!(late.clone().with_documents(documents).documents, None);
    let anew = apply(
        &late,
        &named_seen(21, Status::Approved, named("Jane", 21)),
        &onboarding(),
    );
    assert!(anew.name().is_some() && anew.applicant.is_some());
    assert_eq!(
        erase(&anew, at(20)).name(),
        anew.name(),
        "an erasure that arrives late"
    );
}

#[test]
fn a_name_that_was_read_before_it_changed_is_not_used() {
    let user = after(&[named_seen(10, Status::Approved, named("Jane", 10))]);
    let renamed = rename(&user, at(20));
    assert!(renamed.lacks_name(), "it is read again");
    let stale = named_seen(15, Status::Approved, named("Jane", 15));
    assert!(apply(&renamed, &stale, &onboarding()).lacks_name());
    let fresh = named_seen(21, Status::Approved, named("Joan", 21));
    let read = apply(&renamed, &fresh, &onboarding());
    assert_eq!(read.name().unwrap().first().unwrap().reveal(), "Joan");
    assert_eq!(
        rename(&read, at(20)).name(),
        read.name(),
        "news that arrive late"
    );
}

#[test]
fn history_has_statuses_and_advances_only() {
    let user = new_user();
    let approved = apply(&user, &seen(1, Status::Approved), &onboarding());
    let transition = Transition::between(&user, &approved).unwrap();
    assert_eq!(
        (transition.from, transition.to),
        (Status::Pending, Status::Approved)
    );
    assert_eq!(transition.advanced_to, Some(Step::new("open_banking")));
    let confirmed = apply(&approved, &seen(2, Status::Approved), &onboarding());
    assert_eq!(Transition::between(&approved, &confirmed), None);
}

/// Everything but the onboarding, which depends on what was seen in between.
fn verification(user: User) -> User {
    User {
        step: Step::complete(),
        ..user
    }
}

#[derive(Debug, Clone)]
enum News {
    Seen(Observation),
    Erased(i64),
    Renamed(i64),
}

fn applied(news: &[News]) -> User {
    verification(news.iter().fold(new_user(), |user, news| match news {
        News::Seen(observation) => apply(&user, observation, &onboarding()),
        News::Erased(time) => erase(&user, at(*time)),
        News::Renamed(time) => rename(&user, at(*time)),
    }))
}

fn any_news() -> impl Strategy<Value = News> {
    let status = proptest::sample::select(Status::ALL.to_vec());
    // Few different times, so that equal ones occur often.
    let seen = (1..8_i64, status, any::<bool>()).prop_map(|(time, status, with_name)| {
        News::Seen(named_seen(
            time,
            status,
            named("Jane", time).filter(|_| with_name),
        ))
    });
    prop_oneof![
        8 => seen,
        1 => (1..8_i64).prop_map(News::Erased),
        1 => (1..8_i64).prop_map(News::Renamed),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_order_and_any_repetition_end_in_the_same_state(
        (news, shuffled) in proptest::collection::vec(any_news(), 1..8)
            .prop_flat_map(|news| (Just(news.clone()), Just([news.clone(), news].concat()).prop_shuffle()))
    ) {
        prop_assert_eq!(applied(&news), applied(&shuffled));
    }
}

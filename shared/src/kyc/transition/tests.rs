//! The tables, and the worlds that once lost a verdict.

mod properties;

use std::time::Duration;

use super::*;
use crate::kyc::{
    ApplicantType, DocumentsRead, Level, Name, Personal, Queue, Reason, StoredDocument, UserId,
    apply_block, apply_erasure, apply_registered_erasure,
};

/// An hour in milliseconds.
const HOUR: i64 = 3_600_000;

fn ours(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn theirs(millis: i64) -> ProviderTime {
    ProviderTime::from_millis(millis)
}

fn policy() -> Policy {
    Policy {
        onboarding: Onboarding::parse("phone_verification,kyc_verification,open_banking").unwrap(),
        approval_levels: ApprovalLevels::parse("basic,old").unwrap(),
        schedule: ReviewSchedule::sweeping_after(24),
    }
}

fn level(name: &str) -> Option<Level> {
    Level::parse(name).ok()
}

fn applicant(id: &str) -> ApplicantId {
    ApplicantId::parse(id).unwrap()
}

fn jane() -> Option<Name> {
    named("Jane")
}

fn named(first: &str) -> Option<Name> {
    Name::new(Some(Personal::new(first)), None)
}

fn first_name(user: &User) -> Option<&str> {
    user.name()?.first().map(Personal::reveal)
}

fn review(status: Status, decided_at: i64) -> Review {
    let at = theirs(decided_at).truncated_to_seconds();
    match status {
        Status::Pending => Review::Pending,
        Status::InProgress => Review::InProgress,
        Status::Retry => Review::Retry {
            reason: Reason::unexplained_retry(),
        },
        Status::Approved => Review::Approved { at, name: None },
        Status::Rejected => Review::Rejected {
            at,
            reason: Reason::unexplained_rejection(),
        },
    }
}

/// Returns the state of the applicant `one` on a level of the list, decided at `decided_at` if that is a verdict, as events tell it.
fn told(status: Status, decided_at: i64) -> Observation {
    Observation {
        applicant: Some(applicant("one")),
        started_at: None,
        level: level("basic"),
        applicant_type: Some(ApplicantType::Individual),
        reviewed_at: None,
        review: review(status, decided_at),
        name: None,
    }
}

/// Returns the same as a read shows it.
fn seen(status: Status, decided_at: i64) -> Observation {
    let reviewed_at = theirs(decided_at).truncated_to_seconds();
    Observation {
        started_at: Some(theirs(0)),
        reviewed_at: status.is_verdict().then_some(reviewed_at),
        name: jane(),
        ..told(status, decided_at)
    }
}

fn hint(effect: EventEffect, at: Option<EventTime>) -> Hint {
    Hint {
        applicant: Some(applicant("one")),
        at,
        effect,
    }
}

/// Returns an event that bears its millisecond.
fn event(effect: EventEffect, at: i64) -> Hint {
    hint(effect, Some(EventTime::exact(theirs(at))))
}

fn reviewed_event(status: Status, at: i64) -> Hint {
    event(EventEffect::Reviewed(told(status, at)), at)
}

fn about(id: &str, mut hint: Hint) -> Hint {
    hint.applicant = Some(applicant(id));
    if let EventEffect::Reviewed(seen) = &mut hint.effect {
        seen.applicant = Some(applicant(id));
    }
    hint
}

fn after_hint(user: &User, hint: &Hint, now: i64) -> User {
    apply_hint(user, hint, ours(now), &policy())
}

fn after_read(user: &User, seen: &Observation, read_at: i64) -> User {
    apply_read(user, seen, ours(read_at), &policy())
}

fn new_user() -> User {
    let id = UserId::parse("usr_abc123").unwrap();
    User::new(id, Step::kyc_verification()).with_session(ours(-HOUR))
}

/// The time of the last event that the stored users below are told of: half a second after the date of a verdict.
const TOLD_AT: i64 = 1_000_500;

/// Returns a user of this status, settled long ago, whose applicant is `one`.
fn stored(status: Status) -> User {
    User {
        review: review(status, TOLD_AT),
        applicant: Some(applicant("one")),
        step: Step::new("open_banking"),
        reported_at: Some(theirs(TOLD_AT)),
        ..new_user()
    }
}

/// Returns the status as the tables write it.
fn cell(user: &User) -> String {
    let doubt = match user.doubt.map(|doubt| doubt.ends_with) {
        None => "",
        Some(Confirmation::AgreeingRead) => " ?",
        Some(Confirmation::SettledRead) => " ??",
    };
    format!("{}{doubt}", user.review.status().as_str())
}

/// Checks each row of a table. `after` returns the user after each of the things that the first two cells of a row name.
fn check_table(table: &str, after: impl Fn(&User, &str, &str) -> Vec<User>) {
    for row in table.lines().skip(2) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [time, what, by_status @ ..] = &cells[..] else {
            panic!("{row}")
        };
        assert_eq!(by_status.len(), Status::ALL.len(), "{row}");
        for (status, expected) in Status::ALL.into_iter().zip(by_status) {
            let users = after(&stored(status), time, what);
            assert!(!users.is_empty(), "{row}");
            for user in users {
                assert_eq!(cell(&user), *expected, "{row}, from {}", status.as_str());
            }
        }
    }
}

/// Returns what an event or a read shows that is named like this in the tables.
fn shown(what: &str, decided_at: i64) -> Observation {
    let (what, place) = what
        .split_once(" on ")
        .or_else(|| what.split_once(" without "))
        .or_else(|| what.split_once(" of "))
        .unwrap_or((what, ""));
    let status = match what {
        "init" => Status::Pending,
        "in review" => Status::InProgress,
        "GREEN" => Status::Approved,
        "RED, RETRY" => Status::Retry,
        "RED, FINAL" => Status::Rejected,
        _ => panic!("{what}"),
    };
    let mut shown = seen(status, decided_at);
    match place {
        "" => {}
        "another level" => shown.level = level("extra"),
        "a level" => shown.level = None,
        "a type" => shown.applicant_type = None,
        "a company" => shown.applicant_type = Some(ApplicantType::Other),
        "a date" => shown.reviewed_at = None,
        _ => panic!("{place}"),
    }
    shown
}

fn any_effect(at: i64) -> Vec<EventEffect> {
    let reviews = Status::ALL.map(|status| EventEffect::Reviewed(told(status, at)));
    let others = [
        EventEffect::Created,
        EventEffect::Reset,
        EventEffect::PersonChanged,
        EventEffect::Deactivated,
        EventEffect::Activated,
    ];
    reviews.into_iter().chain(others).collect()
}

#[test]
fn the_documented_table_of_events_holds() {
    check_table(include_str!("hints.md"), |user, time, what| {
        let earlier = TOLD_AT - 60_000;
        let same_second = EventTime::within_second(theirs(TOLD_AT));
        let times = match time {
            "later" => vec![Some(EventTime::exact(theirs(TOLD_AT + 60_000)))],
            "same second" => vec![Some(same_second)],
            "earlier" => vec![Some(EventTime::exact(theirs(earlier)))],
            "not readable" => vec![None],
            "any" => [earlier, TOLD_AT, TOLD_AT + 60_000]
                .map(|at| Some(EventTime::exact(theirs(at))))
                .to_vec(),
            _ => panic!("{time}"),
        };
        let mut users = Vec::new();
        for time in times {
            let at = time.map_or(TOLD_AT, |time| time.earliest().millis());
            let hints: Vec<Hint> = match what {
                "the stored state" => {
                    vec![EventEffect::Reviewed(told(user.review.status(), TOLD_AT))]
                }
                "reset" => vec![EventEffect::Reset],
                "creation" => vec![EventEffect::Created],
                "deactivation" => vec![EventEffect::Deactivated],
                "activation" => vec![EventEffect::Activated],
                "change of the person's data" => vec![EventEffect::PersonChanged],
                "erasure" => vec![EventEffect::Erased],
                "anything but an erasure" => any_effect(at),
                "anything about another applicant" | "anything about an erased applicant" => {
                    let mut effects = any_effect(at);
                    effects.push(EventEffect::Erased);
                    effects
                }
                _ => vec![EventEffect::Reviewed(shown(what, at))],
            }
            .into_iter()
            .map(|effect| hint(effect, time))
            .collect();
            for hint in hints {
                let (user, hint) = match what {
                    "anything about another applicant" => (user.clone(), about("two", hint)),
                    "anything about an erased applicant" => (
                        without_return_of(user.clone(), &applicant("two")),
                        about("two", hint),
                    ),
                    _ => (user.clone(), hint),
                };
                users.push(after_hint(&user, &hint, HOUR));
            }
        }
        users
    });
}

#[test]
fn the_documented_table_of_reads_holds() {
    check_table(include_str!("reads.md"), |user, state, what| {
        let user = User {
            hinted_at: (state == "just told by a hint").then_some(ours(HOUR - 1_000)),
            waiting_since: Some(match state {
                "settled" => ours(-HOUR),
                "just told by a hint" | "just changed by a read" => ours(HOUR - 1_000),
                _ => panic!("{state}"),
            }),
            ..user.clone()
        };
        let (other, what) = match what.split_once("another applicant, ") {
            Some((_, what)) => (true, what),
            None => (false, what),
        };
        let (decided_at, what) = match what.split_once(' ') {
            Some(("earlier", what)) => (TOLD_AT - 60_000, what),
            Some(("later", what)) => (TOLD_AT + 60_000, what),
            _ => (TOLD_AT, what),
        };
        vec![match what {
            "an inactive applicant" => apply_inactive(&user, &applicant("one"), ours(HOUR)),
            "no applicant" => apply_not_found(&user, ours(HOUR)),
            "an erased applicant" => {
                let user = without_return_of(user, &applicant("two"));
                let mut seen = seen(Status::Approved, TOLD_AT + 60_000);
                seen.applicant = Some(applicant("two"));
                after_read(&user, &seen, HOUR)
            }
            _ => {
                let mut seen = shown(what, decided_at);
                if other {
                    seen.applicant = Some(applicant("two"));
                    seen.started_at = Some(theirs(decided_at).truncated_to_seconds());
                }
                after_read(&user, &seen, HOUR)
            }
        }]
    });
}

#[test]
fn a_doubt_ends_with_the_read_that_it_waits_for() {
    let user = stored(Status::InProgress);
    let hinted = after_hint(
        &user,
        &reviewed_event(Status::Approved, TOLD_AT + 5_000),
        HOUR,
    );
    assert_eq!(cell(&hinted), "approved ?");
    let agreeing = seen(Status::Approved, TOLD_AT + 5_000);
    assert_eq!(cell(&after_read(&hinted, &agreeing, HOUR)), "approved");

    // Once a read said otherwise, an agreeing one may lag as well.
    let lagging = seen(Status::InProgress, 0);
    let contradicted = after_read(&hinted, &lagging, HOUR + 1_000);
    assert_eq!(cell(&contradicted), "approved ??");
    let agreed = after_read(&contradicted, &agreeing, HOUR + 2_000);
    assert_eq!(cell(&agreed), "approved ??");
    let before = after_read(&contradicted, &lagging, HOUR + 59_999);
    assert_eq!(cell(&before), "approved ??");
    let settled = after_read(&contradicted, &lagging, HOUR + 60_000);
    assert_eq!(cell(&settled), "in_progress");
}

mod clocks {
    use super::*;

    /// Our clock is 2 s ahead of the provider's, and a poll saw the approval 0.3 s before the rejection.
    #[test]
    fn a_rejection_counts_whatever_our_clock_says_of_the_approval() {
        let approved = after_read(&new_user(), &seen(Status::Approved, 10_000), 12_500);
        assert_eq!(cell(&approved), "approved");
        let rejected = after_hint(&approved, &reviewed_event(Status::Rejected, 10_800), 12_800);
        assert_eq!(rejected.review.status(), Status::Rejected);
    }

    /// A read comes from a replica that lags by a second, the reset's event a moment later.
    #[test]
    fn a_reset_counts_although_a_later_read_shows_the_approval() {
        let approved = after_read(&new_user(), &seen(Status::Approved, 10_000), 60_000);
        let polled = after_read(&approved, &seen(Status::Approved, 10_000), 100_200);
        assert_eq!(polled, approved);
        let reset = after_hint(&polled, &event(EventEffect::Reset, 100_000), 100_300);
        assert_eq!(cell(&reset), "pending ?");
        let lagging = after_read(&reset, &seen(Status::Approved, 10_000), 100_500);
        assert_eq!(cell(&lagging), "pending ??");
    }

    #[test]
    fn an_event_in_the_second_of_a_poll_counts() {
        let approved = after_read(&new_user(), &seen(Status::Approved, 10_000), 10_300);
        let whole = Some(EventTime::within_second(theirs(10_000)));
        let rejection = hint(EventEffect::Reviewed(told(Status::Rejected, 10_000)), whole);
        let rejected = after_hint(&approved, &rejection, 11_000);
        assert_eq!(cell(&rejected), "rejected ??");
        let confirmed = after_read(&rejected, &seen(Status::Rejected, 10_000), 72_000);
        assert_eq!(cell(&confirmed), "rejected");
    }

    /// GREEN, RED, GREEN: the order of the events is unknown.
    #[test]
    fn an_event_without_a_time_orders_nothing_and_causes_a_read() {
        let approved = stored(Status::Approved);
        for status in Status::ALL {
            let timeless = hint(EventEffect::Reviewed(told(status, HOUR)), None);
            let doubted = after_hint(&approved, &timeless, HOUR);
            assert_eq!(cell(&doubted), "approved ??");
            assert_eq!(doubted.reported_at, approved.reported_at);
            let read = after_read(&doubted, &seen(Status::Rejected, HOUR), HOUR + 100);
            assert_eq!(cell(&read), "rejected ??", "the first read counts at once");
        }
    }

    #[test]
    fn an_event_from_the_future_silences_none() {
        let future = reviewed_event(Status::InProgress, 400 * 365 * 24 * HOUR);
        let user = after_hint(&stored(Status::Approved), &future, HOUR);
        assert_eq!(user.review.status(), Status::InProgress);
        let later = after_hint(&user, &reviewed_event(Status::Rejected, 2 * HOUR), 2 * HOUR);
        assert_eq!(cell(&later), "in_progress ??");
        let read = after_read(&later, &seen(Status::Rejected, 2 * HOUR), 2 * HOUR + 500);
        assert_eq!(read.review.status(), Status::Rejected);
        assert_eq!(
            cell(&after_read(
                &read,
                &seen(Status::Rejected, 2 * HOUR),
                3 * HOUR
            )),
            "rejected"
        );
    }

    #[test]
    fn a_clock_that_is_set_back_loses_nothing() {
        let user = after_hint(
            &stored(Status::InProgress),
            &reviewed_event(Status::Approved, HOUR),
            HOUR,
        );
        let settled = after_read(&user, &seen(Status::Approved, HOUR), HOUR + 500);
        assert_eq!(cell(&settled), "approved");
        let rejection = reviewed_event(Status::Rejected, HOUR - 200_000);
        let doubted = after_hint(&settled, &rejection, HOUR + 100_000);
        assert_eq!(cell(&doubted), "approved ??");
        let read = seen(Status::Rejected, HOUR - 200_000);
        assert_eq!(
            after_read(&doubted, &read, HOUR + 100_200).review.status(),
            Status::Rejected
        );
    }

    /// `applicantPending` is created late, with a stamp after the verdict.
    #[test]
    fn a_late_event_with_a_later_time_is_settled_by_the_next_read() {
        let approved = stored(Status::Approved);
        let pending = reviewed_event(Status::InProgress, TOLD_AT + 2_000);
        let hinted = after_hint(&approved, &pending, HOUR);
        assert_eq!(hinted.review.status(), Status::InProgress);
        let due = policy().schedule.due(&hinted).unwrap();
        assert_eq!((due.queue, due.at), (Queue::Unsettled, ours(HOUR + 60_000)));
        let read = seen(Status::Approved, TOLD_AT);
        assert_eq!(cell(&after_read(&hinted, &read, HOUR + 60_000)), "approved");
    }

    #[test]
    fn a_lagging_poll_does_not_take_an_approval_back() {
        let approval = reviewed_event(Status::Approved, HOUR);
        let lagging = seen(Status::InProgress, 0);
        // The event may tell something new, or repeat what a poll has shown.
        let polled = after_read(
            &stored(Status::InProgress),
            &seen(Status::Approved, HOUR),
            HOUR,
        );
        for user in [stored(Status::InProgress), polled] {
            let approved = after_hint(&user, &approval, HOUR + 500);
            let read = after_read(&approved, &lagging, HOUR + 900);
            assert_eq!(cell(&read), "approved ??");
        }
    }

    /// Without the event: an exact poll, then one that lags.
    #[test]
    fn contradicting_polls_leave_the_user_in_doubt() {
        let approved = after_read(&new_user(), &seen(Status::Approved, 0), 1_000);
        let reset = after_read(&approved, &seen(Status::Pending, 0), HOUR);
        assert_eq!(cell(&reset), "pending");
        let lagging = after_read(&reset, &seen(Status::Approved, 0), HOUR + 3_000);
        assert_eq!(cell(&lagging), "approved ??");
        let due = policy().schedule.due(&lagging).unwrap();
        assert_eq!(due.queue, Queue::Unsettled);
        assert_eq!(
            cell(&after_read(
                &lagging,
                &seen(Status::Pending, 0),
                due.at.millis()
            )),
            "pending"
        );
    }

    /// In order: an approval, an event in the second of the approval that was in truth before it, and a read that lags.
    #[test]
    fn a_lagging_read_does_not_confirm_an_event_of_uncertain_order() {
        let approved = after_hint(
            &stored(Status::InProgress),
            &reviewed_event(Status::Approved, HOUR + 800),
            HOUR + 1_000,
        );
        let whole = Some(EventTime::within_second(theirs(HOUR)));
        let retry = hint(EventEffect::Reviewed(told(Status::Retry, HOUR)), whole);
        let hinted = after_hint(&approved, &retry, HOUR + 2_000);
        let lagging = after_read(&hinted, &seen(Status::Retry, HOUR), HOUR + 3_000);
        assert_eq!(cell(&lagging), "retry ??");
        let exact = after_read(&lagging, &seen(Status::Approved, HOUR + 800), HOUR + 62_000);
        assert_eq!(cell(&exact), "approved");
    }

    /// In a workflow `applicantReviewed` and `applicantWorkflowCompleted` tell of one verdict.
    #[test]
    fn a_second_event_about_one_verdict_leaves_its_date() {
        for status in [Status::Approved, Status::Rejected] {
            let decided = after_hint(
                &stored(Status::InProgress),
                &reviewed_event(status, HOUR),
                HOUR,
            );
            let settled = after_read(&decided, &seen(status, HOUR), HOUR + 500);
            let again = after_hint(
                &settled,
                &reviewed_event(status, HOUR + 1_000),
                HOUR + 1_200,
            );
            assert_eq!(again.review, settled.review);
            let read = after_read(&again, &seen(status, HOUR), HOUR + 1_500);
            assert_eq!(read.review, settled.review);
            // Unless it was a verdict of its own.
            let newer = after_read(&again, &seen(status, HOUR + 1_000), HOUR + 1_500);
            let date = review(status, HOUR + 1_000);
            assert_eq!(newer.review.without_name(), date);
        }
    }

    /// A GREEN from before a RED and another GREEN does not confirm the second.
    #[test]
    fn an_old_verdict_does_not_confirm_a_new_one() {
        let user = after_hint(
            &stored(Status::Rejected),
            &reviewed_event(Status::Approved, HOUR),
            HOUR,
        );
        let old = after_read(&user, &seen(Status::Approved, TOLD_AT - 60_000), HOUR + 100);
        assert_eq!(cell(&old), "approved ??");
        assert_eq!(old.review.verified_at(), Some(theirs(HOUR)));
    }
}

mod identity {
    use super::*;

    fn approved_with_name() -> User {
        let user = after_read(
            &stored(Status::Approved),
            &seen(Status::Approved, TOLD_AT),
            0,
        );
        assert_eq!(first_name(&user), Some("Jane"));
        user
    }

    #[test]
    fn an_erasure_takes_effect_whatever_its_time() {
        let user = approved_with_name();
        for at in [
            None,
            Some(EventTime::exact(theirs(-HOUR))),
            Some(EventTime::exact(theirs(HOUR))),
        ] {
            let erased = after_hint(&user, &hint(EventEffect::Erased, at), HOUR);
            assert_eq!(erased.review, review(Status::Approved, TOLD_AT));
            assert_eq!(
                (&erased.applicant, erased.started_at, &erased.documents),
                (&None, None, &None)
            );
            assert!(!erased.lacks_name(), "nothing is left that could be read");
            let refreshed = apply_not_found(&erased, ours(HOUR + 100));
            assert_eq!((refreshed.name(), &refreshed.applicant), (None, &None));
            // A read that lags, and an event that comes late.
            let lagging = after_read(&erased, &seen(Status::Approved, TOLD_AT), HOUR + 200);
            assert_eq!((lagging.name(), &lagging.applicant), (None, &None));
            let late = after_hint(
                &lagging,
                &reviewed_event(Status::Rejected, HOUR),
                HOUR + 300,
            );
            assert_eq!(late, lagging);
        }
    }

    #[test]
    fn an_erasure_takes_the_reason_too() {
        for status in [Status::Retry, Status::Rejected] {
            let user = stored(status);
            assert!(user.review.reason().is_some());
            let erased = after_hint(&user, &event(EventEffect::Erased, HOUR), HOUR);
            assert_eq!(erased.review, Review::Pending);
        }
    }

    #[test]
    fn an_erasure_of_an_earlier_applicant_leaves_the_user_alone() {
        let user = approved_with_name();
        let after = after_hint(&user, &about("two", event(EventEffect::Erased, HOUR)), HOUR);
        assert_eq!(cell(&after), "approved ??");
        assert_eq!(
            (first_name(&after), &after.applicant),
            (Some("Jane"), &user.applicant)
        );
        // A replica that lags may still show the erased one.
        let mut lagging = seen(Status::Approved, HOUR);
        lagging.applicant = Some(applicant("two"));
        lagging.name = named("Joan");
        let read = after_read(&after, &lagging, HOUR + 100);
        assert_eq!(
            (first_name(&read), &read.applicant),
            (Some("Jane"), &user.applicant)
        );
    }

    #[test]
    fn events_of_an_earlier_applicant_change_nothing_by_themselves() {
        let user = approved_with_name();
        for effect in any_effect(HOUR) {
            let after = after_hint(&user, &about("two", event(effect, HOUR)), HOUR);
            let settled = User {
                doubt: None,
                ..after
            };
            assert_eq!(settled, user);
        }
    }

    #[test]
    fn a_read_says_whose_applicant_is_the_users_now() {
        let mut user = approved_with_name();
        user.documents = Some(DocumentsRead {
            read_at: ours(0),
            documents: Vec::new(),
        });
        let mut other = seen(Status::InProgress, 0);
        other.applicant = Some(applicant("two"));
        other.started_at = Some(theirs(7_000));
        let read = after_read(&user, &other, HOUR);
        assert_eq!(cell(&read), "in_progress");
        assert_eq!(read.applicant, Some(applicant("two")));
        assert_eq!(
            (read.started_at, &read.documents),
            (Some(theirs(7_000)), &None)
        );
        // A name belongs to one applicant.
        other.review = review(Status::Approved, TOLD_AT);
        other.name = None;
        let read = after_read(&user, &other, HOUR);
        assert_eq!((cell(&read).as_str(), read.name()), ("approved", None));
    }

    #[test]
    fn a_missing_applicant_counts_as_erased_after_a_day() {
        let user = approved_with_name();
        let day = 24 * HOUR;
        let alone = apply_missing(&user, ours(HOUR), false);
        assert_eq!(alone, user, "our credentials may be at fault");
        let missing = apply_missing(&user, ours(HOUR), true);
        assert_eq!(missing.missing_since, Some(ours(HOUR)));
        assert_eq!(first_name(&missing), Some("Jane"));
        let too_soon = apply_missing(&missing, ours(HOUR + day - 1), true);
        assert_eq!(too_soon, missing);
        let alone = apply_missing(&missing, ours(HOUR + day), false);
        assert_eq!(alone, missing, "our credentials may be at fault");
        let gone = apply_missing(&missing, ours(HOUR + day), true);
        assert_eq!((gone.name(), &gone.applicant), (None, &None));
        assert_eq!(gone.review, review(Status::Approved, TOLD_AT));

        assert_eq!(
            apply_not_found(&missing, ours(2 * HOUR)),
            missing,
            "it is the own id that counts"
        );
        assert_eq!(
            apply_inactive(&missing, &applicant("two"), ours(2 * HOUR)),
            missing,
            "another applicant tells nothing about this one"
        );
        for sign_of_life in [
            apply_inactive(&missing, &applicant("one"), ours(2 * HOUR)),
            after_read(&missing, &seen(Status::Approved, TOLD_AT), 2 * HOUR),
            after_hint(&missing, &event(EventEffect::PersonChanged, HOUR), 2 * HOUR),
        ] {
            assert_eq!(sign_of_life.missing_since, None);
        }
    }

    #[test]
    fn a_rejected_person_may_start_over_with_a_new_applicant() {
        let rejected = stored(Status::Rejected);
        for pending in [
            apply_inactive(&rejected, &applicant("one"), ours(HOUR)),
            apply_not_found(&rejected, ours(HOUR)),
            after_hint(&rejected, &event(EventEffect::Deactivated, HOUR), HOUR),
            after_hint(&rejected, &event(EventEffect::Erased, HOUR), HOUR),
        ] {
            assert_eq!(pending.review, Review::Pending);
            let opened = pending.with_session(ours(2 * HOUR));
            let created = about("two", event(EventEffect::Created, 2 * HOUR));
            let opened = after_hint(&opened, &created, 2 * HOUR);
            let mut new = seen(Status::Approved, 3 * HOUR);
            new.applicant = Some(applicant("two"));
            let approved = after_read(&opened, &new, 3 * HOUR);
            assert_eq!(approved.review.status(), Status::Approved);
            assert_eq!(
                (first_name(&approved), &approved.applicant),
                (Some("Jane"), &new.applicant)
            );
        }
    }

    #[test]
    fn an_inactive_applicant_keeps_verdict_and_name() {
        let user = approved_with_name();
        for inactive in [
            apply_inactive(&user, &applicant("one"), ours(HOUR)),
            apply_not_found(&user, ours(HOUR)),
            after_hint(&user, &event(EventEffect::Deactivated, HOUR), HOUR),
        ] {
            let settled = User {
                doubt: None,
                ..inactive
            };
            assert_eq!(settled, user);
        }
        let active = after_hint(&user, &event(EventEffect::Activated, HOUR), HOUR);
        assert_eq!(cell(&active), "approved ??");
    }

    /// The verdict comes after the deactivation that followed it.
    #[test]
    fn a_deactivation_does_not_outdate_a_verdict() {
        let user = stored(Status::InProgress);
        let inactive = after_hint(&user, &event(EventEffect::Deactivated, HOUR), HOUR);
        let approval = reviewed_event(Status::Approved, HOUR - 5_000);
        let approved = after_hint(&inactive, &approval, HOUR + 100);
        assert_eq!(approved.review.status(), Status::Approved);
        let read = apply_inactive(&approved, &applicant("one"), ours(HOUR + 60_100));
        assert_eq!(cell(&read), "approved");
    }

    #[test]
    fn the_creation_of_an_applicant_takes_nothing_back() {
        let polled = after_read(&new_user(), &seen(Status::InProgress, 0), HOUR);
        let created = after_hint(&polled, &event(EventEffect::Created, -5_000), HOUR + 500);
        assert_eq!(cell(&created), "in_progress");
        assert_eq!(created.started_at, Some(theirs(-5_000)));
        let first = after_hint(&new_user(), &event(EventEffect::Created, 0), 0);
        assert_eq!(
            (cell(&first).as_str(), first.applicant),
            ("pending", Some(applicant("one")))
        );
    }

    #[test]
    fn a_stranger_has_a_status_and_no_name() {
        let id = UserId::parse("level-5a0a4d2e").unwrap();
        let nobody = User::new(id.clone(), Step::kyc_verification());
        let hinted = after_hint(&nobody, &reviewed_event(Status::Approved, HOUR), HOUR);
        let read = after_read(&hinted, &seen(Status::Approved, HOUR), HOUR + 100);
        assert_eq!(cell(&read), "approved");
        assert!(read.name().is_none() && !read.lacks_name());
        let session = read.with_session(ours(2 * HOUR));
        assert!(session.lacks_name(), "who opens a session is ours");

        let registered = User::registered(id, Step::kyc_verification(), ours(0));
        let read = after_read(&registered, &seen(Status::Approved, HOUR), HOUR);
        assert_eq!(first_name(&read), Some("Jane"));
    }
}

mod names {
    use super::*;

    #[test]
    fn an_old_name_stays_until_a_newer_one_is_read() {
        let user = after_read(
            &stored(Status::Approved),
            &seen(Status::Approved, TOLD_AT),
            0,
        );
        // The change may be older than the last report: it is read all the same.
        let changed = after_hint(
            &user,
            &event(EventEffect::PersonChanged, TOLD_AT - 5_000),
            HOUR,
        );
        assert_eq!(
            (first_name(&changed), cell(&changed).as_str()),
            (Some("Jane"), "approved ??")
        );
        let lagging = after_read(&changed, &seen(Status::Approved, TOLD_AT), HOUR + 500);
        assert_eq!(
            (first_name(&lagging), cell(&lagging).as_str()),
            (Some("Jane"), "approved ??")
        );
        let mut renamed = seen(Status::Approved, TOLD_AT);
        renamed.name = named("Joan");
        let read = after_read(&lagging, &renamed, HOUR + 60_000);
        assert_eq!(
            (first_name(&read), cell(&read).as_str()),
            (Some("Joan"), "approved")
        );
        renamed.name = None;
        let silent = after_read(&read, &renamed, 2 * HOUR);
        assert_eq!(first_name(&silent), Some("Joan"));
    }

    #[test]
    fn a_change_of_the_person_outdates_no_verdict() {
        let user = stored(Status::InProgress);
        let changed = after_hint(&user, &event(EventEffect::PersonChanged, HOUR), HOUR);
        let approved = after_hint(
            &changed,
            &reviewed_event(Status::Approved, HOUR - 5_000),
            HOUR + 100,
        );
        assert_eq!(approved.review.status(), Status::Approved);
    }

    #[test]
    fn an_approval_without_a_name_is_checked_again() {
        let approved = after_hint(
            &stored(Status::InProgress),
            &reviewed_event(Status::Approved, HOUR),
            HOUR,
        );
        assert!(approved.lacks_name());
        let mut nameless = seen(Status::Approved, HOUR);
        nameless.name = None;
        let read = after_read(&approved, &nameless, HOUR + 100);
        assert_eq!(policy().schedule.due(&read).unwrap().queue, Queue::InFlight);
        let read = after_read(&read, &seen(Status::Approved, HOUR), HOUR + 200);
        assert_eq!(policy().schedule.due(&read).unwrap().queue, Queue::Decided);
    }

    #[test]
    fn a_name_does_not_outlive_the_approval() {
        let user = after_read(
            &stored(Status::Approved),
            &seen(Status::Approved, TOLD_AT),
            0,
        );
        let rejected = after_hint(&user, &reviewed_event(Status::Rejected, HOUR), HOUR);
        assert_eq!(rejected.name(), None);
        let again = after_hint(
            &rejected,
            &reviewed_event(Status::Approved, 2 * HOUR),
            2 * HOUR,
        );
        assert!(again.lacks_name());
    }
}

mod approvals {
    use super::*;

    fn green(level_name: &str) -> Hint {
        let seen = Observation {
            level: level(level_name),
            ..told(Status::Approved, HOUR)
        };
        event(EventEffect::Reviewed(seen), HOUR)
    }

    #[test]
    fn old_levels_of_the_list_approve() {
        for (level, status) in [
            ("basic", Status::Approved),
            ("old", Status::Approved),
            ("first", Status::InProgress),
        ] {
            let user = after_hint(&stored(Status::InProgress), &green(level), HOUR);
            assert_eq!(user.review.status(), status);
        }
    }

    /// A workflow of two levels, of which the last is on the list.
    #[test]
    fn only_the_last_level_of_a_workflow_approves() {
        let mut user = stored(Status::InProgress);
        user.step = Step::kyc_verification();
        let first = after_hint(&user, &green("first"), HOUR);
        assert_eq!(
            (first.review.status(), first.step.as_str()),
            (Status::InProgress, "kyc_verification")
        );
        let read = Observation {
            level: level("first"),
            ..seen(Status::Approved, HOUR)
        };
        let first = after_read(&first, &read, HOUR + 100);
        assert_eq!(
            (first.review.status(), first.name()),
            (Status::InProgress, None)
        );
        let last = after_hint(&first, &green("basic"), HOUR + 1_000);
        assert_eq!(
            (last.review.status(), last.step.as_str()),
            (Status::Approved, "open_banking")
        );
    }

    /// The GREEN that approves arrives after an event of the level that was added then.
    #[test]
    fn an_extra_level_outdates_no_approval() {
        let seen_there = Observation {
            level: level("extra"),
            ..told(Status::InProgress, 0)
        };
        let extra = event(EventEffect::Reviewed(seen_there), HOUR + 5_000);
        let user = after_hint(&stored(Status::InProgress), &extra, HOUR + 5_100);
        let approved = after_hint(&user, &green("basic"), HOUR + 6_000);
        assert_eq!(approved.review.status(), Status::Approved);
        let read = Observation {
            level: level("extra"),
            ..seen(Status::InProgress, 0)
        };
        let read = after_read(&approved, &read, HOUR + 66_000);
        assert_eq!(cell(&read), "approved");
    }

    /// A reset before the extra level arrives after it.
    #[test]
    fn an_extra_level_outdates_no_reset() {
        let seen_there = Observation {
            level: level("extra"),
            ..told(Status::Approved, HOUR)
        };
        let extra = event(EventEffect::Reviewed(seen_there), HOUR + 5_000);
        let user = after_hint(&stored(Status::Approved), &extra, HOUR + 5_100);
        assert_eq!(cell(&user), "approved ??");
        let reset = after_hint(&user, &event(EventEffect::Reset, HOUR), HOUR + 6_000);
        assert_eq!(reset.review.status(), Status::Pending);
    }

    #[test]
    fn a_newer_reason_replaces_an_older_one() {
        let explained = |text: &str| Review::Retry {
            reason: Reason::explained(text).unwrap(),
        };
        let user = User {
            review: explained("Blurry."),
            ..stored(Status::Retry)
        };
        let again = Observation {
            review: explained("Expired."),
            ..told(Status::Retry, HOUR)
        };
        let user = after_hint(&user, &event(EventEffect::Reviewed(again), HOUR), HOUR);
        assert_eq!(user.review, explained("Expired."));
    }

    #[test]
    fn documents_from_before_a_verdict_are_not_shown_after_it() {
        let documents = |read_at: i64| DocumentsRead {
            read_at: ours(read_at),
            documents: Vec::<StoredDocument>::new(),
        };
        let user = stored(Status::InProgress).with_documents(documents(HOUR));
        assert!(user.documents.is_some());
        let approved = [
            after_hint(&user, &reviewed_event(Status::Approved, HOUR), HOUR + 100),
            after_read(&user, &seen(Status::Approved, HOUR), HOUR + 100),
        ];
        for user in approved {
            assert_eq!(user.documents, None);
            // These may come from a replica that lags.
            let early = user.clone().with_documents(documents(HOUR + 60_000));
            assert!(!early.has_fresh_documents(ours(HOUR + 60_000)));
            let settled = after_read(&user, &seen(Status::Approved, HOUR), HOUR + 60_100);
            let late = settled.with_documents(documents(HOUR + 60_100));
            assert!(late.has_fresh_documents(ours(HOUR + 60_100)));
        }
        let retry = User {
            documents: Some(documents(HOUR)),
            ..stored(Status::Retry)
        };
        let again = after_read(&retry, &seen(Status::Retry, 2 * HOUR), 2 * HOUR);
        assert_eq!(again.documents, None, "the second verdict is another one");
        assert_eq!(
            after_read(&retry, &seen(Status::Retry, TOLD_AT), HOUR).documents,
            retry.documents
        );
    }

    #[test]
    fn an_approval_advances_the_onboarding_once_and_never_back() {
        let user = after_hint(&new_user(), &reviewed_event(Status::Approved, 1_000), 1_000);
        assert_eq!(user.step.as_str(), "open_banking");
        let reset = after_hint(&user, &event(EventEffect::Reset, 2_000), 2_000);
        assert_eq!(reset.step.as_str(), "open_banking");
        let again = after_read(&reset, &seen(Status::Approved, 3_000), 3_000);
        assert_eq!(
            (again.review.status(), again.step.as_str()),
            (Status::Approved, "open_banking")
        );
    }

    #[test]
    fn an_approved_user_who_reaches_the_step_later_is_advanced_by_the_next_read() {
        let user = User {
            step: Step::new("phone_verification"),
            ..new_user()
        };
        let approved = after_read(&user, &seen(Status::Approved, 0), 0);
        assert_eq!(approved.step.as_str(), "phone_verification");
        let arrived = User {
            step: Step::kyc_verification(),
            ..approved
        };
        assert_eq!(
            after_read(&arrived, &seen(Status::Approved, 0), HOUR)
                .step
                .as_str(),
            "open_banking"
        );
    }

    #[test]
    fn an_approval_that_was_taken_back_before_it_arrived_advances_nothing() {
        let reset = after_hint(&new_user(), &event(EventEffect::Reset, 2_000), 2_000);
        let late = after_hint(&reset, &reviewed_event(Status::Approved, 1_000), 3_000);
        assert_eq!(
            (cell(&late).as_str(), late.step.as_str()),
            ("pending ??", "kyc_verification")
        );
    }
}

#[test]
fn history_has_statuses_erasures_and_advances_only() {
    let user = new_user();
    let approved = after_read(&user, &seen(Status::Approved, 0), 0);
    let transition = Transition::between(&user, &approved).unwrap();
    assert_eq!(
        (transition.from, transition.to),
        (Status::Pending, Status::Approved)
    );
    assert_eq!(transition.advanced_to, Some(Step::new("open_banking")));
    assert!(!transition.erased);
    let confirmed = after_read(&approved, &seen(Status::Approved, 0), HOUR);
    assert_eq!(Transition::between(&approved, &confirmed), None);
    let erased = after_hint(&approved, &event(EventEffect::Erased, HOUR), HOUR);
    let transition = Transition::between(&approved, &erased).unwrap();
    assert_eq!(
        (transition.from, transition.to),
        (Status::Approved, Status::Approved)
    );
    assert!(transition.erased);
}

#[test]
fn a_user_in_doubt_is_checked_within_a_minute() {
    let user = after_hint(
        &stored(Status::Approved),
        &event(EventEffect::Reset, HOUR),
        HOUR,
    );
    let due = policy().schedule.due(&user).unwrap();
    assert_eq!(due.queue, Queue::Unsettled);
    assert_eq!(due.at, ours(HOUR).plus(Duration::from_mins(1)));
}

/// An operator's block is none of the provider's business, whatever it says, and whenever.
#[test]
fn no_event_and_no_read_lifts_a_block() {
    for status in Status::ALL {
        let user = apply_block(&stored(status), ours(1));
        let mut results = vec![
            apply_not_found(&user, ours(2)),
            apply_inactive(&user, &applicant("a"), ours(2)),
            apply_missing(&user, ours(2), true),
        ];
        for at in [0, 2, 2_000_000] {
            let effects = any_effect(at).into_iter();
            results.extend(effects.map(|effect| after_hint(&user, &event(effect, at), at)));
            let reads = Status::ALL.map(|status| after_read(&user, &seen(status, at), at));
            results.extend(reads);
        }
        for after in results {
            assert_eq!(after.blocked_since, Some(ours(1)), "{after:?}");
        }
    }
}

/// Returns all that may become of a user by one event or read.
fn anything(user: &User) -> Vec<User> {
    let mut results = vec![
        apply_not_found(user, ours(2)),
        apply_inactive(user, &applicant("one"), ours(2)),
        apply_missing(user, ours(2), true),
    ];
    for at in [0, 2, 2_000_000] {
        for effect in any_effect(at) {
            results.push(after_hint(user, &event(effect.clone(), at), at));
            results.push(after_hint(user, &about("one", event(effect, at)), at));
        }
        for status in Status::ALL {
            let seen = Observation {
                applicant: Some(applicant("one")),
                ..seen(status, at)
            };
            results.push(after_read(user, &seen, at));
        }
    }
    results
}

#[test]
fn nothing_brings_an_erased_person_back() {
    for status in Status::ALL {
        let erased = apply_erasure(&stored(status), None, ours(1));
        assert_eq!(erased.check(), Ok(()));
        let kept = match status {
            Status::Approved | Status::Rejected => status,
            Status::Pending | Status::InProgress | Status::Retry => Status::Pending,
        };
        assert_eq!(erased.review.status(), kept);
        let mut states = vec![erased];
        for _ in 0..2 {
            states = states.iter().flat_map(anything).collect();
            for after in &states {
                assert_eq!(after.name(), None, "{after:?}");
                assert_ne!(after.applicant, Some(applicant("one")), "{after:?}");
                assert!(!after.lacks_name(), "{after:?}");
            }
        }
    }
}

/// The applicant of a user whom nobody had told us of.
#[test]
fn a_name_is_read_again_only_of_a_person_who_came_back() {
    let user = User {
        applicant: None,
        review: Review::Pending,
        ..stored(Status::Pending)
    };
    let erased = apply_erasure(&user, Some(&applicant("two")), ours(1));
    assert!(erased.has_erased(&applicant("two")));
    let approval = Observation {
        applicant: Some(applicant("three")),
        ..seen(Status::Approved, 10)
    };
    let approved = after_read(&erased, &approval, 20);
    assert_eq!(
        (approved.review.status(), approved.name()),
        (Status::Approved, None)
    );
    let back = after_read(&approved.with_session(ours(30)), &approval, 40);
    assert_eq!(back.name(), jane().as_ref());
}

#[test]
fn a_backup_of_an_erased_person_is_erased_again_and_others_stay() {
    for status in Status::ALL {
        let backup = stored(status);
        let again = apply_registered_erasure(&backup, &applicant("one"), ours(1));
        let asked = apply_erasure(&backup, None, ours(1));
        assert_eq!(
            (&again.review, &again.applicant, &again.erased),
            (&asked.review, &None, &asked.erased)
        );
        let other = apply_registered_erasure(&backup, &applicant("former"), ours(1));
        assert_eq!(
            (&other.review, &other.applicant),
            (&backup.review, &backup.applicant)
        );
        assert!(other.has_erased(&applicant("former")));
    }
}

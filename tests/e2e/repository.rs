//! The repository against a real engine.

use shared::kyc::{
    ApplicantId, DocumentStatus, DocumentType, DocumentsRead, Name, NameRead, Personal, Reason,
    Review, Step, StoredDocument, Timestamp, User, UserId,
};
use shared::provider::EventKey;
use shared::repository::{CommitError, EventRecord, Shard, UserStore};

use tests::app::{App, USER, new_user};

const NOW: Timestamp = Timestamp::from_millis(1_704_067_200_123);

fn full_user() -> User {
    let name = Name::new(Some(Personal::new("Jane")), Some(Personal::new("Smith"))).unwrap();
    let documents = vec![StoredDocument {
        kind: DocumentType::DriversLicense,
        status: DocumentStatus::Verified,
        submitted_at: Some(NOW),
    }];
    User {
        id: UserId::parse("usr_full").unwrap(),
        review: Review::Approved {
            at: NOW,
            name: Some(NameRead { name, read_at: NOW }),
        },
        observed_at: Some(NOW),
        applicant: ApplicantId::parse("65abc123def4560000000000").ok(),
        started_at: Some(NOW),
        erased_at: Some(NOW),
        renamed_at: Some(NOW),
        step: Step::new("open_banking"),
        documents: Some(DocumentsRead {
            read_at: NOW,
            documents,
        }),
        session_at: Some(NOW),
        checked_at: Some(NOW),
        version: 0,
    }
}

#[tokio::test]
async fn a_user_is_read_as_it_was_stored() {
    let app = App::start().await;
    let reason = || Reason::explained("Blurry.").unwrap();
    let reviews = [
        full_user().review,
        Review::Pending,
        Review::InProgress,
        Review::Retry { reason: reason() },
        Review::Rejected {
            at: NOW,
            reason: reason(),
        },
        Review::Approved {
            at: NOW,
            name: None,
        },
    ];
    let mut before = User::new(full_user().id, Step::new("new"));
    for review in reviews {
        let after = User {
            review,
            version: before.version,
            ..full_user()
        };
        app.users
            .commit(&before, &after, "test", None, NOW)
            .await
            .unwrap();
        let stored = app.stored("usr_full").await;
        assert_eq!(
            stored,
            User {
                version: before.version + 1,
                ..after
            }
        );
        before = stored;
    }
    assert_eq!(
        app.users
            .get(&UserId::parse("usr_nobody").unwrap())
            .await
            .unwrap(),
        None
    );
}

#[tokio::test]
async fn of_two_changes_of_one_state_only_one_is_stored() {
    let app = App::start().await;
    let before = app.stored(USER).await;
    let after = User {
        review: Review::InProgress,
        ..before.clone()
    };
    app.users
        .commit(&before, &after, "first", None, NOW)
        .await
        .unwrap();
    let other = User {
        review: Review::Approved {
            at: NOW,
            name: None,
        },
        ..before.clone()
    };
    let second = app.users.commit(&before, &other, "second", None, NOW).await;
    assert!(matches!(second, Err(CommitError::Conflict)), "{second:?}");
    assert_eq!(app.stored(USER).await.review, Review::InProgress);

    let new = User::new(UserId::parse("usr_new").unwrap(), Step::new("a"));
    let first = User {
        review: Review::InProgress,
        ..new.clone()
    };
    app.users
        .commit(&new, &first, "first", None, NOW)
        .await
        .unwrap();
    let second = app.users.commit(&new, &first, "second", None, NOW).await;
    assert!(matches!(second, Err(CommitError::Conflict)), "{second:?}");
}

#[tokio::test]
async fn an_event_counts_once_and_nothing_of_its_second_effect_is_stored() {
    let app = App::start().await;
    let key = EventKey::new("aa".to_owned());
    let event = Some(EventRecord {
        key: &key,
        kind: "applicantReviewed",
    });
    let before = app.stored(USER).await;
    let loaded = app
        .users
        .get_with_event(&before.id, &key, NOW)
        .await
        .unwrap();
    assert!(!loaded.event_known && loaded.user == Some(before.clone()));

    let after = User {
        review: Review::InProgress,
        ..before.clone()
    };
    app.users
        .commit(&before, &after, "first", event, NOW)
        .await
        .unwrap();
    let stored = app.stored(USER).await;
    assert!(
        app.users
            .get_with_event(&before.id, &key, NOW)
            .await
            .unwrap()
            .event_known
    );

    let again = User {
        review: Review::Approved {
            at: NOW,
            name: None,
        },
        ..stored.clone()
    };
    let second = app
        .users
        .commit(&stored, &again, "second", event, NOW)
        .await;
    assert!(matches!(second, Err(CommitError::Duplicate)), "{second:?}");
    // Also when the state is old and when there is nothing to change.
    for (before, after) in [(&before, &after), (&stored, &stored)] {
        let second = app.users.commit(before, after, "second", event, NOW).await;
        assert!(matches!(second, Err(CommitError::Duplicate)), "{second:?}");
    }
    assert_eq!(app.stored(USER).await, stored);
}

#[tokio::test]
async fn an_expired_event_that_is_still_there_counts_as_gone() {
    let app = App::start().await;
    let key = EventKey::new("bb".to_owned());
    let event = Some(EventRecord {
        key: &key,
        kind: "applicantReviewed",
    });
    let user = app.stored(USER).await;
    app.users
        .commit(&user, &user, "first", event, NOW)
        .await
        .unwrap();
    let days = |days: u64| NOW.plus(std::time::Duration::from_hours(24 * days));
    assert!(
        app.users
            .get_with_event(&user.id, &key, days(29))
            .await
            .unwrap()
            .event_known
    );
    assert!(
        !app.users
            .get_with_event(&user.id, &key, days(31))
            .await
            .unwrap()
            .event_known
    );
    app.users
        .commit(&user, &user, "again", event, days(31))
        .await
        .unwrap();
}

#[tokio::test]
async fn nothing_is_written_for_no_change() {
    let app = App::start().await;
    let user = app.stored(USER).await;
    app.users
        .commit(&user, &user, "test", None, NOW)
        .await
        .unwrap();
    assert_eq!(app.stored(USER).await.version, user.version);
}

#[tokio::test]
async fn users_in_flight_are_listed_when_they_are_due() {
    let app = App::start().await;
    let due = async |millis| {
        let mut ids = Vec::new();
        for shard in Shard::all() {
            let due = app
                .users
                .due(shard, Timestamp::from_millis(millis), 20)
                .await
                .unwrap();
            ids.extend(due.into_iter().map(|id| id.as_str().to_owned()));
        }
        ids.sort();
        ids
    };
    let waiting = |id: &str, millis| User {
        review: Review::InProgress,
        observed_at: Some(Timestamp::from_millis(millis)),
        ..new_user(id)
    };
    let minute = 60_000;
    app.store(&waiting("usr_1", 0)).await;
    app.store(&waiting("usr_2", 5 * minute)).await;
    assert_eq!(due(10 * minute - 1).await, Vec::<String>::new());
    assert_eq!(due(10 * minute).await, ["usr_1"]);
    assert_eq!(due(15 * minute).await, ["usr_1", "usr_2"]);

    // Who is decided is not listed any more.
    let decided = User {
        review: Review::Approved {
            at: NOW,
            name: None,
        },
        ..app.stored("usr_1").await
    };
    app.store(&decided).await;
    assert_eq!(due(NOW.millis()).await, ["usr_2"]);
}

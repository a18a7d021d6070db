//! The repository against a real engine.

use serde_json::json;
use shared::kyc::{
    ApplicantId, Confirmation, DocumentStatus, DocumentType, DocumentsRead, Doubt, ErasedApplicant,
    EventKey, Name, Personal, ProviderTime, Queue, Reason, Review, Standing, Step, StoredDocument,
    Timestamp, User, UserId,
};
use shared::repository::{CommitError, DueUser, EventRecord, Shard, UserStore};

use tests::app::{App, USER, new_user};

const NOW: Timestamp = Timestamp::from_millis(1_704_067_200_123);
const THEN: ProviderTime = ProviderTime::from_millis(1_704_067_199_000);

fn full_user() -> User {
    let name = Name::new(Some(Personal::new("Jane")), Some(Personal::new("Smith"))).unwrap();
    let documents = vec![StoredDocument {
        kind: DocumentType::DriversLicense,
        status: DocumentStatus::Verified,
        submitted_at: Some(THEN),
    }];
    User {
        id: UserId::parse("usr_full").unwrap(),
        review: Review::Approved {
            at: THEN,
            name: Some(name),
        },
        applicant: ApplicantId::parse("65abc123def4560000000000").ok(),
        started_at: Some(THEN),
        step: Step::new("open_banking"),
        documents: Some(DocumentsRead {
            read_at: NOW,
            documents,
        }),
        reported_at: Some(THEN),
        hinted_at: Some(NOW),
        doubt: Some(Doubt {
            since: NOW,
            ends_with: Confirmation::AgreeingRead,
        }),
        missing_since: Some(NOW),
        erased: vec![ErasedApplicant::from_digest("ab".to_owned())],
        blocked_since: Some(NOW),
        registered_at: Some(NOW),
        unread_since: Some(NOW),
        session_at: Some(NOW),
        waiting_since: Some(NOW),
        checked_at: Some(NOW),
        sequence: 0,
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
            at: THEN,
            reason: reason(),
        },
        Review::Approved {
            at: THEN,
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
        let committed = app.commit(&before, &after, None, NOW).await.unwrap();
        let stored = app.stored("usr_full").await;
        assert_eq!(stored, committed);
        let expected = User {
            version: before.version + 1,
            sequence: before.sequence + 1,
            ..after
        };
        assert_eq!(stored, expected);
        shows_as_stored(&app, &stored).await;
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

/// Checks what is read of a user who is shown their status. The name stays in the table.
async fn shows_as_stored(app: &App, stored: &User) {
    let mut expected = Standing::from(stored.clone());
    if let Review::Approved { name, .. } = &mut expected.review {
        *name = None;
    }
    let shown = app.users.standing(&stored.id).await.unwrap();
    assert_eq!(shown, Some(expected));
}

#[tokio::test]
async fn of_two_concurrent_changes_only_one_is_stored() {
    let app = App::start().await;
    let before = app.stored(USER).await;
    let after = User {
        review: Review::InProgress,
        ..before.clone()
    };
    app.commit(&before, &after, None, NOW).await.unwrap();
    let other = User {
        review: Review::Approved {
            at: THEN,
            name: None,
        },
        ..before.clone()
    };
    let second = app.commit(&before, &other, None, NOW).await;
    assert!(matches!(second, Err(CommitError::Conflict)), "{second:?}");
    assert_eq!(app.stored(USER).await.review, Review::InProgress);

    let new = User::new(UserId::parse("usr_new").unwrap(), Step::new("a"));
    let first = User {
        review: Review::InProgress,
        ..new.clone()
    };
    app.commit(&new, &first, None, NOW).await.unwrap();
    let second = app.commit(&new, &first, None, NOW).await;
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
    app.commit(&before, &after, event, NOW).await.unwrap();
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
            at: THEN,
            name: None,
        },
        ..stored.clone()
    };
    let second = app.commit(&stored, &again, event, NOW).await;
    assert!(matches!(second, Err(CommitError::Duplicate)), "{second:?}");
    // Also when the state is old and when there is nothing to change.
    for (before, after) in [(&before, &after), (&stored, &stored)] {
        let second = app.commit(before, after, event, NOW).await;
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
    app.commit(&user, &user, event, NOW).await.unwrap();
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
    app.commit(&user, &user, event, days(31)).await.unwrap();
}

#[tokio::test]
async fn the_history_goes_on_when_a_user_is_lost() {
    let app = App::start().await;
    let before = app.stored(USER).await;
    let submitted = User {
        review: Review::InProgress,
        ..before.clone()
    };
    let stored = app.commit(&before, &submitted, None, NOW).await.unwrap();
    assert_eq!(stored.sequence, 1);
    let key = json!({ "user_id": { "S": USER } });
    let delete = json!({ "TableName": app.stack.table("UsersTable"), "Key": key });
    app.dynamodb("DeleteItem", delete).await;

    let new = new_user(USER);
    let submitted = User {
        review: Review::InProgress,
        ..new.clone()
    };
    let stored = app.commit(&new, &submitted, None, NOW).await.unwrap();
    assert_eq!((stored.version, stored.sequence), (1, 2));
    let mut numbers: Vec<_> = app.items("HistoryTable").await;
    numbers.sort_by_key(|item| item["sequence"]["N"].to_string());
    let numbers: Vec<_> = numbers
        .iter()
        .map(|item| item["sequence"]["N"].as_str().unwrap())
        .collect();
    assert_eq!(numbers, ["1", "2"]);
}

#[tokio::test]
async fn users_are_listed_when_they_are_due_in_pages() {
    let app = App::start().await;
    let minute = 60_000;
    let due = async |queue, millis| {
        let mut ids = Vec::new();
        for shard in Shard::all() {
            let mut after: Option<DueUser> = None;
            loop {
                let now = Timestamp::from_millis(millis);
                let page = app
                    .users
                    .due(queue, shard, now, after.as_ref(), 1)
                    .await
                    .unwrap();
                let Some(user) = page.into_iter().next() else {
                    break;
                };
                ids.push(user.id.as_str().to_owned());
                after = Some(user);
            }
        }
        ids.sort();
        ids
    };
    let waiting = |id: &str, millis| User {
        review: Review::InProgress,
        waiting_since: Some(Timestamp::from_millis(millis)),
        ..new_user(id)
    };
    let ids: Vec<String> = (1..=20).map(|number| format!("usr_{number:02}")).collect();
    for id in &ids {
        app.store(&waiting(id, 0)).await;
    }
    app.store(&waiting("usr_later", 5 * minute)).await;
    assert_eq!(
        due(Queue::InFlight, 10 * minute - 1).await,
        Vec::<String>::new()
    );
    assert_eq!(due(Queue::InFlight, 10 * minute).await, ids);
    assert_eq!(due(Queue::InFlight, 15 * minute).await.len(), 21);

    // A decided user waits in another queue.
    let decided = User {
        review: Review::Approved {
            at: THEN,
            name: None,
        },
        registered_at: None,
        ..app.stored("usr_01").await
    };
    app.store(&decided).await;
    assert_eq!(due(Queue::InFlight, 10 * minute).await, ids[1..]);
    assert_eq!(due(Queue::Decided, 25 * 60 * minute).await, ["usr_01"]);
}

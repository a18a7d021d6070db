//! Users in memory.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use shared::kyc::{Timestamp, Transition, User, UserId};
use shared::provider::EventKey;
use shared::repository::{CommitError, EventRecord, Loaded, RepositoryError, Shard, UserStore};

/// A store that forgets everything when it is dropped. Checks at each write what must hold for a history.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<Content>>);

#[derive(Default)]
struct Content {
    users: HashMap<UserId, User>,
    events: HashSet<String>,
    history: Vec<Transition>,
}

impl UserStore for Memory {
    async fn get(&self, id: &UserId) -> Result<Option<User>, RepositoryError> {
        Ok(self.0.lock().unwrap().users.get(id).cloned())
    }

    async fn get_with_event(
        &self,
        id: &UserId,
        event: &EventKey,
        _: Timestamp,
    ) -> Result<Loaded, RepositoryError> {
        let content = self.0.lock().unwrap();
        let user = content.users.get(id).cloned();
        Ok(Loaded {
            user,
            event_known: content.events.contains(event.as_str()),
        })
    }

    async fn commit(
        &self,
        before: &User,
        after: &User,
        _: &str,
        event: Option<EventRecord<'_>>,
        _: Timestamp,
    ) -> Result<(), CommitError> {
        let mut content = self.0.lock().unwrap();
        let stored = content.users.get(&before.id).map_or(0, |user| user.version);
        if event.is_some_and(|event| content.events.contains(event.key.as_str())) {
            return Err(CommitError::Duplicate);
        }
        if before != after {
            if stored != before.version {
                return Err(CommitError::Conflict);
            }
            if let Some(transition) = Transition::between(before, after) {
                let last = content.history.last().map(|transition| transition.to);
                assert!(
                    last.is_none_or(|last| last == transition.from),
                    "history is a path"
                );
                content.history.push(transition);
            }
            let after = User {
                version: stored + 1,
                ..after.clone()
            };
            content.users.insert(after.id.clone(), after);
        }
        content
            .events
            .extend(event.map(|event| event.key.as_str().to_owned()));
        Ok(())
    }

    async fn due(
        &self,
        shard: Shard,
        now: Timestamp,
        limit: u8,
    ) -> Result<Vec<UserId>, RepositoryError> {
        let content = self.0.lock().unwrap();
        let due = content
            .users
            .values()
            .filter(|user| Shard::of(&user.id) == shard);
        let mut due: Vec<_> = due
            .filter_map(|user| Some((user.due_at()?, user.id.clone())))
            .filter(|(due, _)| *due <= now)
            .collect();
        due.sort();
        Ok(due
            .into_iter()
            .map(|(_, id)| id)
            .take(limit.into())
            .collect())
    }
}

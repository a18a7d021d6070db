//! The calls of operators about many users: import, replay, and erasing again. Each works on a page or a batch, and may be repeated.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{KycService, ServiceError};
use crate::kyc::{
    Caller, ImportedUser, Operation, Timestamp, User, UserId, apply_import,
    apply_registered_erasure,
};
use crate::repository::{HistoryKey, UserStore, Users};

/// Users that are looked up in the registry of erasures at a time.
const LINKED: u8 = 200;

/// Items of the history that are looked at in a page of a replay.
const SCANNED: u8 = 200;

/// The result of erasing again whom a backup brought back.
#[derive(Debug)]
pub struct ErasedAgain {
    /// The number of users who were looked up in the registry.
    pub checked: usize,
    /// The number of those who were in it.
    pub erased: usize,
    /// The last user, if there may be more after them.
    pub next: Option<UserId>,
}

/// The result of an import.
#[derive(Debug, Default)]
pub struct Import {
    /// The number of users who were taken over.
    pub imported: usize,
    /// The number of users who were known already and stay as they are.
    pub known: usize,
}

/// The result of sending events again.
#[derive(Debug)]
pub struct Replay {
    /// The number of events.
    pub events: usize,
    /// The place of the last item, if there may be more after it.
    pub next: Option<HistoryKey>,
}

impl<S: UserStore, P> KycService<S, P> {
    /// Takes over users of another backend. Those who cannot be stored, and all after them, are left to a repetition.
    ///
    /// # Errors
    /// [`ServiceError::Repository`] if one of them cannot be stored.
    pub async fn import(
        &self,
        users: &[ImportedUser],
        operation: &Operation,
    ) -> Result<Import, ServiceError> {
        let mut import = Import::default();
        for imported in users {
            let id = &imported.id;
            let is_known = AtomicBool::new(false);
            self.change(id, operation.cause("import"), |user| {
                let user = user.unwrap_or_else(|| self.new_user(id));
                let after = apply_import(&user, imported, (self.clock)(), &self.policy);
                is_known.store(user == after, Ordering::Relaxed);
                Ok((user, after))
            })
            .await?;
            if is_known.into_inner() {
                import.known += 1;
            } else {
                import.imported += 1;
            }
        }
        Ok(import)
    }
}

impl<P> KycService<Users, P> {
    /// Erases again those of the registry whom a backup brought back, among the users after `after`, a page at a time.
    ///
    /// # Errors
    /// [`ServiceError::Repository`] if the tables cannot be used.
    pub async fn erase_again(
        &self,
        after: Option<&UserId>,
        operation: &Operation,
    ) -> Result<ErasedAgain, ServiceError> {
        let page = self.users.linked(after, LINKED).await?;
        let mut erased = 0;
        for (id, applicant) in &page.users {
            if !self.users.is_erased(&applicant.into()).await? {
                continue;
            }
            let again = |user: Option<User>| {
                let user = user.ok_or(ServiceError::UnknownUser)?;
                let after = apply_registered_erasure(&user, applicant, (self.clock)());
                Ok((user, after))
            };
            self.change(id, operation.cause("erasure_again"), again)
                .await?;
            erased += 1;
        }
        Ok(ErasedAgain {
            checked: page.users.len(),
            erased,
            next: page.next,
        })
    }

    /// Has the events of a user's items sent again, from item number `from` on, a page at a time.
    ///
    /// # Errors
    /// [`ServiceError::Repository`] if the history cannot be used.
    pub async fn replay_user(
        &self,
        id: &UserId,
        from: u64,
        caller: &Caller,
    ) -> Result<Replay, ServiceError> {
        let page = self.page(id, from.saturating_sub(1)).await?;
        let keys = page.entries.iter().map(|entry| HistoryKey {
            user: id.clone(),
            sequence: entry.sequence,
        });
        let next = page.next.map(|sequence| HistoryKey {
            user: id.clone(),
            sequence,
        });
        self.replay(keys.collect(), next, caller).await
    }

    /// Has the events of all items sent again that were stored from a time on, a page at a time, after the item `after`. Those of each user
    /// are in their order.
    ///
    /// # Errors
    /// [`ServiceError::Repository`] if the history cannot be used.
    pub async fn replay_since(
        &self,
        since: Timestamp,
        after: Option<&HistoryKey>,
        caller: &Caller,
    ) -> Result<Replay, ServiceError> {
        let page = self.users.history_since(since, after, SCANNED).await?;
        self.replay(page.keys, page.next, caller).await
    }

    async fn replay(
        &self,
        keys: Vec<HistoryKey>,
        next: Option<HistoryKey>,
        caller: &Caller,
    ) -> Result<Replay, ServiceError> {
        let now = (self.clock)();
        for key in &keys {
            self.users.send_again(key, now).await?;
        }
        let events = keys.len();
        tracing::info!(caller = caller.as_str(), events, "events are sent again");
        Ok(Replay { events, next })
    }
}

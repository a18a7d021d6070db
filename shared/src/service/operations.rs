//! The calls of operators: people of support and compliance, and the services of other onboarding steps.

use super::{KycService, ServiceError};
use crate::kyc::{
    ApplicantId, Operation, Queue, StepChange, Timestamp, User, UserId, apply_block, apply_erasure,
    apply_step, apply_unblock,
};
use crate::platform::{Deadline, chain};
use crate::provider::Provider;
use crate::repository::{DueUser, HistoryEntry, RepositoryError, Shard, UserStore, Users};

/// The items of a page of the history.
const PAGE: u8 = 50;

/// The pages of the history in an export: more than anybody has, and far fewer than a function may answer with.
const EXPORTED_PAGES: u8 = 20;

/// Users of a shard that are counted at most.
const COUNTED: u8 = 100;

/// Users that are listed at most.
const LISTED: usize = 50;

/// The users who wait in a queue for a check.
#[derive(Debug)]
pub struct Waiting {
    /// The queue.
    pub queue: Queue,
    /// The number of those who were counted.
    pub count: usize,
    /// True if there are more than were counted.
    pub is_capped: bool,
    /// Those whose turn comes first, at most 50.
    pub first: Vec<DueUser>,
}

/// A person who was erased here.
#[derive(Debug)]
pub struct Erasure {
    /// The user, as far as they are kept.
    pub user: User,
    /// The applicants that are left at the provider, as far as they are known.
    pub applicants: Vec<ApplicantId>,
    /// True if the provider said whom it has for the user now.
    pub provider_answered: bool,
}

/// A page of a user's history.
#[derive(Debug)]
pub struct HistoryPage {
    /// The items, oldest first.
    pub entries: Vec<HistoryEntry>,
    /// The number of the last item, if there may be more after it.
    pub next: Option<u64>,
}

impl<S: UserStore, P> KycService<S, P> {
    /// Loads a user of whom something is stored.
    ///
    /// # Errors
    /// [`ServiceError::UnknownUser`] for anybody else, [`ServiceError::Repository`] if the user cannot be read.
    pub async fn known_user(&self, id: &UserId) -> Result<User, ServiceError> {
        self.users.get(id).await?.ok_or(ServiceError::UnknownUser)
    }

    /// Lists the users who are overdue for a check, by queue.
    ///
    /// # Errors
    /// [`RepositoryError`] if the index cannot be read.
    pub async fn overdue(&self) -> Result<Vec<Waiting>, RepositoryError> {
        let now = (self.clock)();
        let mut queues = Vec::new();
        for queue in Queue::ALL {
            queues.push(self.due_until(queue, now).await?);
        }
        Ok(queues)
    }

    /// Lists the users who wait in a queue, due or not, the longest due first.
    ///
    /// # Errors
    /// [`RepositoryError`] if the index cannot be read.
    pub async fn waiting(&self, queue: Queue) -> Result<Waiting, RepositoryError> {
        self.due_until(queue, Timestamp::MAX).await
    }

    async fn due_until(&self, queue: Queue, end: Timestamp) -> Result<Waiting, RepositoryError> {
        let (mut users, mut is_capped) = (Vec::new(), false);
        for shard in Shard::all() {
            let due = self.users.due(queue, shard, end, None, COUNTED).await?;
            is_capped |= due.len() == usize::from(COUNTED);
            users.extend(due);
        }
        let count = users.len();
        users.sort_by_key(|user| user.at);
        users.truncate(LISTED);
        Ok(Waiting {
            queue,
            count,
            is_capped,
            first: users,
        })
    }

    /// Puts a user on an onboarding step (see `kyc::apply_step`). Makes the user if need be.
    ///
    /// # Errors
    /// [`ServiceError::Step`] with the present step if the change does not go with it. Nothing has changed then.
    pub async fn set_step(
        &self,
        id: &UserId,
        change: &StepChange,
        operation: &Operation,
    ) -> Result<User, ServiceError> {
        let word = if change.forced {
            "onboarding_forced"
        } else {
            "onboarding"
        };
        self.change(id, operation.cause(word), |user| {
            let user = user.unwrap_or_else(|| self.new_user(id));
            let after = apply_step(&user, change, (self.clock)(), &self.policy)?;
            Ok((user, after))
        })
        .await
    }

    /// Blocks a user until the block is lifted. Makes the user if need be.
    ///
    /// # Errors
    /// [`ServiceError::Repository`] if the change cannot be stored.
    pub async fn block(&self, id: &UserId, operation: &Operation) -> Result<User, ServiceError> {
        self.change(id, operation.cause("block"), |user| {
            let user = user.unwrap_or_else(|| self.new_user(id));
            let after = apply_block(&user, (self.clock)());
            Ok((user, after))
        })
        .await
    }

    /// Lifts the block of a user.
    ///
    /// # Errors
    /// [`ServiceError::UnknownUser`] if nothing is stored of the user.
    pub async fn unblock(&self, id: &UserId, operation: &Operation) -> Result<User, ServiceError> {
        self.change(id, operation.cause("unblock"), |user| {
            let user = user.ok_or(ServiceError::UnknownUser)?;
            let after = apply_unblock(&user);
            Ok((user, after))
        })
        .await
    }
}

impl<S: UserStore, P: Provider> KycService<S, P> {
    /// Asks the provider about a user now, and returns the user as stored afterwards, with or without an applicant.
    ///
    /// # Errors
    /// [`ServiceError::UnknownUser`] if nothing is stored of the user, otherwise the failure of table or provider.
    pub async fn check_now(
        &self,
        id: &UserId,
        operation: &Operation,
        deadline: Deadline,
    ) -> Result<User, ServiceError> {
        let user = self.known_user(id).await?;
        let read = self.read(user, operation.cause("check"), deadline).await?;
        Ok(read.user)
    }

    /// Erases a person here (see `kyc::apply_erasure`), with the applicant whom the provider has for them now. The provider need not answer.
    ///
    /// # Errors
    /// [`ServiceError::UnknownUser`] if nothing is stored of the user.
    pub async fn erase(
        &self,
        id: &UserId,
        operation: &Operation,
        deadline: Deadline,
    ) -> Result<Erasure, ServiceError> {
        let linked = self.known_user(id).await?.applicant;
        let lookup = self.provider.applicant_of(id, deadline).await;
        let provider_answered = lookup.is_ok();
        if let Err(error) = &lookup {
            tracing::warn!(user = %id, error = %chain(error), "erased without asking the provider");
        }
        let found = lookup.ok().and_then(|lookup| lookup.applicant().cloned());
        let user = self.change(id, operation.cause("erasure"), |user| {
            let user = user.ok_or(ServiceError::UnknownUser)?;
            let after = apply_erasure(&user, found.as_ref(), (self.clock)());
            Ok((user, after))
        });
        let user = user.await?;
        let mut applicants: Vec<ApplicantId> = linked.into_iter().chain(found).collect();
        applicants.dedup();
        Ok(Erasure {
            user,
            applicants,
            provider_answered,
        })
    }
}

impl<P> KycService<Users, P> {
    /// Reads a page of a user's history, from the item after number `after` on.
    ///
    /// # Errors
    /// [`ServiceError::UnknownUser`] if there is neither a history nor a user.
    pub async fn history(&self, id: &UserId, after: u64) -> Result<HistoryPage, ServiceError> {
        let page = self.page(id, after).await?;
        if page.entries.is_empty() && after == 0 {
            self.known_user(id).await?;
        }
        Ok(page)
    }

    /// Reads all that is stored about a user: the user, and the history from its beginning.
    ///
    /// # Errors
    /// [`ServiceError::UnknownUser`] if nothing is stored of the user.
    pub async fn export(&self, id: &UserId) -> Result<(User, HistoryPage), ServiceError> {
        let user = self.known_user(id).await?;
        let mut all = self.page(id, 0).await?;
        for _ in 1..EXPORTED_PAGES {
            let Some(after) = all.next else { break };
            let page = self.page(id, after).await?;
            all.entries.extend(page.entries);
            all.next = page.next;
        }
        Ok((user, all))
    }

    pub(super) async fn page(
        &self,
        id: &UserId,
        after: u64,
    ) -> Result<HistoryPage, RepositoryError> {
        let entries = self.users.history(id, after, PAGE).await?;
        let is_full = entries.len() == usize::from(PAGE);
        let next = entries.last().map(|entry| entry.sequence);
        Ok(HistoryPage {
            next: next.filter(|_| is_full),
            entries,
        })
    }
}

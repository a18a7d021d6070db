//! The calls of operators: what a signed request to the second API asks for.

use std::borrow::Cow;

use http::Method;
use lambda_http::RequestExt;
use lambda_http::request::RequestContext;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Failure, Problem, Request};
use crate::kyc::{
    ApplicantId, Caller, ImportedUser, Justification, Onboarding, Operation, Queue, Step,
    StepChange, Timestamp, UserId,
};
use crate::platform::json::Unambiguous;
use crate::repository::HistoryKey;

/// The largest body of a call, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// The largest number of users in a call: as many as are stored well within the time of a call.
const MAX_IMPORTED: usize = 100;

const ID_FORM: &str = "is 1 to 128 visible ASCII characters";

/// A call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// `GET /overdue`
    Overdue,
    /// `GET /users?awaiting=…`
    Waiting(Queue),
    /// `POST /import`
    Import(Vec<ImportedUser>, Operation),
    /// `POST /replay?page=…`
    Replay(ReplayRange, Caller),
    /// `POST /erasures?page=…`
    EraseAgain {
        /// The last user of the page before.
        after: Option<UserId>,
        /// The operation.
        by: Operation,
    },
    /// A call about one user.
    About(UserId, UserCall),
}

/// The items of the history whose events are to be sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplayRange {
    /// Those of a user.
    User {
        /// The user.
        id: UserId,
        /// The number of the first one.
        from: u64,
    },
    /// Those of all users.
    Since {
        /// The time from which on they were stored.
        since: Timestamp,
        /// The last item of the page before.
        after: Option<HistoryKey>,
    },
}

/// A call about a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserCall {
    /// `GET /users/{id}`
    User,
    /// `GET /users/{id}/name`, a path of its own: policies of IAM know paths and no queries.
    Name,
    /// `GET /users/{id}/history?page=…`
    History {
        /// The number of the last item of the page before; 0 for the first page.
        after: u64,
    },
    /// `GET /users/{id}/export`
    Export,
    /// `POST /users/{id}/check`
    Check(Operation),
    /// `PUT /users/{id}/onboarding`
    SetStep(StepChange, Operation),
    /// `PUT /users/{id}/block`
    Block(Operation),
    /// `DELETE /users/{id}/block`
    Unblock(Operation),
    /// `DELETE /users/{id}`
    Erase(Operation),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepBody {
    step: String,
    if_step: Option<String>,
    #[serde(default)]
    force: bool,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReasonBody {
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ImportBody {
    users: Vec<ImportedUserBody>,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ImportedUserBody {
    user_id: String,
    step: String,
    applicant_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplayBody {
    user_id: Option<String>,
    from_sequence: Option<u64>,
    since: Option<i64>,
}

impl Request {
    /// Reads the call.
    ///
    /// # Errors
    /// [`Problem::UnknownCaller`] unless IAM says who calls, [`Problem::InvalidRequest`] for what cannot be read, and
    /// [`Problem::TooLarge`].
    pub fn call(&self, onboarding: &Onboarding) -> Result<Call, Failure> {
        let caller = self.caller()?;
        if self.body().len() > MAX_BODY {
            return Err(Problem::TooLarge.into());
        }
        let operation = |justification| Operation {
            caller: caller.clone(),
            justification,
        };
        let with_reason = || -> Result<Operation, Failure> {
            let body: ReasonBody = self.json(r#"{"reason": "…"}"#)?;
            Ok(operation(Some(reason(&body.reason)?)))
        };
        let call = match (self.method(), self.resource()) {
            (&Method::GET, "/overdue") => return Ok(Call::Overdue),
            (&Method::GET, "/users") => return Ok(Call::Waiting(self.queue()?)),
            (&Method::POST, "/import") => {
                let (users, reason) = self.imported(onboarding)?;
                return Ok(Call::Import(users, operation(Some(reason))));
            }
            (&Method::POST, "/replay") => return Ok(Call::Replay(self.replayed()?, caller)),
            (&Method::POST, "/erasures") => {
                let after = self.page_after(|page| UserId::parse(page).ok())?;
                return Ok(Call::EraseAgain {
                    after,
                    by: with_reason()?,
                });
            }
            (&Method::GET, "/users/{id}") => UserCall::User,
            (&Method::DELETE, "/users/{id}") => UserCall::Erase(with_reason()?),
            (&Method::GET, "/users/{id}/name") => UserCall::Name,
            (&Method::GET, "/users/{id}/history") => UserCall::History {
                after: self
                    .page_after(|page| page.parse().ok())?
                    .unwrap_or_default(),
            },
            (&Method::GET, "/users/{id}/export") => UserCall::Export,
            (&Method::POST, "/users/{id}/check") => UserCall::Check(operation(None)),
            (&Method::PUT, "/users/{id}/onboarding") => {
                let body: StepBody = self.json(r#"{"step": "…"}"#)?;
                let justification = body.reason.as_deref().map(reason).transpose()?;
                if body.force && justification.is_none() {
                    return Err(Failure::invalid("A step is forced with a reason only"));
                }
                let change = StepChange {
                    step: step(onboarding, "step", &body.step)?,
                    if_step: body
                        .if_step
                        .map(|name| step(onboarding, "if_step", &name))
                        .transpose()?,
                    forced: body.force,
                };
                UserCall::SetStep(change, operation(justification))
            }
            (&Method::PUT, "/users/{id}/block") => UserCall::Block(with_reason()?),
            (&Method::DELETE, "/users/{id}/block") => UserCall::Unblock(with_reason()?),
            _ => return Err(Failure::invalid("There is no such call")),
        };
        Ok(Call::About(self.subject()?, call))
    }

    /// Returns the path of the call, as it was sent.
    #[must_use]
    pub(super) fn call_path(&self) -> String {
        self.resource().replace("{id}", self.id_in_path())
    }

    fn id_in_path(&self) -> &str {
        let parameters = self.inner().path_parameters_ref();
        parameters
            .and_then(|parameters| parameters.first("id"))
            .unwrap_or_default()
    }

    /// Returns the caller whose signature API Gateway has checked.
    fn caller(&self) -> Result<Caller, Failure> {
        let arn = match self.inner().request_context_ref() {
            Some(RequestContext::ApiGatewayV1(context)) => context.identity.user_arn.as_deref(),
            _ => None,
        };
        let caller = arn.and_then(|arn| Caller::parse(arn).ok());
        caller.ok_or_else(|| Problem::UnknownCaller.into())
    }

    /// Returns the user in the path. An id is sent percent-encoded there.
    fn subject(&self) -> Result<UserId, Failure> {
        let id = percent_decode_str(self.id_in_path())
            .decode_utf8()
            .map(Cow::into_owned);
        let id = id.ok().and_then(|id| UserId::parse(id).ok());
        id.ok_or_else(|| Failure::invalid(format!("The id of a user {ID_FORM}")))
    }

    /// Reads the queue whose users are asked for.
    fn queue(&self) -> Result<Queue, Failure> {
        let awaited = self.query("awaiting").first().copied();
        let mut queues = Queue::ALL.into_iter();
        let queue = queues.find(|queue| awaited == Some(queue.as_str()));
        queue.ok_or_else(|| {
            let names = Queue::ALL.map(Queue::as_str).join(", ");
            Failure::invalid(format!("awaiting is none of {names}"))
        })
    }

    /// Reads the end of the page before, if there is one.
    fn page_after<T>(&self, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Failure> {
        match &self.query("page")[..] {
            [] => Ok(None),
            [page] => {
                let after = read(page).map(Some);
                after.ok_or_else(|| Failure::invalid("page is no next_page of an answer"))
            }
            _ => Err(Failure::invalid("page is there twice")),
        }
    }

    /// Reads the users of an import, all or none.
    fn imported(
        &self,
        onboarding: &Onboarding,
    ) -> Result<(Vec<ImportedUser>, Justification), Failure> {
        let form = r#"{"users": [{"user_id": "…", "step": "…"}], "reason": "…"}"#;
        let body: ImportBody = self.json(form)?;
        if body.users.len() > MAX_IMPORTED {
            let most = format!("An import has at most {MAX_IMPORTED} users");
            return Err(Failure::invalid(most));
        }
        let users = body.users.into_iter().enumerate().map(|(index, user)| {
            let member = |name| format!("users[{index}].{name}");
            let is_no_id = |name| Failure::invalid(format!("{} {ID_FORM}", member(name)));
            let applicant = user.applicant_id.map(ApplicantId::parse).transpose();
            Ok(ImportedUser {
                id: UserId::parse(user.user_id).map_err(|_| is_no_id("user_id"))?,
                step: step(onboarding, &member("step"), &user.step)?,
                applicant: applicant.map_err(|_| is_no_id("applicant_id"))?,
            })
        });
        let users = users.collect::<Result<_, Failure>>()?;
        Ok((users, reason(&body.reason)?))
    }

    /// Reads whose events are to be sent again.
    fn replayed(&self) -> Result<ReplayRange, Failure> {
        const FORM: &str = r#"{"user_id": "…", "from_sequence": …} or {"since": …}"#;
        let body: ReplayBody = self.json(FORM)?;
        let page = self.page_after(history_key)?;
        match (body.user_id, body.from_sequence, body.since) {
            (Some(id), from, None) => {
                let id = UserId::parse(id);
                let id = id.map_err(|_| Failure::invalid(format!("user_id {ID_FORM}")))?;
                let from = match page {
                    Some(after) if after.user == id => after.sequence.saturating_add(1),
                    Some(_) => return Err(Failure::invalid("page is one of another user")),
                    None => from.unwrap_or_default(),
                };
                Ok(ReplayRange::User { id, from })
            }
            (None, None, Some(since)) => Ok(ReplayRange::Since {
                since: Timestamp::from_millis(since),
                after: page,
            }),
            _ => {
                let form = format!("The body is no JSON of the form {FORM}");
                Err(Failure::invalid(form))
            }
        }
    }

    fn json<T: DeserializeOwned>(&self, form: &str) -> Result<T, Failure> {
        // The parser's own error would quote the body, which may be about a person.
        let invalid = || Failure::invalid(format!("The body is no JSON of the form {form}"));
        let Unambiguous(body) = serde_json::from_slice(self.body()).map_err(|_| invalid())?;
        serde_json::from_value(body).map_err(|_| invalid())
    }
}

/// Reads the place of an item in the history: its number, a dot, and the user.
fn history_key(text: &str) -> Option<HistoryKey> {
    let (sequence, user) = text.split_once('.')?;
    Some(HistoryKey {
        user: UserId::parse(user).ok()?,
        sequence: sequence.parse().ok().filter(|sequence| *sequence > 0)?,
    })
}

fn reason(text: &str) -> Result<Justification, Failure> {
    Justification::parse(text)
        .map_err(|_| Failure::invalid("reason is a text of 1 to 500 characters on one line"))
}

fn step(onboarding: &Onboarding, member: &str, name: &str) -> Result<Step, Failure> {
    onboarding.step(name).ok_or_else(|| {
        let complete = Step::complete();
        let steps = onboarding.steps().iter().chain([&complete]);
        let steps: Vec<_> = steps.map(Step::as_str).collect();
        Failure::invalid(format!("{member} is none of {}", steps.join(", ")))
    })
}

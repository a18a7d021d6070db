//! The system under measurement, and the steps of its users.

use local::Options;
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use tests::app::{ACCESS_TOKEN, App, DETAILS, GATE, ME, REFRESH, STATUS};

use crate::database::Database;

/// A running system whose database is counted.
pub(super) struct System {
    pub(super) app: App,
    pub(super) database: Database,
}

impl System {
    /// Starts a system in memory. `release`: with functions as they are deployed.
    pub(super) async fn start(release: bool) -> Self {
        let database = Database::start().await;
        let options = Options {
            dynamodb_url: Some(database.url().to_owned()),
            release,
            ..Options::default()
        };
        let app = App::start_with(options).await;
        Self { app, database }
    }

    /// The request that a step is.
    pub(super) fn request(&self, step: Step, user: &str) -> RequestBuilder {
        let simulate = |what: &str, body: serde_json::Value| {
            let url = format!(
                "{}/simulator/applicants/{user}/{what}",
                self.app.stack.provider_url()
            );
            self.app.http.post(url).json(&body)
        };
        let as_user = |method, path| self.app.as_user(method, path, user);
        match step {
            Step::Token => as_user(Method::POST, ACCESS_TOKEN),
            Step::Start => simulate("start", json!({})),
            Step::Submit => simulate("submit", json!({})),
            Step::Poll => as_user(Method::GET, REFRESH),
            Step::Review => simulate(
                "review",
                json!({ "reviewAnswer": "GREEN", "rejectLabels": [] }),
            ),
            Step::Status => as_user(Method::GET, STATUS),
            Step::Me => as_user(Method::GET, ME),
            Step::Details | Step::DetailsAgain => as_user(Method::GET, DETAILS),
            Step::Gate => as_user(Method::GET, GATE),
        }
    }
}

/// What a user, or the reviewer, does. The steps of the provider cause one webhook each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Token,
    Start,
    Submit,
    Poll,
    Review,
    Status,
    Me,
    Details,
    DetailsAgain,
    Gate,
}

impl Step {
    /// A whole verification, without the polls.
    pub(super) const BEFORE_POLLS: [Self; 3] = [Self::Token, Self::Start, Self::Submit];
    pub(super) const AFTER_POLLS: [Self; 5] = [
        Self::Review,
        Self::Status,
        Self::Me,
        Self::Details,
        Self::Gate,
    ];

    /// The request to the API that it is, or that it causes.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Token => "access-token",
            Self::Start => "webhook, created",
            Self::Submit => "webhook, submitted",
            Self::Poll => "status, refresh=true",
            Self::Review => "webhook, approved",
            Self::Status => "status",
            Self::Me => "user/me",
            Self::Details => "details, first",
            Self::DetailsAgain => "details, again",
            Self::Gate => "gate",
        }
    }

    /// Whether the simulator takes it, so that what the API sees is a webhook.
    pub(super) const fn is_providers(self) -> bool {
        matches!(self, Self::Start | Self::Submit | Self::Review)
    }

    /// The status of the answer when all is well.
    pub(super) const fn expected(self) -> u16 {
        match self {
            Self::Gate => 204,
            _ => 200,
        }
    }
}

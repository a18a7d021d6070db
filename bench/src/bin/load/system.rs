//! The system under measurement, and the actions of its users.

use local::Options;
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use tests::app::{ACCESS_TOKEN, App, DETAILS, GATE, ME, REFRESH, STATUS};

use crate::database::CountingDatabase;

/// A running system with a database that counts its requests.
pub(super) struct MeasuredSystem {
    pub(super) app: App,
    pub(super) database: CountingDatabase,
}

impl MeasuredSystem {
    /// Starts a system in memory. With `release`, the functions are built as they are deployed.
    pub(super) async fn start(release: bool) -> Self {
        let database = CountingDatabase::start().await;
        let options = Options {
            dynamodb_url: Some(database.url().to_owned()),
            release,
            ..Options::default()
        };
        let app = App::start_with(options).await;
        Self { app, database }
    }

    /// Returns the request of an action, to the API or to the simulator.
    pub(super) fn request(&self, action: Action, user: &str) -> RequestBuilder {
        let simulate = |what: &str, body: serde_json::Value| {
            let url = format!(
                "{}/simulator/applicants/{user}/{what}",
                self.app.stack.provider_url()
            );
            self.app.http.post(url).json(&body)
        };
        let as_user = |method, path| self.app.as_user(method, path, user);
        match action {
            Action::Token => as_user(Method::POST, ACCESS_TOKEN),
            Action::Start => simulate("start", json!({})),
            Action::Submit => simulate("submit", json!({})),
            Action::Poll => as_user(Method::GET, REFRESH),
            Action::Review => simulate(
                "review",
                json!({ "reviewAnswer": "GREEN", "rejectLabels": [] }),
            ),
            Action::Status => as_user(Method::GET, STATUS),
            Action::Me => as_user(Method::GET, ME),
            Action::Details | Action::DetailsAgain => as_user(Method::GET, DETAILS),
            Action::Gate => as_user(Method::GET, GATE),
        }
    }
}

/// An action of a user or of the reviewer. Each action at the provider causes one webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Action {
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

impl Action {
    /// With the polls between these two, a whole verification.
    pub(super) const BEFORE_POLLS: [Self; 3] = [Self::Token, Self::Start, Self::Submit];
    pub(super) const AFTER_POLLS: [Self; 5] = [
        Self::Review,
        Self::Status,
        Self::Me,
        Self::Details,
        Self::Gate,
    ];

    /// Returns the name of the request that the API receives.
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

    /// Returns `true` if the simulator receives the request, and the API a webhook.
    pub(super) const fn is_at_provider(self) -> bool {
        matches!(self, Self::Start | Self::Submit | Self::Review)
    }

    /// Returns the status of a successful response.
    pub(super) const fn status(self) -> u16 {
        match self {
            Self::Gate => 204,
            _ => 200,
        }
    }
}

//! Personal data and secrets appear only where they belong, in logs, errors, tables and responses.

use std::collections::BTreeMap;

use local::Options;
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::provider::{APPLICANT, app_with};
use tests::app::{
    ACCESS_TOKEN, Answer, App, DETAILS, FOR_USERS, ME, REFRESH, STATUS, USER, WEBHOOK, send,
};

/// A place in which a marked value can appear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Logs,
    /// The user's item in the table, after an approval and at all other times.
    ApprovedUser,
    User,
    /// All other items.
    Items,
    /// An error, from whichever route.
    Error,
    /// The headers of any answer.
    Headers,
    /// The body of a successful answer.
    Status,
    Details,
    Me,
    AccessToken,
    Receipt,
}

use Place::{AccessToken, ApprovedUser, Details, Me, Status, User};

/// The marked values, each with the places in which it may appear.
const MARKS: [(&str, &[Place]); 22] = [
    ("Marked-First", &[ApprovedUser, Details, Me]),
    ("Marked-Last", &[ApprovedUser, Details, Me]),
    ("1901-02-03", &[Details]),
    ("XNA", &[Details]),
    ("XCO", &[Details]),
    ("XDO", &[Details]),
    // The simulator gives every document this number and this last day, and every image a file's name.
    ("SIM123456", &[]),
    ("2035-07-12", &[]),
    ("-passport.jpg", &[]),
    // The reviewer's words for the user, until the user is approved, and for us.
    ("Marked comment", &[User, Status, Details]),
    ("Marked finding", &[]),
    ("MARKED_LABEL", &[]),
    // Texts of callers, believed or not.
    ("Marked query", &[]),
    ("Marked%20query", &[]),
    ("Marked header", &[]),
    ("Marked forgery", &[]),
    ("Marked noise", &[]),
    // The provider's answer when it is out of order.
    ("Marked answer", &[]),
    // The session token, and how every JWT begins.
    ("_act-sbx", &[AccessToken]),
    ("eyJ", &[AccessToken]),
    // Secrets, in words of this test.
    ("marked-credential", &[]),
    ("marked-webhook-secret", &[]),
];

/// All that was seen, and where.
struct Sightings<'a> {
    app: &'a App,
    seen: Vec<(Place, String)>,
}

impl<'a> Sightings<'a> {
    fn of(app: &'a App) -> Self {
        Self {
            app,
            seen: Vec::new(),
        }
    }

    async fn send(&mut self, place: Place, request: RequestBuilder) -> Answer {
        let answer = send(request).await;
        self.answer(place, answer)
    }

    fn answer(&mut self, place: Place, answer: Answer) -> Answer {
        let place = if answer.status < 400 {
            place
        } else {
            Place::Error
        };
        self.seen.push((place, answer.text.clone()));
        self.seen
            .push((Place::Headers, format!("{:?}", answer.headers)));
        answer
    }

    /// Asks all routes as the user.
    async fn ask_all(&mut self) {
        for (place, method, path) in [
            (AccessToken, Method::POST, ACCESS_TOKEN),
            (Status, Method::GET, STATUS),
            (Status, Method::GET, REFRESH),
            (Details, Method::GET, DETAILS),
            (Me, Method::GET, ME),
            (Status, Method::GET, "/v0/kyc/gate"),
        ] {
            let request = self.app.as_user(method, path, USER);
            self.send(place, request).await;
        }
    }

    /// Looks at the table as it is now.
    async fn look_at_table(&mut self) {
        let approved = self.app.status().await == "approved";
        let user = if approved { ApprovedUser } else { User };
        for (table, place) in [
            ("UsersTable", user),
            ("HistoryTable", Place::Items),
            ("DeliveriesTable", Place::Items),
            ("CountersTable", Place::Items),
        ] {
            for item in self.app.items(table).await {
                self.seen.push((place, item.to_string()));
            }
        }
    }

    fn look_at_logs(&mut self) {
        let lines = self.app.stack.logs().into_iter();
        self.seen.extend(lines.map(|line| (Place::Logs, line.line)));
    }

    fn has(&self, mark: &str, place: Place) -> bool {
        self.seen
            .iter()
            .any(|(seen_in, text)| *seen_in == place && text.contains(mark))
    }

    /// Asserts that no mark was seen where it may not be.
    fn assert_allowed(&self) {
        for (mark, allowed) in MARKS {
            for (place, text) in &self.seen {
                let visible = text.contains(mark) && !allowed.contains(place);
                assert!(!visible, "{mark} in {place:?}: {text}");
            }
        }
    }
}

fn options() -> Options {
    Options {
        parameters: [("LogLevel".to_owned(), "trace".to_owned())].into(),
        secrets: [
            ("ProviderSecret", json!({ "app_token": "sbx:marked-credential", "secret_key": "marked-credential-key" })),
            ("WebhookSecret", json!({ "secrets": ["marked-webhook-secret"] })),
        ]
        .map(|(id, value)| (id.to_owned(), value))
        .into(),
        ..Options::default()
    }
}

#[tokio::test]
async fn personal_data_and_secrets_appear_only_where_they_belong() {
    let app = App::start_with(options()).await;
    let mut seen = Sightings::of(&app);
    seen.ask_all().await;
    let person = json!({ "firstName": "Marked-First", "lastName": "Marked-Last", "dob": "1901-02-03", "nationality": "XNA",
        "country": "XCO", "documents": [{ "idDocType": "PASSPORT", "country": "XDO" }] });
    app.simulate(Method::POST, &format!("applicants/{USER}/submit"), person)
        .await;
    let review = json!({ "reviewAnswer": "RED", "reviewRejectType": "RETRY", "moderationComment": "Marked comment",
        "clientComment": "Marked finding", "rejectLabels": ["MARKED_LABEL"] });
    app.review(review).await;
    seen.ask_all().await;
    seen.look_at_table().await;
    mislead(&mut seen).await;

    app.review(json!({ "reviewAnswer": "GREEN" })).await;
    seen.ask_all().await;
    mislead(&mut seen).await;
    for mode in ["malformed", "unavailable", "throttled"] {
        app.provider(json!({ "mode": mode })).await;
        seen.ask_all().await;
    }
    seen.look_at_table().await;
    seen.look_at_logs();
    seen.assert_allowed();
    // All of it was there to be seen, and no function was silent.
    for function in [
        "access-token",
        "status",
        "details",
        "user",
        "gate",
        "webhook",
    ] {
        assert!(
            app.stack
                .logs()
                .iter()
                .any(|line| line.function == function)
        );
    }
    for (mark, allowed) in MARKS {
        for place in allowed.iter().filter(|_| mark != "eyJ") {
            assert!(seen.has(mark, *place), "{mark} is nowhere in {place:?}");
        }
    }
}

/// Requests that are refused or ignored.
async fn mislead(seen: &mut Sightings<'_>) {
    let app = seen.app;
    for (method, path) in FOR_USERS {
        let bad = app
            .stack
            .sign(&json!({ "sub": USER, "name": "Marked noise" }));
        for token in [bad.as_str(), "Marked header"] {
            let request = app.request(method.clone(), &format!("{path}?Marked%20query"));
            let request = request.header("x-juno-jwt", token);
            let answer = seen.send(Place::Error, request.body("Marked noise")).await;
            answer.assert_problem(401, "USR-401-001", path);
        }
    }
    for path in [STATUS, DETAILS] {
        let request = app.as_user(Method::GET, &format!("{path}?refresh=Marked%20query"), USER);
        let request = request.header("x-noise", "Marked header");
        let answer = seen.send(Place::Error, request).await;
        answer.assert_problem(400, "GEN-400-001", path);
    }
    let event = |word: &str| {
        json!({ "type": "applicantReviewed", "externalUserId": format!("{word} user"), "applicantId": word, "createdAtMs": word,
            "reviewStatus": word, "correlationId": word, "info": { "firstName": word },
            "reviewResult": { "reviewAnswer": word, "moderationComment": word } })
    };
    let forged = app.delivery(event("Marked forgery").to_string());
    let answer = forged.send(&[("x-payload-digest", "Marked forgery")]).await;
    seen.answer(Place::Error, answer)
        .assert_problem(401, "KYC-401-001", WEBHOOK);
    for noise in [
        event("Marked noise"),
        json!("Marked noise"),
        json!({ "type": ["Marked noise"] }),
    ] {
        let answer = app.deliver(&noise).await;
        assert_eq!(
            seen.answer(Place::Receipt, answer).ok()["outcome"],
            "ignored",
            "{noise}"
        );
    }
}

/// A malformed response of the provider is shown to nobody.
#[tokio::test]
async fn a_broken_provider_is_not_quoted() {
    let sentence = r#"{"code":400,"description":"Marked answer","correlationId":"Marked answer","errorName":"Marked answer"}"#;
    for (status, answer) in [
        (
            200,
            r#"{"id":"Marked answer","info":{"firstName":"Marked answer"#,
        ),
        (200, r#"{"id":{"Marked answer":1},"token":"Marked answer"}"#),
        (200, "Marked answer"),
        (400, sentence),
        (401, sentence),
        (409, sentence),
        (500, sentence),
        (302, sentence),
    ] {
        let answers = [
            (APPLICANT, status, answer),
            (
                "/resources/accessTokens/sdk",
                status,
                r#"{"Marked answer":1}"#,
            ),
        ];
        let app = app_with(answers, options()).await;
        let mut seen = Sightings::of(&app);
        seen.ask_all().await;
        seen.look_at_table().await;
        seen.look_at_logs();
        assert!(
            seen.seen.iter().any(|(place, _)| *place == Place::Error),
            "{answer}"
        );
        seen.assert_allowed();
    }
}

/// The values of secrets are not told when they are not what they should be.
#[tokio::test]
async fn secrets_that_cannot_be_read_are_not_quoted() {
    let (app, vault) = App::start_with_vault(Options {
        secrets: BTreeMap::new(),
        ..options()
    })
    .await;
    for (id, value) in [
        (
            "ProviderSecret",
            json!({ "app_token": 7, "secret_key": "marked-credential" }),
        ),
        (
            "WebhookSecret",
            json!({ "secrets": "marked-webhook-secret" }),
        ),
        ("JwksSecret", json!({ "keys": "marked-credential" })),
    ] {
        vault.set(id, Some(value));
    }
    let mut seen = Sightings::of(&app);
    seen.ask_all().await;
    let answer = app.delivery("{}").send(&[("x-payload-digest", "aa")]).await;
    seen.answer(Place::Receipt, answer)
        .assert_problem(500, "KYC-500-001", WEBHOOK);
    seen.look_at_logs();
    for id in ["ProviderSecret", "WebhookSecret", "JwksSecret"] {
        assert!(seen.has(id, Place::Logs), "{id}");
    }
    seen.assert_allowed();
}

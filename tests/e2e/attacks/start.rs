//! Configurations that would let anybody in: a function does not start with them, and says why.

use local::Options;

use super::issuer::{Issuer, key_set};
use super::key_server::KeyServer;
use super::set;
use tests::app::{App, FOR_USERS, WEBHOOK, send};

const KEYS: &str = "https://issuer.example/jwks.json";

type Variables = &'static [(&'static str, &'static str)];

/// The variables, the one to blame, and whether it is the webhook's.
const REFUSED: [(Variables, &str, bool); 12] = [
    (&[("JWT_ALGORITHMS", "")], "JWT_ALGORITHMS", false),
    (&[("JWT_ALGORITHMS", "none")], "JWT_ALGORITHMS", false),
    (&[("JWT_ALGORITHMS", "RS256,none")], "JWT_ALGORITHMS", false),
    (&[("JWT_ALGORITHMS", "RS256,")], "JWT_ALGORITHMS", false),
    (
        &[("JWT_ALGORITHMS", "RS256,HS256"), ("JWKS_URL", KEYS)],
        "JWT_ALGORITHMS",
        false,
    ),
    (&[("JWT_USER_ID_CLAIM", "")], "JWT_USER_ID_CLAIM", false),
    (
        &[("JWKS_SECRET", ""), ("JWKS_URL", "")],
        "JWKS_SECRET",
        false,
    ),
    (
        &[("JWKS_URL", "http://issuer.example/jwks.json")],
        "JWKS_URL",
        false,
    ),
    (&[("JWKS_URL", "file:///etc/passwd")], "JWKS_URL", false),
    (&[("CORS_ORIGINS", "*")], "CORS_ORIGINS", false),
    (
        &[("CORS_ORIGINS", "https://app.example.com,null")],
        "CORS_ORIGINS",
        false,
    ),
    (&[("WEBHOOK_SECRET", "")], "WEBHOOK_SECRET", true),
];

#[tokio::test]
async fn a_dangerous_configuration_is_refused_by_name() {
    for (variables, name, of_webhook) in REFUSED {
        let app = App::start_with(Options {
            function_environment: variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            ..Options::default()
        })
        .await;
        if of_webhook {
            let answer = app.delivery("{}").send(&[]).await;
            answer.assert_problem(502, "GEN-502-001", WEBHOOK);
        } else {
            for (method, path) in FOR_USERS {
                let answer = send(app.as_user(method, path, "usr_other")).await;
                answer.assert_problem(502, "GEN-502-001", path);
            }
        }
        let logs = app.stack.logs();
        let blames = |line: &&str| line.contains("environment variable") && line.contains(name);
        let lines = || logs.iter().map(|line| line.line.as_str());
        assert!(lines().any(|line| blames(&line)), "{name}: {logs:?}");
    }
}

/// Keys at `JWKS_URL` are preferred: a shared secret that is configured too opens no second way in.
#[tokio::test]
async fn an_address_of_keys_replaces_the_secret() {
    let issuer = Issuer::ed25519("issuer");
    let server = KeyServer::start(&key_set([&issuer])).await;
    let app = App::start_with(Options {
        parameters: set([("JwksUrl", server.url())]),
        ..Options::default()
    })
    .await;
    for (method, path) in FOR_USERS {
        let answer = send(app.as_user(method, path, "usr_other")).await;
        answer.assert_problem(401, "USR-401-001", path);
    }
}

//! The demo's routes, beside those of the API.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use local::{Options, Stack};
use reqwest::{Client, Response};
use serde_json::{Value, json};

const STATUS: &str = "/v0/kyc/status";

struct Demo {
    stack: Stack,
    client: Client,
}

impl Demo {
    async fn start(options: Options) -> Self {
        let stack = Stack::start(options).await.unwrap();
        let client = Client::builder().no_proxy().build().unwrap();
        Self { stack, client }
    }

    async fn request(&self, method: &str, path: &str, body: Option<Value>) -> Response {
        let url = format!("{}{path}", self.stack.api_url());
        let request = self.client.request(method.parse().unwrap(), url);
        match body {
            Some(body) => request.json(&body),
            None => request,
        }
        .send()
        .await
        .unwrap()
    }

    async fn get(&self, path: &str) -> Response {
        self.request("GET", path, None).await
    }

    async fn assert_unknown(&self, method: &str, path: &str) {
        let answer = self.request(method, path, None).await;
        assert_eq!(answer.status(), 404, "{method} {path}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        if method != "HEAD" {
            let problem: Value = answer.json().await.unwrap();
            assert_eq!(problem["error_code"], "GEN-404-001", "{method} {path}");
            assert_eq!(problem["instance"], path);
        }
    }
}

fn with_demo() -> Options {
    Options {
        demo: true,
        ..Options::default()
    }
}

/// DNS rebinding: a page at a name that its owner now leads to this machine.
#[tokio::test]
async fn neither_pages_nor_stand_ins_answer_to_a_name_of_somebody_else() {
    let demo = Demo::start(with_demo()).await;
    let stack = &demo.stack;
    let page = demo.client.get(format!("{}/", stack.api_url()));
    for request in [
        page,
        demo.client.post(stack.secrets_url()),
        demo.client.post(stack.dynamodb_url()),
        demo.client
            .get(format!("{}/simulator/requests", stack.provider_url())),
        demo.client
            .get(format!("{}/resources/applicants/-", stack.provider_url())),
    ] {
        let answer = request.header("host", "evil.example:80").send().await;
        assert_eq!(answer.unwrap().status(), 421);
    }
    let session = demo
        .client
        .post(format!("{}/demo/session", stack.api_url()));
    let session = session.header("host", "evil.example");
    let session = session.json(&json!({ "user": "usr_1" })).send().await;
    assert_eq!(session.unwrap().status(), 421);
}

#[tokio::test]
async fn a_phone_gets_the_demo_and_the_api_but_no_operator() {
    let demo = Demo::start(Options {
        phone: Some([127, 0, 0, 1].into()),
        ..with_demo()
    })
    .await;
    let url = demo.stack.phone_url().unwrap().to_owned();
    assert_ne!(url, demo.stack.api_url());
    let get = async |path: &str| {
        demo.client
            .get(format!("{url}{path}"))
            .send()
            .await
            .unwrap()
    };
    for path in ["/", "/demo/demo.js", "/demo/timeline", "/docs"] {
        assert_eq!(get(path).await.status(), 200, "{path}");
    }
    let config: Value = get("/demo/config.json").await.json().await.unwrap();
    assert_eq!(config["operations"], Value::Null);
    let session = demo.client.post(format!("{url}/demo/session"));
    let session = session.json(&json!({ "user": "usr_phone" })).send().await;
    let session: Value = session.unwrap().json().await.unwrap();
    let token = session["token"].as_str().unwrap();
    let status = demo.client.get(format!("{url}{STATUS}"));
    let status = status.header("x-juno-jwt", token).send().await.unwrap();
    assert_eq!(status.status(), 200);
    for path in [
        "/operations",
        "/operations/roles.json",
        "/operations/api/overdue",
        "/users/usr_phone",
    ] {
        assert_eq!(get(path).await.status(), 404, "{path}");
        let here = demo.get(path).await.status();
        assert_eq!(here == 404, path.starts_with("/users"), "{path}");
    }
}

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere() {
    let demo = Demo::start(with_demo()).await;
    let page = demo.get("/").await;
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let page = page.text().await.unwrap();
    for (path, content_type) in [
        ("/", "text/html; charset=utf-8"),
        ("/demo/style.css", "text/css; charset=utf-8"),
        ("/demo/demo.js", "text/javascript; charset=utf-8"),
        ("/demo/sdk.js", "text/javascript; charset=utf-8"),
        ("/demo/scenarios.js", "text/javascript; charset=utf-8"),
        ("/demo/timeline.js", "text/javascript; charset=utf-8"),
        ("/demo/kyc.js", "text/javascript; charset=utf-8"),
        ("/demo/icon.svg", "image/svg+xml"),
        ("/demo/config.json", "application/json"),
    ] {
        let answer = demo.get(path).await;
        assert_eq!(answer.status(), 200, "{path}");
        let headers = answer.headers();
        assert_eq!(headers["content-type"], content_type);
        assert_eq!(headers["x-content-type-options"], "nosniff");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        assert!(
            !policy.contains("http") && !policy.contains("unsafe"),
            "{policy}"
        );
    }
    assert!(!page.contains("http"), "an address of somebody else");
    let config: Value = demo.get("/demo/config.json").await.json().await.unwrap();
    let operations = demo.stack.operations_url();
    assert_eq!(
        config,
        json!({ "simulator": true, "sdk": null, "operations": operations, "region": "eu-west-1" })
    );
}

#[tokio::test]
async fn the_reference_loads_nothing_from_elsewhere() {
    let demo = Demo::start(with_demo()).await;
    for (path, content_type, encoding) in [
        ("/docs", "text/html; charset=utf-8", None),
        ("/docs/docs.css", "text/css; charset=utf-8", None),
        ("/docs/docs.js", "text/javascript; charset=utf-8", None),
        (
            "/docs/swagger-ui.css",
            "text/css; charset=utf-8",
            Some("gzip"),
        ),
        (
            "/docs/swagger-ui-bundle.js",
            "text/javascript; charset=utf-8",
            Some("gzip"),
        ),
        ("/openapi.yaml", "application/yaml", None),
    ] {
        let answer = demo.get(path).await;
        assert_eq!(answer.status(), 200, "{path}");
        let headers = answer.headers();
        assert_eq!(headers["content-type"], content_type);
        assert_eq!(headers["x-content-type-options"], "nosniff");
        let packed = headers.get("content-encoding").map(|v| v.to_str().unwrap());
        assert_eq!(packed, encoding, "{path}");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
        assert!(!policy.contains("http") && !policy.contains("unsafe"));
        let content = answer.bytes().await.unwrap();
        match encoding {
            Some(_) => assert!(content.starts_with(&[0x1f, 0x8b]), "{path}"),
            None if path == "/openapi.yaml" => {
                assert_eq!(content, include_str!("../../../openapi.yaml"));
            }
            None => assert!(
                !String::from_utf8_lossy(&content).contains("http"),
                "{path}"
            ),
        }
    }
}

#[tokio::test]
async fn the_api_is_as_it_is_without_the_demo() {
    let demo = Demo::start(with_demo()).await;
    for (method, path) in [
        ("POST", "/"),
        ("DELETE", "/demo/demo.js"),
        ("GET", "/demo"),
        ("GET", "/demo/"),
        ("GET", "/demo/other.js"),
        ("GET", "/demo/session"),
        ("GET", "/demo/simulator"),
        ("GET", "/docs/other.js"),
        ("POST", "/docs"),
        ("GET", "/simulator/applicants"),
        ("GET", "/v0/x"),
        ("HEAD", STATUS),
    ] {
        demo.assert_unknown(method, path).await;
    }
    let answer = demo.get(STATUS).await;
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.headers()["content-security-policy"], "sandbox");

    let plain = Demo::start(Options::default()).await;
    for path in [
        "/",
        "/demo/demo.js",
        "/demo/config.json",
        "/docs",
        "/openapi.yaml",
    ] {
        plain.assert_unknown("GET", path).await;
    }
    plain.assert_unknown("POST", "/demo/session").await;
}

#[tokio::test]
async fn any_user_can_sign_in() {
    let demo = Demo::start(with_demo()).await;
    let body = json!({ "user": "usr_1" });
    let answer = demo
        .request("POST", "/demo/session", Some(body.clone()))
        .await;
    assert_eq!(answer.status(), 200);
    let session: Value = answer.json().await.unwrap();
    assert_eq!(session["user"], "usr_1");
    let url = format!("{}/v0/user/me?expand=onboarding", demo.stack.api_url());
    let request = demo.client.get(url);
    let me = request.header("x-juno-jwt", session["token"].as_str().unwrap());
    let me: Value = me.send().await.unwrap().json().await.unwrap();
    assert_eq!(me["user"]["id"], "usr_1");
    assert_eq!(me["onboarding"]["current_step"], "kyc_verification");

    for body in [
        json!({}),
        json!({ "user": "" }),
        json!({ "user": "a b" }),
        json!({ "user": 7 }),
    ] {
        let answer = demo
            .request("POST", "/demo/session", Some(body.clone()))
            .await;
        assert_eq!(answer.status(), 400, "{body}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
    // A form of another page may send this without a CORS permission.
    let form = demo
        .client
        .post(format!("{}/demo/session", demo.stack.api_url()));
    let form = form
        .header("content-type", "text/plain")
        .body(body.to_string());
    assert_eq!(form.send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn the_simulator_is_behind_the_page() {
    let demo = Demo::start(with_demo()).await;
    let path = "/demo/simulator/applicants/usr%2F1";
    let answer = demo
        .request("POST", &format!("{path}/submit"), Some(json!({})))
        .await;
    assert_eq!(answer.status(), 200);
    let answer: Value = demo.get(path).await.json().await.unwrap();
    assert_eq!(answer["applicant"]["externalUserId"], "usr/1");
    let answer = demo.get("/demo/simulator/nothing").await;
    assert_eq!(answer.status(), 404);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["error"], "There is nothing at this path.");
}

#[tokio::test]
async fn with_another_provider_the_page_has_its_sdk_and_no_simulator() {
    let demo = Demo::start(Options {
        provider_url: Some("https://api.sumsub.com".to_owned()),
        ..with_demo()
    })
    .await;
    let answer = demo.get("/").await;
    let policy = answer.headers()["content-security-policy"]
        .to_str()
        .unwrap();
    assert!(
        policy.contains("script-src 'self' https://static.sumsub.com;"),
        "{policy}"
    );
    let config: Value = demo.get("/demo/config.json").await.json().await.unwrap();
    let sdk = "https://static.sumsub.com/idensic/static/sns-websdk-builder.js";
    assert_eq!(config["simulator"], false);
    assert_eq!(config["sdk"], sdk);
    demo.assert_unknown("GET", "/demo/simulator/applicants")
        .await;
}

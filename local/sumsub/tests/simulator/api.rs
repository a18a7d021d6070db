//! The provider's API: authentication, responses, faults.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{APP_TOKEN, Receiver, Simulator, soon};

const ODD_USER: &str = "a%2Fb%3Bc%3Dd%20e%2Bf%40g.h";

#[tokio::test]
async fn unsigned_requests_are_refused() {
    let receiver = Receiver::start().await;
    let simulator = Simulator::start(&receiver.url, None).await;
    let target = "/resources/applicants/-;externalUserId=usr_abc123/one";
    let signed = || simulator.signed(&Method::GET, target, "").build().unwrap();

    let mut other_token = signed();
    other_token
        .headers_mut()
        .insert("X-App-Token", "sbx:other".parse().unwrap());
    let mut old = signed();
    old.headers_mut()
        .insert("X-App-Access-Ts", "1704067200".parse().unwrap());
    let mut other_target = signed();
    other_target.url_mut().set_query(Some("fields=all"));
    let mut no_signature = signed();
    no_signature.headers_mut().remove("X-App-Access-Sig");

    for request in [other_token, old, other_target, no_signature] {
        let answer = soon(simulator.http.execute(request)).await.unwrap();
        assert_eq!(answer.status(), 401);
        let error: Value = answer.json().await.unwrap();
        assert_eq!(error["code"], 401);
        assert_eq!(error["correlationId"].as_str().unwrap().len(), 32);
        assert!(!error["description"].as_str().unwrap().contains(APP_TOKEN));
    }
    let genuine = soon(simulator.http.execute(signed())).await.unwrap();
    assert_eq!(genuine.status(), 404);
}

#[tokio::test]
async fn a_token_makes_no_applicant() {
    let receiver = Receiver::start().await;
    let simulator = Simulator::start(&receiver.url, None).await;
    let mint = |body: Value| {
        let body = body.to_string();
        let simulator = &simulator;
        async move {
            simulator
                .call(Method::POST, "/resources/accessTokens/sdk", &body)
                .await
        }
    };

    let body = json!({ "userId": "usr_abc123", "levelName": "basic-kyc-level", "ttlInSecs": 600 });
    let (status, first) = mint(body.clone()).await;
    let (_, second) = mint(body).await;
    assert_eq!(status, 200);
    assert_eq!(first["userId"], "usr_abc123");
    assert!(
        first["token"]
            .as_str()
            .unwrap()
            .starts_with("_act-sbx-jwt-")
    );
    assert_ne!(first["token"], second["token"]);
    assert_eq!(
        simulator.get("/applicants").await,
        json!({ "applicants": [] })
    );

    let (status, _) = mint(json!({ "userId": "usr_abc123", "levelName": "no-such-level" })).await;
    assert_eq!(status, 404);
    let (status, _) = mint(json!({ "userId": "", "levelName": "basic-kyc-level" })).await;
    assert_eq!(status, 400);
    let (status, _) = mint(json!({ "levelName": "basic-kyc-level" })).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn reads_have_the_documented_shapes() {
    let receiver = Receiver::start().await;
    let simulator = Simulator::start(&receiver.url, None).await;
    let started = simulator
        .post("/applicants/usr_abc123/start", Value::Null)
        .await;
    let id = started["applicant"]["id"].as_str().unwrap();
    let by_user = "/resources/applicants/-;externalUserId=usr_abc123/one";
    let by_id = |rest: &str| format!("/resources/applicants/{id}/{rest}");

    assert_eq!(id.len(), 24);
    assert!(
        id.bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    );
    let applicant = simulator.read(by_user).await;
    assert_eq!(applicant, simulator.read(&by_id("one")).await);
    assert_eq!(applicant["externalUserId"], "usr_abc123");
    assert_eq!(
        applicant["createdAt"].as_str().unwrap().len(),
        "2024-01-01 10:00:00".len()
    );
    assert_eq!(applicant.get("info"), None);
    assert_eq!(
        simulator.read(&by_id("requiredIdDocsStatus")).await,
        json!({ "IDENTITY": null, "SELFIE": null }),
    );

    let submission = json!({
        "firstName": "Amélie",
        "country": "FRA",
        "documents": [{ "idDocType": "ID_CARD" }, { "idDocType": "PASSPORT", "country": "DEU" }],
    });
    simulator
        .post("/applicants/usr_abc123/submit", submission)
        .await;
    let info = &simulator.read(by_user).await["info"];
    assert_eq!(info["firstName"], "Amélie");
    assert_eq!(info["lastName"], "Smith");
    assert_eq!(info["addresses"], json!([{ "country": "FRA" }]));
    assert_eq!(info["idDocs"].as_array().unwrap().len(), 2);

    let resources = simulator.read(&by_id("metadata/resources")).await;
    assert_eq!(resources["totalItems"], 4);
    assert_eq!(
        resources["items"][1]["idDocDef"],
        json!({ "country": "FRA", "idDocType": "ID_CARD", "idDocSubType": "BACK_SIDE" }),
    );
    assert_eq!(
        resources["items"][3]["idDocDef"],
        json!({ "country": "FRA", "idDocType": "SELFIE" }),
    );
    assert_eq!(resources["items"][0].get("reviewResult"), None);

    simulator
        .post(
            "/applicants/usr_abc123/review",
            json!({ "reviewAnswer": "GREEN" }),
        )
        .await;
    let review = simulator.read(&by_id("status")).await;
    assert_eq!(review["levelName"], "basic-kyc-level");
    assert_eq!(review["reviewStatus"], "completed");
    assert_eq!(review["reviewResult"], json!({ "reviewAnswer": "GREEN" }));
    assert!(review["reviewDate"].as_str().unwrap().ends_with("+0000"));
    let identity = &simulator.read(&by_id("requiredIdDocsStatus")).await["IDENTITY"];
    assert_eq!(identity["imageIds"].as_array().unwrap().len(), 3);
    assert_eq!(identity["reviewResult"], json!({ "reviewAnswer": "GREEN" }));
}

#[tokio::test]
async fn percent_encoded_users_are_told_apart() {
    let receiver = Receiver::start().await;
    let simulator = Simulator::start(&receiver.url, None).await;

    simulator
        .post(&format!("/applicants/{ODD_USER}/start"), Value::Null)
        .await;

    let odd = format!("/resources/applicants/-;externalUserId={ODD_USER}/one");
    assert_eq!(
        simulator.read(&odd).await["externalUserId"],
        "a/b;c=d e+f@g.h"
    );
    let (status, _) = simulator
        .call(
            Method::GET,
            "/resources/applicants/-;externalUserId=a%2Fb/one",
            "",
        )
        .await;
    assert_eq!(status, 404);
    let (status, _) = simulator
        .call(
            Method::GET,
            "/resources/applicants/-;externalUserId=%FF/one",
            "",
        )
        .await;
    assert_eq!(status, 400);

    let requests = simulator.get("/requests").await;
    assert_eq!(requests["requests"][0]["target"], odd);
    assert_eq!(requests["requests"][0]["status"], 200);
    assert_eq!(requests["requests"][1]["status"], 404);
    simulator
        .control(Method::DELETE, "/requests", Value::Null)
        .await;
    let forgotten = simulator.get("/requests").await;
    assert_eq!(forgotten["requests"], json!([]));
}

#[tokio::test]
async fn faults_come_and_go() {
    let receiver = Receiver::start().await;
    let simulator = Simulator::start(&receiver.url, None).await;
    let target = "/resources/applicants/-;externalUserId=usr_abc123/one";
    let send = || soon(simulator.signed(&Method::GET, target, "").send());

    simulator
        .put("/api", json!({ "mode": "unavailable" }))
        .await;
    let answer = send().await.unwrap();
    assert_eq!(answer.status(), 503);
    assert!(
        answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/plain")
    );

    simulator.put("/api", json!({ "mode": "throttled" })).await;
    let answer = send().await.unwrap();
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "7");

    simulator.put("/api", json!({ "mode": "malformed" })).await;
    let answer = send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.json::<Value>().await.is_err());

    simulator
        .put("/api", json!({ "mode": "slow", "delay_ms": 60 }))
        .await;
    let before = tokio::time::Instant::now();
    assert_eq!(send().await.unwrap().status(), 404);
    assert!(before.elapsed() >= Duration::from_millis(60));

    // The control API is never at fault.
    assert_eq!(simulator.get("/api").await["mode"], "slow");
    simulator.put("/api", json!({ "mode": "normal" })).await;
    assert_eq!(send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn a_hanging_request_does_not_hold_up_the_end() {
    let receiver = Receiver::start().await;
    let simulator = Simulator::start(&receiver.url, None).await;
    simulator
        .put("/api", json!({ "mode": "slow", "delay_ms": 3_600_000 }))
        .await;

    let hanging = tokio::spawn(
        simulator
            .signed(&Method::GET, "/resources/applicants/nobody/one", "")
            .send(),
    );
    soon(async {
        while simulator.get("/requests").await["requests"] == json!([]) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    simulator.stop().await;

    assert_eq!(soon(hanging).await.unwrap().unwrap().status(), 404);
}

#[tokio::test]
async fn wrong_input_is_answered_with_a_sentence() {
    let receiver = Receiver::start().await;
    let simulator = Simulator::start(&receiver.url, None).await;
    let user = "/applicants/usr_abc123";

    for (method, path, body, status) in [
        (Method::GET, user.to_owned(), Value::Null, 404),
        (Method::POST, format!("{user}/reset"), Value::Null, 404),
        (
            Method::POST,
            format!("{user}/start"),
            json!({ "levelName": "none" }),
            400,
        ),
        (
            Method::POST,
            format!("{user}/start"),
            json!({ "level": "none" }),
            400,
        ),
        (
            Method::POST,
            format!("{user}/submit"),
            json!({ "firstName": 1 }),
            400,
        ),
        (Method::POST, format!("{user}/review"), Value::Null, 400),
        (
            Method::POST,
            format!("{user}/review"),
            json!({ "reviewAnswer": "RED", "reviewRejectTyp": "FINAL" }),
            400,
        ),
        (
            Method::POST,
            format!("{user}/status/unheardOf"),
            Value::Null,
            400,
        ),
        (
            Method::POST,
            "/applicants/%FF/start".to_owned(),
            Value::Null,
            400,
        ),
        (
            Method::PUT,
            "/api".to_owned(),
            json!({ "mode": "moody" }),
            400,
        ),
        (Method::PUT, "/webhooks".to_owned(), Value::Null, 400),
        (Method::GET, "/nowhere".to_owned(), Value::Null, 404),
        (Method::PATCH, "/api".to_owned(), Value::Null, 405),
    ] {
        let (answered, answer) = simulator.control(method, &path, body).await;
        assert_eq!(answered, status, "{path}: {answer}");
        assert!(
            answer["error"].as_str().unwrap().ends_with(['.', '`']),
            "{path}: {answer}"
        );
    }
    simulator.post(&format!("{user}/start"), Value::Null).await;
    for path in ["status/completed", "status/init", "personal-info"] {
        let (status, _) = simulator
            .control(Method::POST, &format!("{user}/{path}"), Value::Null)
            .await;
        assert_eq!(status, 400, "{path}");
    }
}

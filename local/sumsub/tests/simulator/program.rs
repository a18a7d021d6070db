//! The program that runs the simulator alone.

use std::process::Stdio;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use super::{Receiver, hmac, soon};

#[tokio::test]
async fn the_program_simulates_a_provider_with_its_own_levels() {
    let mut receiver = Receiver::start().await;
    let mut program = Command::new(env!("CARGO_BIN_EXE_sumsub-simulator"))
        .args(["--port", "0", "--webhook-url", &receiver.url])
        .args(["--webhook-secret", "my-secret", "--level", "my-level"])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut output = BufReader::new(program.stdout.take().unwrap()).lines();
    let url = soon(output.next_line()).await.unwrap().unwrap();
    let start = format!("{url}/simulator/applicants/user-1/start");
    drop(rustls::crypto::ring::default_provider().install_default());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();

    let response = soon(http.request(Method::POST, start).send())
        .await
        .unwrap();

    let started: Value = response.json().await.unwrap();
    assert_eq!(started["applicant"]["review"]["levelName"], "my-level");
    let webhook = receiver.next().await;
    let digest = hmac("my-secret", &webhook.body);
    assert_eq!(webhook.headers["x-payload-digest"], digest);
    assert_eq!(webhook.json()["levelName"], json!("my-level"));
}

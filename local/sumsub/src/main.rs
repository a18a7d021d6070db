//! Runs the simulator on its own.

use std::{io::Write, path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use sumsub_simulator::{Settings, default_levels, serve};
use tokio::{net::TcpListener, signal};

/// Simulates Sumsub: its API for servers, its webhooks, and the people in front of it
#[derive(Parser)]
struct Arguments {
    /// The port of the API and of the control API
    #[arg(long, default_value_t = 3001)]
    port: u16,
    /// The URL that webhooks are sent to
    #[arg(long, value_name = "URL")]
    webhook_url: String,
    /// The secret that signs webhooks
    #[arg(long, value_name = "SECRET")]
    webhook_secret: String,
    /// The app token that requests must carry
    #[arg(long, value_name = "TOKEN", default_value = "sbx:simulator")]
    app_token: String,
    /// The secret key that signs requests
    #[arg(long, value_name = "KEY", default_value = "simulator-secret-key")]
    secret_key: String,
    /// A verification level. Repeat the option for several; the first is the default. Without it: basic-kyc-level and enhanced-kyc-level
    #[arg(long = "level", value_name = "NAME")]
    levels: Vec<String>,
    #[arg(
        long,
        help = "Decide about users whose id says so: usr_approved…, usr_retry…, usr_rejected…, usr_slow…"
    )]
    decide_by_id: bool,
    /// The file that keeps applicants between runs
    #[arg(long, value_name = "FILE")]
    state_file: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell if this fails.
            writeln!(std::io::stderr(), "error: {error}").ok();
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> std::io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", arguments.port)).await?;
    writeln!(std::io::stdout(), "http://{}", listener.local_addr()?)?;
    let settings = Settings {
        app_token: arguments.app_token,
        secret_key: arguments.secret_key,
        webhook_secret: arguments.webhook_secret,
        webhook_url: arguments.webhook_url,
        levels: match arguments.levels.as_slice() {
            [] => default_levels(),
            _ => arguments.levels,
        },
        state_file: arguments.state_file,
        decides_by_id: arguments.decide_by_id,
        retry_delays: [1, 2, 4, 8].map(Duration::from_secs).to_vec(),
    };
    serve(listener, settings, async {
        // An error means that no signal can arrive, which is no reason to end.
        if signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
    .await
}

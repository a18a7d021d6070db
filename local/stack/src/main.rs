//! Runs the whole system on a laptop.

mod output;

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, UdpSocket},
    path::PathBuf,
    process::{ExitCode, Stdio},
    time::Duration,
};

use clap::{Args, Parser, Subcommand};
use local::{
    Error, Options, Ports, Stack,
    data::Data,
    token::{self, Signer},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::broadcast::error::RecvError,
};

use self::output::Format;

/// The user that a new system has.
const FIRST_USER: &str = "usr_abc123";

/// Runs the KYC API with everything that it needs on this machine.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: Run,
}

#[derive(Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
struct Run {
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = 3000,
        help = "The port of the API; the next four are for the simulator, DynamoDB, Secrets Manager and the operators' API. 0: any that are free"
    )]
    port: u16,
    /// Directory of data and secrets, instead of .local beside template.yaml
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Keep everything in memory and leave no files
    #[arg(long)]
    memory: bool,
    /// Use the provider at this origin instead of the simulator
    #[arg(long, value_name = "URL")]
    provider_url: Option<String>,
    #[arg(
        long,
        value_name = "URL",
        help = "Use this DynamoDB instead of the stand-in"
    )]
    dynamodb_url: Option<String>,
    /// Use this Secrets Manager instead of secrets.json
    #[arg(long, value_name = "URL")]
    secrets_url: Option<String>,
    /// Post each event of the stack to this URL until it is accepted, as a partner's webhook would get it
    #[arg(long, value_name = "URL")]
    events_url: Option<String>,
    /// Give a template parameter a value, or a table or secret the name it really has
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = assignment)]
    parameters: Vec<(String, String)>,
    #[arg(
        long,
        value_name = "TEMPLATE",
        help = "Run another stack too, whose APIs let only verified users in (docs/authorizer.md); its APIs get the ports after the last one"
    )]
    with: Option<PathBuf>,
    /// Build the functions with optimisations
    #[arg(long)]
    release: bool,
    /// Open the demo, which plays itself, in the browser
    #[arg(long)]
    open: bool,
    #[arg(
        long,
        value_name = "ADDRESS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "0.0.0.0",
        help = "Show a QR code with which a phone in the same network opens the demo, at this machine's address there. Whoever is in that network may then be any user of this system"
    )]
    phone: Option<IpAddr>,
    /// Print a line of JSON for what was started, for each request, and for whatever the functions write
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Print a token for a user, to be sent as x-juno-jwt
    Token {
        /// The user's id
        user: String,
        /// Lifetime of the token
        #[arg(long, value_name = "SECONDS", default_value_t = token::DEFAULT_LIFETIME.as_secs())]
        expires_in: u64,
    },
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let pair = text
        .split_once('=')
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    pair.ok_or_else(|| "it must have the form NAME=VALUE".to_owned())
}

/// Returns the parameters of the template. Pages of this machine may call, on whatever port their development server runs.
fn parameters(given: Vec<(String, String)>) -> BTreeMap<String, String> {
    let mut parameters = BTreeMap::from_iter(given);
    parameters
        .entry("CorsOrigins".to_owned())
        .or_insert_with(|| "http://localhost:*,http://127.0.0.1:*,http://[::1]:*".to_owned());
    parameters
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.command {
        Some(Command::Token { user, expires_in }) => print_token(&user, expires_in),
        None => run(arguments.run).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&error);
            ExitCode::FAILURE
        }
    }
}

fn print_token(user: &str, expires_in: u64) -> Result<(), Error> {
    let token = Signer::development()?.token(user, Duration::from_secs(expires_in));
    Ok(output::line(&token)?)
}

async fn run(run: Run) -> Result<(), Error> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let simulated = run.provider_url.is_none();
    let options = Options {
        ports: match run.port {
            0 => Ports::Ephemeral,
            port => Ports::First(port),
        },
        data: if run.memory {
            Data::Memory
        } else {
            Data::Directory(
                run.data_dir
                    .unwrap_or_else(|| local::project().join(".local")),
            )
        },
        provider_url: run.provider_url,
        dynamodb_url: run.dynamodb_url,
        secrets_url: run.secrets_url,
        events_url: run.events_url,
        demo: true,
        phone: run.phone.map(phone_address).transpose()?,
        release: run.release,
        building: |functions| {
            let what = format!("building the {functions} functions of template.yaml");
            output::note(&format!("{what}; the first time takes a minute or more"));
        },
        parameters: parameters(run.parameters),
        other_template: run.with,
        ..Options::default()
    };
    let started = async {
        let stack = Stack::start(options).await?;
        stack.seed(FIRST_USER).await?;
        Ok::<_, Error>(stack)
    };
    let stack = tokio::select! {
        started = started => started?,
        _ = interrupted.recv() => return Ok(()),
        _ = terminated.recv() => return Ok(()),
    };
    let token = stack.token(FIRST_USER, token::DEFAULT_LIFETIME);
    stack.write_state(&token)?;
    if run.open {
        open(&format!("{}/?scenario=tour", stack.api_url()));
    }
    let printed = tokio::select! {
        printed = print(&stack, Format { json: run.json, simulated }, &token) => printed,
        _ = interrupted.recv() => Ok(()),
        _ = terminated.recv() => Ok(()),
    };
    stack.stop().await;
    Ok(printed?)
}

/// Returns the address at which a phone reaches this machine: the given one, or if none is that from which this machine reaches others.
fn phone_address(given: IpAddr) -> Result<IpAddr, Error> {
    if !given.is_unspecified() {
        return Ok(given);
    }
    let found = || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        // Nothing is sent: this only chooses a way, here to an address of documentation (RFC 5737).
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        Ok::<_, std::io::Error>(socket.local_addr()?.ip())
    };
    found().map_err(|_| Error::NoNetwork)
}

/// Opens a page in the browser of the desktop. Says so where there is none.
fn open(url: &str) {
    let opener = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    let started = std::process::Command::new(opener)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if started.is_err() {
        output::note(&format!("no browser was found: open {url}"));
    }
}

/// Prints requests and logs until the stack stops.
async fn print(stack: &Stack, format: Format, token: &str) -> std::io::Result<()> {
    let mut requests = stack.follow_requests();
    let mut logs = stack.follow_logs();
    let mut events = stack.follow_events();
    output::line(&format.started(stack, FIRST_USER, token))?;
    loop {
        let line = tokio::select! {
            entry = requests.recv() => match entry {
                Ok(entry) => Some(format.request(&entry)),
                Err(RecvError::Lagged(count)) => Some(format.missed("requests", count)),
                Err(RecvError::Closed) => return Ok(()),
            },
            event = events.recv() => match event {
                Ok(event) => Some(format.event(&event)),
                Err(RecvError::Lagged(count)) => Some(format.missed("events", count)),
                Err(RecvError::Closed) => return Ok(()),
            },
            line = logs.recv() => match line {
                Ok(line) => format.function(&line),
                Err(RecvError::Lagged(count)) => Some(format.missed("lines of the functions", count)),
                Err(RecvError::Closed) => return Ok(()),
            },
        };
        if let Some(line) = line {
            output::line(&line)?;
        }
    }
}

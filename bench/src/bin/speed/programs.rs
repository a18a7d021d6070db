//! The measured programs: the functions as they are deployed, each on its main paths, and the programs that `status` is
//! compared with.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use local::project;
use local::template::Template;
use tests::app::USER;

use crate::endpoints::{Endpoints, table};
use crate::float;
use crate::instance::Launch;
use crate::issuer;

/// The names of all functions.
pub(super) const FUNCTIONS: [&str; 8] = [
    "access-token",
    "details",
    "gate",
    "operations",
    "reconcile",
    "status",
    "user",
    "webhook",
];

/// The row that the others are shown as multiples of.
pub(super) const FLOOR: &str = "floor";

/// A row of the table: a program on a path.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) launch: Launch,
    /// The expected HTTP status. `None` for a function that gets no requests.
    status: Option<u16>,
    /// The beginning of the expected body.
    body: &'static str,
    pub(super) program: Package,
}

/// The files that are uploaded to Lambda. Empty if they are not known.
#[derive(Clone)]
pub(super) struct Package {
    pub(super) name: &'static str,
    files: Vec<PathBuf>,
}

/// A path of a function: row, function, event, table, expected status, beginning of the expected body.
type Case = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Option<u16>,
    &'static str,
);

const STATUS: &str = r#"{"status":"approved","applicant_id":"65abc123def4560000000000""#;

const CASES: [Case; 10] = [
    (
        "status",
        "status",
        "status",
        table::APPROVED,
        Some(200),
        STATUS,
    ),
    (
        "status-refresh",
        "status",
        "status-refresh",
        table::APPROVED,
        Some(200),
        STATUS,
    ),
    (
        "details",
        "details",
        "details",
        table::APPROVED,
        Some(200),
        r#"{"status":"approved","#,
    ),
    (
        "access-token",
        "access-token",
        "access-token",
        table::NEW,
        Some(200),
        r#"{"access_token":"#,
    ),
    (
        "webhook",
        "webhook",
        "webhook-approved",
        table::WAITING,
        Some(200),
        r#"{"outcome":"applied"}"#,
    ),
    (
        "webhook-again",
        "webhook",
        "webhook-approved",
        table::DELIVERED,
        Some(200),
        r#"{"outcome":"duplicate"}"#,
    ),
    (
        "user",
        "user",
        "user",
        table::APPROVED,
        Some(200),
        r#"{"user":{"id":"usr_abc123","#,
    ),
    ("gate", "gate", "gate", table::APPROVED, Some(204), ""),
    (
        "operations",
        "operations",
        "operations",
        table::APPROVED,
        Some(200),
        r#"{"user_id":"usr_abc123","#,
    ),
    ("reconcile", "reconcile", "", table::APPROVED, None, ""),
];

impl Row {
    /// Asserts that the answer has the expected status and beginning.
    pub(super) fn check(&self, answer: &[u8]) {
        let Some(expected) = self.status else {
            return;
        };
        let text = String::from_utf8_lossy(answer);
        let answer: serde_json::Value = serde_json::from_slice(answer).unwrap();
        assert_eq!(answer["statusCode"], expected, "{}: {text}", self.name);
        let body = answer["body"].as_str().unwrap_or_default();
        assert!(body.starts_with(self.body), "{}: {text}", self.name);
    }

    /// Returns the body of an answer.
    pub(super) fn body(answer: &[u8]) -> String {
        let answer: serde_json::Value = serde_json::from_slice(answer).unwrap();
        answer["body"].as_str().unwrap_or_default().to_owned()
    }

    /// Returns `true` for every program that gets the event of `status`.
    pub(super) fn is_status(&self) -> bool {
        self.launch.event == event("status")
    }
}

impl Package {
    /// Returns the sizes of the files and of the archive, in MB, at deflate's default level. `None` without files.
    pub(super) fn sizes(&self) -> Option<(f64, f64)> {
        if self.files.is_empty() {
            return None;
        }
        let (mut plain, mut packed) = (0, DeflateEncoder::new(Vec::new(), Compression::default()));
        for file in &self.files {
            let bytes = fs::read(file).unwrap();
            plain += bytes.len();
            packed.write_all(&bytes).unwrap();
        }
        let megabytes = |bytes| float(bytes) / 1e6;
        let packed = packed.finish().unwrap();
        Some((megabytes(plain), megabytes(packed.len())))
    }
}

/// Builds the wanted programs. Prints which are left out because they cannot be built.
pub(super) fn build(endpoints: &Endpoints, only: &[String]) -> Vec<Row> {
    let is_wanted = |name: &str| only.is_empty() || only.iter().any(|wanted| wanted == name);
    let release = target().join("release");
    let mut cases = CASES.to_vec();
    cases.retain(|(name, ..)| is_wanted(name));
    let binaries: BTreeSet<_> = cases.iter().map(|(_, binary, ..)| *binary).collect();
    if !binaries.is_empty() {
        let binaries = binaries.into_iter().flat_map(|binary| ["--bin", binary]);
        let arguments: Vec<_> = ["--workspace"].into_iter().chain(binaries).collect();
        cargo(&project(), &arguments).unwrap();
    }
    let template = fs::read_to_string(project().join("template.yaml")).unwrap();
    let template = Template::parse(&template, &BTreeMap::new()).unwrap();
    let environment = |binary: &str, table: &str, roots: &Path| {
        let mut functions = template.functions.iter();
        let function = functions.find(|function| function.binary == binary);
        environment(function.unwrap(), endpoints, table, roots)
    };

    let mut rows = Vec::new();
    for (name, binary, event_name, table, status, body) in cases {
        let file = release.join(binary);
        rows.push(Row {
            name,
            launch: Launch {
                command: vec![file.clone().into()],
                environment: environment(binary, table, &endpoints.own_root),
                event: event(event_name),
                group: None,
            },
            status,
            body,
            program: Package {
                name: binary,
                files: vec![file],
            },
        });
    }
    let comparisons: [(&'static str, Builder); 4] = [
        (FLOOR, || rust("floor")),
        ("defaults", || rust("defaults")),
        ("node", node),
        ("python", python),
    ];
    for (name, build) in comparisons {
        if !is_wanted(name) {
            continue;
        }
        match build() {
            Ok((command, files)) => rows.push(Row {
                name,
                launch: Launch {
                    command,
                    environment: environment("status", table::APPROVED, &endpoints.roots),
                    event: event("status"),
                    group: None,
                },
                status: Some(200),
                body: STATUS,
                program: Package { name, files },
            }),
            Err(reason) => println!("{name} is left out: {reason}"),
        }
    }
    rows
}

/// The command and the files of a program that was built.
type Built = Result<(Vec<OsString>, Vec<PathBuf>), String>;
type Builder = fn() -> Built;

/// Reads an event from `events/`, and signs its token anew. An empty name stands for an empty event.
fn event(name: &str) -> Arc<[u8]> {
    if name.is_empty() {
        return Arc::from(b"{}".as_slice());
    }
    let file = project().join("events").join(name).with_extension("json");
    // Drops the line breaks between members.
    let mut event: serde_json::Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    if event["headers"].get("x-juno-jwt").is_some() {
        set_token(&mut event, &issuer::token(USER));
    }
    event.to_string().into_bytes().into()
}

/// Sets the token of an event.
fn set_token(event: &mut serde_json::Value, token: &str) {
    event["headers"]["x-juno-jwt"] = token.into();
    event["multiValueHeaders"]["x-juno-jwt"] = [token].into_iter().collect();
}

/// Returns the same launch with the token for runs that count instructions.
pub(super) fn counted(launch: &Launch) -> Launch {
    let mut event: serde_json::Value = serde_json::from_slice(&launch.event).unwrap();
    set_token(&mut event, &issuer::counted_token(USER));
    Launch {
        event: event.to_string().into_bytes().into(),
        ..launch.clone()
    }
}

/// Returns the environment of a function as Lambda sets it, with the local services.
fn environment(
    function: &local::template::FunctionResource,
    endpoints: &Endpoints,
    table: &str,
    roots: &Path,
) -> BTreeMap<String, String> {
    let mut environment = function.environment.clone();
    let memory = function.memory_size.to_string();
    let roots = roots.to_str().unwrap();
    let variables = [
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_CA_BUNDLE", roots),
        ("AWS_DEFAULT_REGION", "eu-west-1"),
        ("AWS_ENDPOINT_URL_DYNAMODB", &endpoints.dynamodb),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &endpoints.secrets),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &memory),
        ("AWS_LAMBDA_FUNCTION_NAME", &function.binary),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/measured"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "measured"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_SESSION_TOKEN", "local"),
        ("JWT_ALGORITHMS", "RS256,HS256"),
        // Node has Mozilla's roots built in.
        ("NODE_EXTRA_CA_CERTS", endpoints.own_root.to_str().unwrap()),
        // All calls are made by one user, far more than the limits allow.
        ("REFRESH_LIMIT", "1000000"),
        ("SESSION_LIMIT", "1000000"),
        ("SSL_CERT_FILE", roots),
        ("COUNTERS_TABLE", "counters"),
        ("DELIVERIES_TABLE", table::DELIVERIES),
        ("HISTORY_TABLE", "history"),
        ("TZ", ":UTC"),
        ("USERS_TABLE", table),
    ];
    environment.extend(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
    if let Some(provider) = environment.get_mut("PROVIDER_URL") {
        provider.clone_from(&endpoints.provider);
    }
    environment
}

/// Builds in a folder with the release profile of its workspace.
fn cargo(folder: &Path, arguments: &[&str]) -> Result<(), String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--release"]).args(arguments);
    // Cargo sets these for this process; build scripts that read them would rebuild.
    let is_set_by_cargo = |name: &OsString| {
        let name = name.to_string_lossy();
        name.starts_with("CARGO_MANIFEST_") || name.starts_with("CARGO_PKG_")
    };
    for name in env::vars_os().map(|(name, _)| name).filter(is_set_by_cargo) {
        command.env_remove(name);
    }
    run(command.current_dir(folder))
}

/// Runs a command without input and standard output, and waits for its success.
fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{program} failed ({status})")),
        Err(error) => Err(format!("{program} cannot be run: {error}")),
    }
}

/// Returns the folder of a comparison program's sources, and the one that it is built in.
fn folders(name: &str) -> (PathBuf, PathBuf) {
    (
        project().join("bench/programs").join(name),
        target().join("speed").join(name),
    )
}

/// Returns the folder that this program was built in, with one folder for each profile.
fn target() -> PathBuf {
    let own = env::current_exe().unwrap();
    own.ancestors().nth(2).unwrap().to_owned()
}

fn rust(name: &'static str) -> Built {
    let (sources, target) = folders(name);
    cargo(
        &sources,
        &["--locked", "--target-dir", target.to_str().unwrap()],
    )?;
    let file = target.join("release").join(name);
    Ok((vec![file.clone().into()], vec![file]))
}

fn node() -> Built {
    let (sources, target) = folders("node");
    copy(&sources, &target)?;
    let bundle = target.join("bundle.cjs");
    run(Command::new("node").arg("--version"))?;
    if !target.join("node_modules").exists() {
        run(Command::new("npm").arg("ci").current_dir(&target))?;
    }
    let build = [
        "run",
        "build",
        "--",
        "--log-level=warning",
        "--outfile=bundle.cjs",
    ];
    run(Command::new("npm").args(build).current_dir(&target))?;
    Ok((vec!["node".into(), bundle.clone().into()], vec![bundle]))
}

fn python() -> Built {
    let (sources, target) = folders("python");
    copy(&sources, &target)?;
    let python = target.join("venv/bin/python");
    if !target.join("installed").exists() {
        run(Command::new("python3")
            .args(["-m", "venv", "venv"])
            .current_dir(&target))?;
        let install = ["-m", "pip", "install", "--quiet", "-r", "requirements.txt"];
        run(Command::new(&python).args(install).current_dir(&target))?;
        fs::write(target.join("installed"), "").map_err(|error| error.to_string())?;
    }
    // No files: Lambda's runtime already contains part of them.
    let command = vec![python.into(), target.join("main.py").into()];
    Ok((command, Vec::new()))
}

/// Copies the files of a folder, so that builds leave the sources alone.
fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let copy = || {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                fs::copy(entry.path(), to.join(entry.file_name()))?;
            }
        }
        Ok(())
    };
    copy().map_err(|error: std::io::Error| error.to_string())
}

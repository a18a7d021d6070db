//! What is measured: the functions as they are deployed, each on the paths that matter, and the programs that `status` is
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

/// The functions.
pub(super) const FUNCTIONS: [&str; 7] = [
    "access-token",
    "details",
    "gate",
    "reconcile",
    "status",
    "user",
    "webhook",
];

/// The row that the other programs are compared with.
pub(super) const FLOOR: &str = "floor";

/// A row of the table: a program on a path.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) launch: Launch,
    /// The status of the answer; none of a function that answers no request.
    status: Option<u16>,
    /// What the body of the answer begins with.
    body: &'static str,
    /// What is deployed.
    pub(super) program: Package,
}

/// What is uploaded to Lambda. No files: that is not known.
#[derive(Clone)]
pub(super) struct Package {
    pub(super) name: &'static str,
    files: Vec<PathBuf>,
}

/// A path: the row, the function, the event, the table, and what is answered.
type Case = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Option<u16>,
    &'static str,
);

const STATUS: &str = r#"{"status":"approved","applicant_id":"65abc123def4560000000000""#;

const CASES: [Case; 9] = [
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
        table::TOLD,
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
    ("reconcile", "reconcile", "", table::APPROVED, None, ""),
];

impl Row {
    /// Whether this is what should be answered. `status` of another program is to be the same to the byte.
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

    /// The body of an answer.
    pub(super) fn body(answer: &[u8]) -> String {
        let answer: serde_json::Value = serde_json::from_slice(answer).unwrap();
        answer["body"].as_str().unwrap_or_default().to_owned()
    }

    /// Whether the answer is that of `status`.
    pub(super) fn is_status(&self) -> bool {
        self.launch.event == event("status")
    }
}

impl Package {
    /// The size of what is uploaded, and of the archive that is made of it, in MB: as deep as archivers go by default.
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

/// Builds everything. What cannot be had is left out, with a line that says so.
pub(super) fn build(endpoints: &Endpoints, only: &[String]) -> Vec<Row> {
    let is_wanted = |name: &str| only.is_empty() || only.iter().any(|wanted| wanted == name);
    let release = env::current_exe().unwrap().parent().unwrap().to_owned();
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
    let makers: [(&'static str, Maker); 4] = [
        (FLOOR, || rust("floor")),
        ("defaults", || rust("defaults")),
        ("node", node),
        ("python", python),
    ];
    for (name, make) in makers {
        if !is_wanted(name) {
            continue;
        }
        match make() {
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

/// How a program is started, and the files that it consists of.
type Made = Result<(Vec<OsString>, Vec<PathBuf>), String>;
type Maker = fn() -> Made;

/// The event of this name; an empty one for a function that takes none.
fn event(name: &str) -> Arc<[u8]> {
    if name.is_empty() {
        return Arc::from(b"{}".as_slice());
    }
    let file = project().join("events").join(name).with_extension("json");
    // Without the line breaks that it has for its readers.
    let mut event: serde_json::Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    if event["headers"].get("x-juno-jwt").is_some() {
        give(&mut event, &issuer::token(USER));
    }
    event.to_string().into_bytes().into()
}

/// Has an event bear a token.
fn give(event: &mut serde_json::Value, token: &str) {
    event["headers"]["x-juno-jwt"] = token.into();
    event["multiValueHeaders"]["x-juno-jwt"] = [token].into_iter().collect();
}

/// The same launch, with the token of requests that are counted.
pub(super) fn counted(launch: &Launch) -> Launch {
    let mut event: serde_json::Value = serde_json::from_slice(&launch.event).unwrap();
    give(&mut event, &issuer::counted_token(USER));
    Launch {
        event: event.to_string().into_bytes().into(),
        ..launch.clone()
    }
}

fn environment(
    function: &local::template::Function,
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
        // Node brings the roots that everybody trusts.
        ("NODE_EXTRA_CA_CERTS", endpoints.own_root.to_str().unwrap()),
        // A user is asked for far more often here than anybody may.
        ("REFRESH_LIMIT", "1000000"),
        ("SESSION_LIMIT", "1000000"),
        ("SSL_CERT_FILE", roots),
        ("TABLE_NAME", table),
        ("TZ", ":UTC"),
    ];
    environment.extend(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
    if let Some(provider) = environment.get_mut("PROVIDER_URL") {
        provider.clone_from(&endpoints.provider);
    }
    environment
}

/// Builds with the release profile of the workspace in this folder.
fn cargo(folder: &Path, arguments: &[&str]) -> Result<(), String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--release"]).args(arguments);
    // What cargo tells a program that it runs would be taken for a change by build scripts that look at it.
    let told = |name: &OsString| {
        let name = name.to_string_lossy();
        name.starts_with("CARGO_MANIFEST_") || name.starts_with("CARGO_PKG_")
    };
    for name in env::vars_os().map(|(name, _)| name).filter(told) {
        command.env_remove(name);
    }
    run(command.current_dir(folder))
}

/// Runs a command, which prints to standard error, and waits for its success.
fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{program} failed ({status})")),
        Err(error) => Err(format!("{program} cannot be run: {error}")),
    }
}

/// Where the comparison with this name is built, with its sources.
fn folders(name: &str) -> (PathBuf, PathBuf) {
    let target = env::current_exe().unwrap();
    let target = target.parent().and_then(Path::parent).unwrap();
    (
        project().join("bench/programs").join(name),
        target.join("speed").join(name),
    )
}

fn rust(name: &'static str) -> Made {
    let (sources, target) = folders(name);
    cargo(
        &sources,
        &["--locked", "--target-dir", target.to_str().unwrap()],
    )?;
    let file = target.join("release").join(name);
    Ok((vec![file.clone().into()], vec![file]))
}

fn node() -> Made {
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

fn python() -> Made {
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
    // Not a file to weigh: a part of what it consists of is there already on Lambda.
    let command = vec![python.into(), target.join("main.py").into()];
    Ok((command, Vec::new()))
}

/// Copies the files of a folder, so that nothing is built among the sources.
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

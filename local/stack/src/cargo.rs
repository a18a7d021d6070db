//! Builds the functions.

use std::{collections::BTreeMap, env, ffi::OsString, path::PathBuf, process::Stdio};

use serde::Deserialize;
use tokio::{process::Command, sync::Mutex};

use crate::Error;

type Executables = BTreeMap<String, PathBuf>;

/// Builds binaries of the workspace and returns their paths. A process builds the same ones once for all its stacks.
pub(crate) async fn build(binaries: &[&str], release: bool) -> Result<Executables, Error> {
    static BUILT: Mutex<BTreeMap<(bool, Vec<String>), Executables>> =
        Mutex::const_new(BTreeMap::new());
    let key = (
        release,
        binaries.iter().copied().map(str::to_owned).collect(),
    );
    let mut built = BUILT.lock().await;
    if let Some(executables) = built.get(&key) {
        return Ok(executables.clone());
    }
    let executables = run(binaries, release).await?;
    built.insert(key, executables.clone());
    Ok(executables)
}

async fn run(binaries: &[&str], release: bool) -> Result<Executables, Error> {
    let program = env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = Command::new(&program);
    // The features are those of the whole workspace, as for this program, so that dependencies are built once.
    command.args([
        "build",
        "--workspace",
        "--message-format=json-render-diagnostics",
    ]);
    command.args(release.then_some("--release"));
    command.args(binaries.iter().flat_map(|binary| ["--bin", binary]));
    command.current_dir(crate::project());
    // Build scripts would take the variables that cargo sets for this program for a change.
    let told = |name: &OsString| {
        let name = name.to_string_lossy();
        name.starts_with("CARGO_MANIFEST_") || name.starts_with("CARGO_PKG_")
    };
    for name in env::vars_os().map(|(name, _)| name).filter(told) {
        command.env_remove(name);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true);
    let child = command
        .spawn()
        .map_err(|source| Error::CargoMissing { program, source })?;
    let output = child.wait_with_output().await?;
    if !output.status.success() {
        return Err(Error::Build);
    }
    let built = executables(&output.stdout);
    match binaries.iter().find(|binary| !built.contains_key(**binary)) {
        Some(missing) => Err(Error::NoBinary((*missing).to_owned())),
        None => Ok(built),
    }
}

fn executables(messages: &[u8]) -> Executables {
    #[derive(Deserialize)]
    struct Artifact {
        target: Target,
        executable: Option<PathBuf>,
    }
    #[derive(Deserialize)]
    struct Target {
        name: String,
    }

    // Other messages have no target or no executable.
    let artifacts = messages
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok());
    artifacts
        .filter_map(|artifact: Artifact| Some((artifact.target.name, artifact.executable?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_executables_count() {
        let messages = br#"{"reason":"compiler-artifact","target":{"name":"shared","kind":["lib"]},"executable":null}
{"reason":"compiler-artifact","target":{"name":"status","kind":["bin"]},"executable":"/target/debug/status"}
{"reason":"build-script-executed","package_id":"x"}
{"reason":"build-finished","success":true}
"#;
        assert_eq!(
            executables(messages),
            Executables::from([("status".to_owned(), "/target/debug/status".into())])
        );
    }
}

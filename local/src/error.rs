use std::path::PathBuf;

/// Why the system did not start. The messages are written for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or directory could not be used.
    #[error("{path} cannot be used: {source}", path = path.display())]
    File {
        /// Which file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Two runs would overwrite each other's data.
    #[error(
        "another `cargo run` uses the data in {path}; stop it, or give this one another --port and --data-dir (or --memory)",
        path = .0.display()
    )]
    InUse(PathBuf),
    /// The template could not be understood.
    #[error("template.yaml: {0}")]
    Template(String),
    /// A port could not be opened.
    #[error(
        "port {port} for the {purpose} cannot be opened ({source}); choose another first port with --port"
    )]
    Port {
        /// The port.
        port: u16,
        /// What it was to be used for.
        purpose: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The range of ports does not fit.
    #[error("--port {0} leaves no room for the {count} ports that are needed", count = crate::Ports::COUNT)]
    Ports(u16),
    /// Cargo could not be started.
    #[error(
        "the functions cannot be built because `{program}` did not start: {source}; install Rust from https://rustup.rs"
    )]
    CargoMissing {
        /// The program that was tried.
        program: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Cargo has failed; it has said why on standard error.
    #[error("the functions could not be built; cargo's message is above")]
    Build,
    /// Cargo has not built a binary that the template names.
    #[error("cargo built no binary `{0}`, which template.yaml names")]
    NoBinary(String),
    /// A file under the data directory does not hold what it should.
    #[error("{path} cannot be read: {reason}; correct it, or delete it to start afresh", path = path.display())]
    Content {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A secret of the template has no value.
    #[error("the secret {0} has no value: add it to secrets.json in the data directory")]
    NoSecret(String),
    /// A secret does not have the form that it must have.
    #[error("the secret {0} must have the form {1}")]
    Secret(&'static str, &'static str),
    /// A key could not be made or used.
    #[error("the signing key cannot be used: {0}")]
    Key(String),
    /// The database did not do what it was asked.
    #[error("DynamoDB at {endpoint}: {reason}")]
    Database {
        /// Where the database is.
        endpoint: String,
        /// What it said.
        reason: String,
    },
    /// Anything else that the operating system refuses.
    #[error("{0}")]
    System(#[from] std::io::Error),
}

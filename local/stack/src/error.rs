use std::path::PathBuf;

/// An error that keeps the system from starting. Its message is for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or directory cannot be used.
    #[error("{path} cannot be used: {source}", path = path.display())]
    File {
        /// The path of the file or directory.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// Another run uses the data directory. Two would overwrite each other's data.
    #[error(
        "another `cargo run` uses the data in {path}; stop it, or give this one another --port and --data-dir (or --memory)",
        path = .0.display()
    )]
    InUse(PathBuf),
    /// An emulated service failed, or the template is wrong.
    #[error(transparent)]
    Aws(#[from] local_aws::Error),
    /// A port cannot be opened.
    #[error(
        "port {port} for the {purpose} cannot be opened ({source}); choose another first port with --port"
    )]
    Port {
        /// The number of the port.
        port: u16,
        /// The service that needs the port.
        purpose: &'static str,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// No phone reaches this machine.
    #[error(
        "this machine has no address in a network that a phone could be in; if it has, name it: --phone=ADDRESS"
    )]
    NoNetwork,
    /// The first port leaves no room for the others.
    #[error("--port {0} leaves no room for the {count} ports that are needed", count = crate::Ports::COUNT)]
    Ports(u16),
    /// Cargo cannot be started.
    #[error(
        "the functions cannot be built because `{program}` did not start: {source}; install Rust from https://rustup.rs"
    )]
    CargoMissing {
        /// The name of the program.
        program: String,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// Cargo failed and printed the reason.
    #[error("the functions could not be built; cargo's message is above")]
    Build,
    /// Cargo did not build a binary that the template names.
    #[error("cargo built no binary `{0}`, which template.yaml names")]
    NoBinary(String),
    /// A file in the data directory does not hold what it should.
    #[error("{path} cannot be read: {reason}; correct it, or delete it to start afresh", path = path.display())]
    Content {
        /// The path of the file.
        path: PathBuf,
        /// The fault of the content.
        reason: String,
    },
    /// A secret of the template has no value.
    #[error("the secret {0} has no value: add it to secrets.json in the data directory")]
    NoSecret(String),
    /// A secret does not have the required form.
    #[error("the secret {0} must have the form {1}")]
    Secret(&'static str, &'static str),
    /// The signing key cannot be used.
    #[error("the signing key cannot be used: {0}")]
    Key(String),
    /// The operating system refused something else.
    #[error("{0}")]
    System(#[from] std::io::Error),
}

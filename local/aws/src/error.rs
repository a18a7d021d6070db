use std::path::PathBuf;

/// An error that keeps an emulated service from starting. Its message is for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The template declares something that is wrong or that this crate does not support.
    #[error("template.yaml: {0}")]
    Template(String),
    /// A file does not hold what it should.
    #[error("{path} cannot be read: {reason}; correct it, or delete it to start afresh", path = path.display())]
    Content {
        /// The path of the file.
        path: PathBuf,
        /// The fault of the content.
        reason: String,
    },
    /// No HTTP client can be made.
    #[error("no events can be sent: {0}")]
    Http(#[from] reqwest::Error),
    /// A request to the database failed.
    #[error("DynamoDB at {endpoint}: {reason}")]
    Database {
        /// The URL of the database.
        endpoint: String,
        /// The error with its causes.
        reason: String,
    },
}

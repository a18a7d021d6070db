use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;
use tokio::net::TcpListener;

use crate::{Error, data::Data};

/// Which ports are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ports {
    /// This one and those that follow: gateway, provider, database, secrets.
    First(u16),
    /// Whichever are free.
    Ephemeral,
}

impl Ports {
    /// How many ports are used in a row.
    pub const COUNT: u16 = 4;

    /// Opens one of them.
    pub(crate) async fn open(
        self,
        offset: u16,
        purpose: &'static str,
    ) -> Result<TcpListener, Error> {
        let port = match self {
            Self::First(first) => first.checked_add(offset).ok_or(Error::Ports(first))?,
            Self::Ephemeral => 0,
        };
        TcpListener::bind(("127.0.0.1", port))
            .await
            .map_err(|source| Error::Port {
                port,
                purpose,
                source,
            })
    }
}

/// How a stack is run. By default it is whole, in memory, on any ports.
#[derive(Clone)]
pub struct Options {
    /// The ports.
    pub ports: Ports,
    /// Where data is kept.
    pub data: Data,
    /// The provider to use instead of the simulator.
    pub provider_url: Option<String>,
    /// The database to use instead of the stand-in. The template's tables are created there if they do not exist.
    pub dynamodb_url: Option<String>,
    /// The Secrets Manager to use instead of the stand-in.
    pub secrets_url: Option<String>,
    /// Whether the demo is served beside the API.
    pub demo: bool,
    /// Whether the functions are built with optimisations.
    pub release: bool,
    /// Values of the template's parameters, and the real names of its tables and secrets by logical id.
    pub parameters: BTreeMap<String, String>,
    /// Values of secrets, by logical id, that are served whatever the data directory holds.
    pub secrets: BTreeMap<String, Value>,
    /// Environment variables of all functions, which have the last word.
    pub function_environment: BTreeMap<String, String>,
    /// How long the simulator waits before it delivers a webhook again.
    pub retry_delays: Vec<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ports: Ports::Ephemeral,
            data: Data::Memory,
            provider_url: None,
            dynamodb_url: None,
            secrets_url: None,
            demo: false,
            release: false,
            parameters: BTreeMap::new(),
            secrets: BTreeMap::new(),
            function_environment: BTreeMap::new(),
            retry_delays: [1, 2, 4, 8].map(Duration::from_secs).to_vec(),
        }
    }
}

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    time::Duration,
};

use serde_json::Value;
use tokio::net::TcpListener;

use crate::{Error, data::Data};

/// The ports of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ports {
    /// This port and those that follow: gateway, provider, database, secrets, operators' API, the APIs of another stack, and the phone.
    First(u16),
    /// Any free ports.
    Ephemeral,
}

impl Ports {
    /// The number of ports in a row.
    pub const COUNT: u16 = 5;

    /// Opens a port that only this machine reaches.
    pub(crate) async fn open(
        self,
        offset: u16,
        purpose: &'static str,
    ) -> Result<TcpListener, Error> {
        let this_machine = Ipv4Addr::LOCALHOST.into();
        self.open_at(this_machine, offset, purpose).await
    }

    /// Opens a port at an address.
    pub(crate) async fn open_at(
        self,
        address: IpAddr,
        offset: u16,
        purpose: &'static str,
    ) -> Result<TcpListener, Error> {
        let port = match self {
            Self::First(first) => first.checked_add(offset).ok_or(Error::Ports(first))?,
            Self::Ephemeral => 0,
        };
        TcpListener::bind((address, port))
            .await
            .map_err(|source| Error::Port {
                port,
                purpose,
                source,
            })
    }
}

/// The options of a stack. By default all services are emulated, in memory, on any free ports.
#[derive(Clone)]
pub struct Options {
    /// The ports of the services.
    pub ports: Ports,
    /// The place of the data.
    pub data: Data,
    /// The URL of a provider to use instead of the simulator.
    pub provider_url: Option<String>,
    /// The URL of a database to use instead of the emulated one. The template's tables are created there if they do not exist.
    pub dynamodb_url: Option<String>,
    /// The URL of a Secrets Manager to use instead of the emulated one.
    pub secrets_url: Option<String>,
    /// The URL that each event of the stack is posted to until it is accepted.
    pub events_url: Option<String>,
    /// Serves the demo beside the API.
    pub demo: bool,
    /// The address of this machine at which a phone may use the demo, and whoever else reaches it.
    pub phone: Option<IpAddr>,
    /// Builds the functions with optimisations.
    pub release: bool,
    /// Is told the number of functions before they are built, which may take minutes.
    pub building: fn(usize),
    /// The values of the template's parameters, and the real names of its tables and secrets by logical id.
    pub parameters: BTreeMap<String, String>,
    /// The template of another stack, whose APIs have this stack's gate as authorizer. Its parameter `KycGate` gets the gate's ARN.
    pub other_template: Option<PathBuf>,
    /// The values of secrets, by logical id, whatever the data directory holds.
    pub secrets: BTreeMap<String, Value>,
    /// Environment variables of all functions. They override those of the template.
    pub function_environment: BTreeMap<String, String>,
    /// The delays before the simulator's further attempts to deliver a webhook.
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
            events_url: None,
            demo: false,
            phone: None,
            release: false,
            building: |_| {},
            parameters: BTreeMap::new(),
            other_template: None,
            secrets: BTreeMap::new(),
            function_environment: BTreeMap::new(),
            retry_delays: [1, 2, 4, 8].map(Duration::from_secs).to_vec(),
        }
    }
}

//! The servers that a stack runs.

use std::{collections::BTreeMap, fmt::Display, pin::Pin, sync::Arc, time::Duration};

use local_aws::{
    dynamodb::{self, Engine},
    events::Written,
    iam::Iam,
    logs::Logs,
    secrets,
    template::Template,
};
use serde_json::Value;
use sumsub_simulator::Settings;
use tokio::{net::TcpListener, sync::watch, task::JoinSet, time::timeout};

use crate::{Error, Options, secrets::Secrets};

/// The time that running requests get when the servers stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// The URLs of the services.
#[derive(Debug, Clone)]
pub(crate) struct Urls {
    pub(crate) api: String,
    pub(crate) provider: String,
    pub(crate) dynamodb: String,
    pub(crate) secrets: String,
    pub(crate) operations: String,
    /// The APIs of another stack, by logical id.
    pub(crate) others: BTreeMap<String, String>,
    /// The API and the demo, for a phone.
    pub(crate) phone: Option<String>,
}

/// The open ports, before the servers start.
pub(crate) struct Listeners {
    gateway: TcpListener,
    provider: Service,
    dynamodb: Service,
    secrets: Service,
    operations: TcpListener,
}

/// A service of the stack, or another one that is used instead.
enum Service {
    Own(TcpListener),
    Elsewhere(String),
}

impl Listeners {
    /// Opens the ports of the services that are not elsewhere.
    pub(crate) async fn open(options: &Options) -> Result<Self, Error> {
        let Options {
            ports,
            provider_url,
            dynamodb_url,
            secrets_url,
            ..
        } = options;
        Ok(Self {
            gateway: ports.open(0, "API").await?,
            provider: Service::open(provider_url.as_deref(), ports.open(1, "provider simulator"))
                .await?,
            dynamodb: Service::open(dynamodb_url.as_deref(), ports.open(2, "DynamoDB stand-in"))
                .await?,
            secrets: Service::open(
                secrets_url.as_deref(),
                ports.open(3, "Secrets Manager stand-in"),
            )
            .await?,
            operations: ports.open(4, "API of the operators").await?,
        })
    }

    pub(crate) fn urls(&self) -> Result<Urls, Error> {
        Ok(Urls {
            api: url(&self.gateway)?,
            provider: self.provider.url()?,
            dynamodb: self.dynamodb.url()?,
            secrets: self.secrets.url()?,
            operations: url(&self.operations)?,
            others: BTreeMap::new(),
            phone: None,
        })
    }

    /// Starts all services but the gateways, whose listeners are returned: that of the API, and that of the operators' API.
    pub(crate) fn start_services(
        self,
        servers: &mut Servers,
        options: &Options,
        template: &Template,
        secrets: &Arc<Secrets>,
        written: Option<Written>,
    ) -> Result<[TcpListener; 2], Error> {
        let iam = Arc::new(Iam::new(&template.functions));
        if let Service::Own(listener) = self.provider {
            let settings = simulator_settings(&url(&self.gateway)?, options, template, secrets)?;
            servers.spawn("provider", |shutdown| {
                sumsub_simulator::serve(listener, settings, shutdown)
            });
        }
        if let Service::Own(listener) = self.dynamodb {
            let engine = Engine::open(options.data.path("dynamodb.sqlite").as_deref())?;
            let (iam, logs) = (Arc::clone(&iam), Arc::clone(&servers.logs));
            servers.spawn("dynamodb", |shutdown| {
                dynamodb::serve(listener, engine, iam, logs, written, shutdown)
            });
        }
        if let Service::Own(listener) = self.secrets {
            let values = secrets.current()?;
            if let Some(missing) = template
                .secrets
                .values()
                .find(|name| !values.contains_key(*name))
            {
                return Err(Error::NoSecret(missing.clone()));
            }
            let (secrets, logs) = (Arc::clone(secrets), Arc::clone(&servers.logs));
            let source = Arc::new(move || secrets.current().map_err(|error| error.to_string()));
            servers.spawn("secrets", |shutdown| {
                secrets::serve(listener, source, iam, logs, shutdown)
            });
        }
        Ok([self.gateway, self.operations])
    }
}

impl Service {
    async fn open(
        elsewhere: Option<&str>,
        listener: impl Future<Output = Result<TcpListener, Error>>,
    ) -> Result<Self, Error> {
        match elsewhere {
            Some(url) => Ok(Self::Elsewhere(url.trim_end_matches('/').to_owned())),
            None => listener.await.map(Self::Own),
        }
    }

    fn url(&self) -> Result<String, Error> {
        match self {
            Self::Own(listener) => url(listener),
            Self::Elsewhere(url) => Ok(url.clone()),
        }
    }
}

pub(crate) fn url(listener: &TcpListener) -> Result<String, Error> {
    Ok(format!("http://{}", listener.local_addr()?))
}

fn simulator_settings(
    api: &str,
    options: &Options,
    template: &Template,
    secrets: &Secrets,
) -> Result<Settings, Error> {
    let secrets = secrets.current()?;
    let text = |name: &'static str, pointer: &str, form: &'static str| {
        let value = secrets
            .get(name)
            .and_then(|secret| secret.pointer(pointer))
            .and_then(Value::as_str);
        value.map(str::to_owned).ok_or(Error::Secret(name, form))
    };
    let credentials = r#"{"app_token":"…","secret_key":"…"}"#;
    let webhooks = template.path("webhook");
    let webhooks = webhooks.ok_or_else(|| {
        local_aws::Error::Template("no route leads to the binary webhook".to_owned())
    })?;
    Ok(Settings {
        app_token: text("ProviderSecret", "/app_token", credentials)?,
        secret_key: text("ProviderSecret", "/secret_key", credentials)?,
        webhook_secret: text("WebhookSecret", "/secrets/0", r#"{"secrets":["…"]}"#)?,
        webhook_url: format!("{api}{webhooks}"),
        levels: sumsub_simulator::default_levels(),
        state_file: options.data.path("provider.json"),
        decides_by_id: options.demo,
        retry_delays: options.retry_delays.clone(),
    })
}

/// Servers that end together: gracefully by [`Servers::stop`], at once when dropped.
pub(crate) struct Servers {
    tasks: JoinSet<()>,
    shutdown: watch::Sender<bool>,
    logs: Arc<Logs>,
}

/// A future that is ready when a server must end.
pub(crate) type Shutdown = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Servers {
    pub(crate) fn new(logs: &Arc<Logs>) -> Self {
        Self {
            tasks: JoinSet::new(),
            shutdown: watch::Sender::new(false),
            logs: Arc::clone(logs),
        }
    }

    /// Runs a server until shutdown.
    pub(crate) fn spawn<S, E>(&mut self, name: &'static str, serve: impl FnOnce(Shutdown) -> S)
    where
        S: Future<Output = Result<(), E>> + Send + 'static,
        E: Display + Send,
    {
        let mut shutdown = self.shutdown.subscribe();
        let server = serve(Box::pin(async move {
            // Fails if the sender is gone, which also means shutdown.
            shutdown.wait_for(|shutdown| *shutdown).await.ok();
        }));
        let logs = Arc::clone(&self.logs);
        self.tasks.spawn(async move {
            if let Err(error) = server.await {
                logs.push(name, format!("the server has failed: {error}"));
            }
        });
    }

    /// Stops the servers. Running requests get a few seconds to finish.
    pub(crate) async fn stop(&mut self) {
        self.shutdown.send_replace(true);
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        // The next line cuts off what has not ended by then.
        timeout(STOP_TIMEOUT, ended).await.ok();
        self.tasks.shutdown().await;
    }
}

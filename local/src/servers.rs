//! The servers that a stack runs.

use std::{fmt::Display, pin::Pin, sync::Arc, time::Duration};

use serde_json::Value;
use tokio::{net::TcpListener, sync::watch, task::JoinSet, time::timeout};

use crate::{
    Error, Options, dynamodb,
    iam::Iam,
    logs::Logs,
    provider,
    secrets::{self, Secrets},
    template::Template,
};

/// How long the requests that are under way may take when the servers are stopped.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// Where everything is.
#[derive(Debug, Clone)]
pub(crate) struct Urls {
    pub(crate) api: String,
    pub(crate) provider: String,
    pub(crate) dynamodb: String,
    pub(crate) secrets: String,
}

/// The opened ports, before anything is served on them.
pub(crate) struct Listeners {
    gateway: TcpListener,
    provider: Service,
    dynamodb: Service,
    secrets: Service,
}

/// A stand-in of our own, or the service that is used instead.
enum Service {
    Own(TcpListener),
    Elsewhere(String),
}

impl Listeners {
    /// Opens the ports for what is not elsewhere.
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
        })
    }

    pub(crate) fn urls(&self) -> Result<Urls, Error> {
        Ok(Urls {
            api: url(&self.gateway)?,
            provider: self.provider.url()?,
            dynamodb: self.dynamodb.url()?,
            secrets: self.secrets.url()?,
        })
    }

    /// Starts everything but the gateway, whose listener is given back.
    pub(crate) fn start_stand_ins(
        self,
        servers: &mut Servers,
        options: &Options,
        template: &Template,
        secrets: &Arc<Secrets>,
    ) -> Result<TcpListener, Error> {
        let iam = Arc::new(Iam::new(&template.functions));
        if let Service::Own(listener) = self.provider {
            let settings = simulator_settings(&url(&self.gateway)?, options, template, secrets)?;
            servers.spawn("provider", |shutdown| {
                provider::serve(listener, settings, shutdown)
            });
        }
        if let Service::Own(listener) = self.dynamodb {
            let database = dynamodb::open(&options.data)?;
            let (iam, logs) = (Arc::clone(&iam), Arc::clone(&servers.logs));
            servers.spawn("dynamodb", |shutdown| {
                dynamodb::serve(listener, database, iam, logs, shutdown)
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
            servers.spawn("secrets", |shutdown| {
                secrets::serve(listener, secrets, iam, logs, shutdown)
            });
        }
        Ok(self.gateway)
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

fn url(listener: &TcpListener) -> Result<String, Error> {
    Ok(format!("http://{}", listener.local_addr()?))
}

fn simulator_settings(
    api: &str,
    options: &Options,
    template: &Template,
    secrets: &Secrets,
) -> Result<provider::Settings, Error> {
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
    let webhooks = webhooks
        .ok_or_else(|| Error::Template("no route leads to the binary webhook".to_owned()))?;
    Ok(provider::Settings {
        app_token: text("ProviderSecret", "/app_token", credentials)?,
        secret_key: text("ProviderSecret", "/secret_key", credentials)?,
        webhook_secret: text("WebhookSecret", "/secrets/0", r#"{"secrets":["…"]}"#)?,
        webhook_url: format!("{api}{webhooks}"),
        state_file: options.data.path("provider.json"),
        retry_delays: options.retry_delays.clone(),
    })
}

/// Servers that end together: in good order by [`Servers::stop`], cut off when dropped.
pub(crate) struct Servers {
    tasks: JoinSet<()>,
    shutdown: watch::Sender<bool>,
    logs: Arc<Logs>,
}

/// Ready when a server is to end.
pub(crate) type Shutdown = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Servers {
    pub(crate) fn new(logs: &Arc<Logs>) -> Self {
        Self {
            tasks: JoinSet::new(),
            shutdown: watch::Sender::new(false),
            logs: Arc::clone(logs),
        }
    }

    /// Runs a server until the shutdown that it is given.
    pub(crate) fn spawn<S, E>(&mut self, name: &'static str, serve: impl FnOnce(Shutdown) -> S)
    where
        S: Future<Output = Result<(), E>> + Send + 'static,
        E: Display + Send,
    {
        let mut shutdown = self.shutdown.subscribe();
        let server = serve(Box::pin(async move {
            // Fails when the sender is gone, which means the same.
            shutdown.wait_for(|shutdown| *shutdown).await.ok();
        }));
        let logs = Arc::clone(&self.logs);
        self.tasks.spawn(async move {
            if let Err(error) = server.await {
                logs.push(name, format!("the server has failed: {error}"));
            }
        });
    }

    /// Stops the servers. Requests that are under way are answered if that does not take long.
    pub(crate) async fn stop(&mut self) {
        self.shutdown.send_replace(true);
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        // What has not ended by then is cut off.
        timeout(STOP_TIMEOUT, ended).await.ok();
        self.tasks.shutdown().await;
    }
}

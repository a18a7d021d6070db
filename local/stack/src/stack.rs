use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    path::Path,
    sync::Arc,
    time::Duration,
};

use axum::{Router, body::Bytes, http::HeaderMap};
use local_aws::{
    account, dynamodb,
    events::{Events, Written},
    gateway::{self, AccessLogEntry, Caller, Callers, Gateway},
    lambda::{Function, InvocationError, Lambda},
    logs::{LogLine, Logs},
    schedule,
    template::{Api, FunctionResource, Template},
};
use serde_json::{Map, Value};
use shared::{
    kyc::{ReviewSchedule, Step, User, UserId},
    platform::{Aws, Secret, SecretSource, Variables, chain, system_clock},
    repository::{RepositoryError, Users},
};
use tokio::sync::broadcast;

use crate::{
    Error, Options, Ports, cargo, console,
    data::{Data, create_private},
    demo,
    secrets::Secrets,
    servers::{Listeners, Servers, Urls, url},
    state,
    timeline::Told,
    token::{self, Signer},
};

/// A running system. It ends when dropped, or gracefully by [`Stack::stop`].
pub struct Stack {
    pub(crate) urls: Urls,
    /// The names of the tables, by logical id.
    pub(crate) tables: BTreeMap<String, String>,
    /// The environment variables of each function, without its credentials.
    pub(crate) environments: BTreeMap<String, BTreeMap<String, String>>,
    pub(crate) data: Data,
    users: Arc<Users>,
    secrets: Arc<Secrets>,
    signer: Signer,
    logs: Arc<Logs>,
    access_log: broadcast::Sender<AccessLogEntry>,
    events: broadcast::Sender<Value>,
    lambda: Arc<Lambda>,
    /// The servers that clients call.
    front: Servers,
    /// The servers that functions call.
    back: Servers,
    /// Keeps other runs away from the data.
    _claim: Option<File>,
}

impl Stack {
    /// Builds the functions and starts the system.
    ///
    /// # Errors
    /// Fails if something is missing. The message says what.
    pub async fn start(mut options: Options) -> Result<Self, Error> {
        let claim = options.data.claim()?;
        let listeners = Listeners::open(&options).await?;
        // Fails if a provider is installed already, which will do.
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let mut urls = listeners.urls()?;
        let parameters = &mut options.parameters;
        parameters
            .entry("ProviderUrl".to_owned())
            .or_insert_with(|| urls.provider.clone());
        let template = template(&options)?;
        let signer = Signer::development()?;
        let secrets = Secrets::load(&options.data, &signer, options.secrets.clone())?;
        let secrets = Arc::new(secrets);
        let log_file = options.data.path("functions.log");
        let logs = Arc::new(Logs::new(
            log_file.as_deref().map(create_private).transpose()?,
        ));
        let real_aws = options.dynamodb_url.is_some() || options.secrets_url.is_some();
        let identity = account::identity(real_aws);

        let mut back = Servers::new(&logs);
        let pipe = template.pipe.clone().filter(|_| follows_events(&options));
        let tap = pipe.map(|pipe| Written::of(&pipe, &template.tables).map(|tap| (pipe, tap)));
        let tap = tap.transpose()?;
        let written = tap.as_ref().map(|(_, (written, _))| written.clone());
        let [listener, operations] =
            listeners.start_services(&mut back, &options, &template, &secrets, written)?;
        let aws = aws(&urls, &identity)?;
        let client = aws.dynamodb();
        dynamodb::create_tables(&client, &urls.dynamodb, &template.tables).await?;
        let events = broadcast::Sender::new(1024);
        if let Some((pipe, (written, changes))) = tap {
            let follower = Events {
                progress: options.data.path("events.json"),
                listeners: events.clone(),
                target: options.events_url.clone(),
                logs: Arc::clone(&logs),
            }
            .of(pipe, &written, client)?;
            back.spawn("events", |shutdown| follower.run(changes, shutdown));
        }

        let environments = environments(&template, &urls);
        let deployed = |binary: &str| {
            let mut environment = environments.get(binary).cloned().unwrap_or_default();
            environment.extend(account::function_identity(real_aws, binary));
            environment.extend(options.function_environment.clone());
            environment
        };
        let functions = functions(&template, deployed, &options).await?;
        let lambda = Arc::new(Lambda::start(functions, &logs).await?);
        let tables = template.tables.into_iter();
        let tables = tables.map(|table| (table.id, table.name)).collect();
        let users = Arc::new(users(&environments, &aws)?);
        let callers = callers()?;
        let access_log = broadcast::Sender::new(1024);
        let told = Told::new(&access_log, &logs, &events);
        let console = template.signed_api.is_some().then(|| callers.clone());
        let [pages, for_phone] = pages(&options, &users, &urls, told, console)?;
        let mut front = Servers::new(&logs);
        let gateway = |api, pages| new_gateway(api, pages, &lambda, &access_log);
        let others = template.authorized_apis;
        urls.others = serve_others(&mut front, options.ports, others, gateway).await?;
        let phone = gateway(template.api.clone(), for_phone);
        urls.phone = serve_phone(&mut front, &options, urls.others.len(), phone).await?;
        let api = gateway(template.api, pages);
        front.spawn("gateway", |shutdown| {
            gateway::serve(listener, api, shutdown)
        });
        if let Some(api) = template.signed_api {
            let mut api = gateway(api, Router::new());
            api.callers = Some(callers);
            front.spawn("operations", |shutdown| {
                gateway::serve(operations, api, shutdown)
            });
        }
        let invoked = Arc::clone(&lambda);
        front.spawn("scheduler", |shutdown| {
            schedule::run(invoked, template.schedules, shutdown)
        });
        Ok(Self {
            urls,
            tables,
            environments,
            data: options.data,
            users,
            secrets,
            signer,
            logs,
            access_log,
            events,
            lambda,
            front,
            back,
            _claim: claim,
        })
    }

    /// Returns the URL of the API.
    #[must_use]
    pub fn api_url(&self) -> &str {
        &self.urls.api
    }

    /// Returns the URL of the operators' API. Its callers are named in docs/operations.md.
    #[must_use]
    pub fn operations_url(&self) -> &str {
        &self.urls.operations
    }

    /// Returns the URL of the API and the demo for a phone, if one is to use them.
    #[must_use]
    pub fn phone_url(&self) -> Option<&str> {
        self.urls.phone.as_deref()
    }

    /// Returns the URLs of the other stack's APIs, by logical id.
    #[must_use]
    pub fn other_urls(&self) -> &BTreeMap<String, String> {
        &self.urls.others
    }

    /// Returns the URL of the provider.
    #[must_use]
    pub fn provider_url(&self) -> &str {
        &self.urls.provider
    }

    /// Returns the URL of the database.
    #[must_use]
    pub fn dynamodb_url(&self) -> &str {
        &self.urls.dynamodb
    }

    /// Returns the URL of Secrets Manager.
    #[must_use]
    pub fn secrets_url(&self) -> &str {
        &self.urls.secrets
    }

    /// Returns the name of a table, by its logical id; empty if the template declares no such table.
    #[must_use]
    pub fn table(&self, id: &str) -> &str {
        self.tables.get(id).map_or("", String::as_str)
    }

    /// Returns the users in the tables.
    #[must_use]
    pub fn users(&self) -> Arc<Users> {
        Arc::clone(&self.users)
    }

    /// Stores a user on the onboarding step `kyc_verification`, unless the user exists.
    ///
    /// # Errors
    /// Fails if the id is invalid or the database refuses the request.
    pub async fn seed(&self, user_id: &str) -> Result<(), Error> {
        let refused = |error: &(dyn std::error::Error + 'static)| local_aws::Error::Database {
            endpoint: self.urls.dynamodb.clone(),
            reason: chain(error).to_string(),
        };
        let id = UserId::parse(user_id).map_err(|error| refused(&error))?;
        let created = register(&self.users, id).await;
        Ok(created.map_err(|error| refused(&error))?)
    }

    /// Returns the environment variables of a function, by the name of its binary, as the template declares them.
    #[must_use]
    pub fn environment(&self, binary: &str) -> Option<&BTreeMap<String, String>> {
        self.environments.get(binary)
    }

    /// Returns the current values of the secrets, by logical id.
    ///
    /// # Errors
    /// Fails if the file with the values cannot be read.
    pub fn secrets(&self) -> Result<Map<String, Value>, Error> {
        self.secrets.current()
    }

    /// Returns a token for `x-juno-jwt` for a user.
    #[must_use]
    pub fn token(&self, user_id: &str, lifetime: Duration) -> String {
        self.signer.token(user_id, lifetime)
    }

    /// Returns a token for `x-juno-jwt` with any claims.
    #[must_use]
    pub fn sign(&self, claims: &Value) -> String {
        self.signer.sign(claims)
    }

    /// Invokes a function directly, by the name of its binary, as a schedule does.
    ///
    /// # Errors
    /// Fails if the function does not respond.
    pub async fn invoke(&self, binary: &str, event: &Value) -> Result<Bytes, InvocationError> {
        self.lambda.invoke(binary, event.to_string().into()).await
    }

    /// Kills a random instance of a function (SIGKILL), by the name of its binary, preferably a busy one. Returns `false` if the
    /// function has no instance.
    #[must_use]
    pub fn kill_instance(&self, binary: &str) -> bool {
        self.lambda.kill_instance(binary)
    }

    /// Returns the process ids of a function's instances that wait for an event, by the name of its binary.
    #[must_use]
    pub fn idle_processes(&self, binary: &str) -> Vec<u32> {
        self.lambda.idle_processes(binary)
    }

    /// Returns the latest lines of the functions' output.
    #[must_use]
    pub fn logs(&self) -> Vec<LogLine> {
        self.logs.lines()
    }

    /// Subscribes to the further output of the functions.
    #[must_use]
    pub fn follow_logs(&self) -> broadcast::Receiver<LogLine> {
        self.logs.follow()
    }

    /// Subscribes to the access log of the gateway.
    #[must_use]
    pub fn follow_requests(&self) -> broadcast::Receiver<AccessLogEntry> {
        self.access_log.subscribe()
    }

    /// Subscribes to the events of the stack. There are some only with a demo or an `events_url`, and with the emulated database.
    #[must_use]
    pub fn follow_events(&self) -> broadcast::Receiver<Value> {
        self.events.subscribe()
    }

    /// Writes `stack.json`, `functions.env` and `sam.json` into the data directory, if there is one. Other programs, `cargo lambda
    /// watch` and `sam local` find there how to use this stack.
    ///
    /// # Errors
    /// Fails if a file cannot be written.
    pub fn write_state(&self, token: &str) -> Result<(), Error> {
        state::write(self, token)
    }

    /// Stops all services. Running requests get a few seconds to finish.
    pub async fn stop(mut self) {
        self.front.stop().await;
        self.lambda.stop().await;
        self.back.stop().await;
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // The gateway's connections share the service, so dropping it here would not end its processes.
        self.lambda.close();
    }
}

/// Stores a user on the onboarding step `kyc_verification`, unless the user exists.
pub(crate) async fn register(users: &Users, id: UserId) -> Result<(), RepositoryError> {
    let user = User::registered(id, Step::kyc_verification(), system_clock());
    users
        .create(&user, &ReviewSchedule::sweeping_after(24))
        .await
}

/// Returns the pages beside the API, and those beside it for a phone, where nobody is an operator.
fn pages(
    options: &Options,
    users: &Arc<Users>,
    urls: &Urls,
    told: Told,
    console: Option<Callers>,
) -> Result<[Router; 2], Error> {
    if !options.demo {
        return Ok([Router::new(), Router::new()]);
    }
    let simulator = options.provider_url.is_none();
    let simulator = simulator.then_some(urls.provider.as_str());
    let demo = demo::pages(Arc::clone(users), simulator, told)?;
    let for_phone = demo.clone().merge(demo::config(simulator, None));
    let Some(callers) = console else {
        return Ok([for_phone.clone(), for_phone]);
    };
    let operations = Some(urls.operations.as_str());
    let demo = demo.merge(demo::config(simulator, operations));
    let pages = demo.merge(console::pages(&urls.operations, callers)?);
    Ok([pages, for_phone])
}

/// Serves the APIs of the other stack on the ports after those of this one. Returns their URLs, by logical id.
async fn serve_others(
    servers: &mut Servers,
    ports: Ports,
    apis: Vec<Api>,
    gateway: impl Fn(Api, Router) -> Gateway,
) -> Result<BTreeMap<String, String>, Error> {
    let mut urls = BTreeMap::new();
    for (offset, api) in (Ports::COUNT..).zip(apis) {
        let listener = ports.open(offset, "API of the other stack").await?;
        urls.insert(api.id.clone(), url(&listener)?);
        let gateway = gateway(api, Router::new());
        servers.spawn("other API", |shutdown| {
            gateway::serve(listener, gateway, shutdown)
        });
    }
    Ok(urls)
}

/// Serves the API and the demo to a phone, if one is to use them, on the port after those of the other stack. Returns the URL.
async fn serve_phone(
    servers: &mut Servers,
    options: &Options,
    others: usize,
    gateway: Gateway,
) -> Result<Option<String>, Error> {
    let Some(address) = options.phone else {
        return Ok(None);
    };
    let offset =
        u16::try_from(others).map_or(u16::MAX, |others| others.saturating_add(Ports::COUNT));
    let listener = options.ports.open_at(address, offset, "phone").await?;
    let url = url(&listener)?;
    servers.spawn("phone", |shutdown| {
        gateway::serve(listener, gateway, shutdown)
    });
    Ok(Some(url))
}

/// Returns a gateway whose callers do not sign.
fn new_gateway(
    api: Api,
    pages: Router,
    lambda: &Arc<Lambda>,
    access_log: &broadcast::Sender<AccessLogEntry>,
) -> Gateway {
    Gateway {
        lambda: Arc::clone(lambda),
        api,
        callers: None,
        pages,
        user,
        access_log: access_log.clone(),
    }
}

/// Returns those who may call the operators' API: the account's owner, who may do everything, and the roles whose policies are to be
/// copied. All of them sign with the secret key `local`.
fn callers() -> Result<Callers, Error> {
    const ROLES: [&str; 3] = ["support", "compliance", "onboarding-service"];
    let account = account::ACCOUNT_ID;
    let caller = |name: &str, arn: String, policy| Caller {
        access_key_id: name.to_owned(),
        secret: "local".to_owned(),
        arn,
        policy,
    };
    let role = |name: &str| {
        let path = crate::project().join(format!("docs/operations/{name}.json"));
        let policy = std::fs::read(&path).map_err(|source| Error::File {
            path: path.clone(),
            source,
        })?;
        let policy = serde_json::from_slice(&policy).map_err(|source| Error::File {
            path,
            source: source.into(),
        })?;
        let arn = format!("arn:aws:sts::{account}:assumed-role/{name}/local");
        Ok::<_, Error>(caller(name, arn, Some(policy)))
    };
    let owner = caller("local", format!("arn:aws:iam::{account}:root"), None);
    let roles = ROLES.into_iter().map(role);
    roles.chain([Ok(owner)]).collect()
}

/// Returns whether anybody wants the events. Only the emulated database tells what was written.
fn follows_events(options: &Options) -> bool {
    options.dynamodb_url.is_none() && (options.demo || options.events_url.is_some())
}

/// Reads the template, and that of the other stack, and puts them together.
fn template(options: &Options) -> Result<Template, Error> {
    let own = crate::project().join("template.yaml");
    let mut template = read_template(&own, &options.parameters)?;
    if let Some(other) = &options.other_template {
        let gate = account::function_arn("gate");
        let parameters = BTreeMap::from([("KycGate".to_owned(), gate)]);
        template.add(read_template(other, &parameters)?)?;
    }
    for api in &template.authorized_apis {
        let asked = api.authorizer.as_ref().map(|authorizer| &authorizer.binary);
        let mut functions = template.functions.iter();
        if !functions.any(|function| Some(&function.binary) == asked) {
            let asked = asked.map_or("", String::as_str);
            let message = format!(
                "{}: the authorizer's function {asked} is in neither stack",
                api.id
            );
            return Err(local_aws::Error::Template(message).into());
        }
    }
    Ok(template)
}

fn read_template(path: &Path, parameters: &BTreeMap<String, String>) -> Result<Template, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })?;
    Ok(Template::parse(&text, parameters)?)
}

/// Returns the user whom a request's token names, for the access log.
fn user(headers: &HeaderMap) -> Option<String> {
    token::subject(headers).map(|user| user.as_str().to_owned())
}

/// Makes clients of AWS like those of the functions.
fn aws(urls: &Urls, identity: &BTreeMap<String, String>) -> Result<Aws, Error> {
    let names = [
        "AWS_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    ];
    let [region, id, key, token] =
        names.map(|name| (name, identity.get(name).map_or("", String::as_str)));
    let dynamodb = ("AWS_ENDPOINT_URL_DYNAMODB", urls.dynamodb.as_str());
    let secrets = ("AWS_ENDPOINT_URL_SECRETS_MANAGER", urls.secrets.as_str());
    let variables = Variables::from([region, id, key, token, dynamodb, secrets]);
    Ok(Aws::from_environment(&variables).map_err(std::io::Error::other)?)
}

/// Returns the users in the tables. All functions but those of another stack have the variables that name them.
fn users(
    environments: &BTreeMap<String, BTreeMap<String, String>>,
    aws: &Aws,
) -> Result<Users, Error> {
    let mut variables = environments.values();
    let variables = variables.find(|variables| variables.contains_key("USERS_TABLE"));
    let variables = variables.into_iter().flatten();
    let variables = variables.map(|(name, value)| (name.as_str(), value.as_str()));
    let variables: Variables = variables.collect();
    let secret = variables.optional("ERASURE_SECRET").unwrap_or_default();
    let key = Secret::new(SecretSource::new(aws.secrets_manager(), secret));
    let users = Users::from_environment(&variables, aws.dynamodb(), key);
    Ok(users.map_err(|error| local_aws::Error::Template(error.to_string()))?)
}

/// Returns the environment of each function, by binary: the template's variables and the URLs of the services.
fn environments(template: &Template, urls: &Urls) -> BTreeMap<String, BTreeMap<String, String>> {
    let environment = |function: &FunctionResource| {
        let mut environment = function.environment.clone();
        environment.insert(
            "AWS_ENDPOINT_URL_DYNAMODB".to_owned(),
            urls.dynamodb.clone(),
        );
        environment.insert(
            "AWS_ENDPOINT_URL_SECRETS_MANAGER".to_owned(),
            urls.secrets.clone(),
        );
        (function.binary.clone(), environment)
    };
    template.functions.iter().map(environment).collect()
}

async fn functions(
    template: &Template,
    environment: impl Fn(&str) -> BTreeMap<String, String>,
    options: &Options,
) -> Result<Vec<Function>, Error> {
    let binaries: BTreeSet<_> = template
        .functions
        .iter()
        .map(|function| function.binary.as_str())
        .collect();
    let binaries: Vec<_> = binaries.into_iter().collect();
    (options.building)(binaries.len());
    let executables = cargo::build(&binaries, options.release).await?;
    let function = |function: &FunctionResource| {
        let binary = &function.binary;
        Ok(Function {
            name: binary.clone(),
            executable: executables
                .get(binary)
                .cloned()
                .ok_or_else(|| Error::NoBinary(binary.clone()))?,
            memory_size: function.memory_size,
            timeout: function.timeout,
            environment: environment(binary),
        })
    };
    template.functions.iter().map(function).collect()
}

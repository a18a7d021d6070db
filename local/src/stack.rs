use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    sync::Arc,
    time::Duration,
};

use axum::{Router, body::Bytes};
use serde_json::{Map, Value};
use shared::{
    kyc::{Step, User, UserId},
    repository::Users,
    runtime::chain,
};
use tokio::sync::broadcast;

use crate::{
    Error, Options, aws, cargo,
    data::{Data, create_private},
    demo, dynamodb,
    gateway::{self, Answered, Gateway},
    lambda::{Failure, Function, Lambda},
    logs::{LogLine, Logs},
    schedule,
    secrets::Secrets,
    servers::{Listeners, Servers, Urls},
    state,
    template::{self, Template},
    token::Signer,
};

/// The running system. All of it ends when this is dropped; [`Stack::stop`] ends it in good order.
pub struct Stack {
    pub(crate) urls: Urls,
    pub(crate) table: String,
    /// Environment variables of every function, without the identity that they run with.
    pub(crate) environments: BTreeMap<String, BTreeMap<String, String>>,
    pub(crate) data: Data,
    users: Users,
    secrets: Arc<Secrets>,
    signer: Signer,
    logs: Arc<Logs>,
    answered: broadcast::Sender<Answered>,
    lambda: Arc<Lambda>,
    /// What clients reach.
    front: Servers,
    /// What the functions need to answer them.
    back: Servers,
    /// Keeps other runs from the data.
    _claim: Option<File>,
}

impl Stack {
    /// Builds the functions and starts the system.
    ///
    /// # Errors
    /// Something that is needed is missing; the message says what.
    pub async fn start(mut options: Options) -> Result<Self, Error> {
        let claim = options.data.claim()?;
        let listeners = Listeners::open(&options).await?;
        // Fails when somebody else has installed one already, which does as well.
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let urls = listeners.urls()?;
        let parameters = &mut options.parameters;
        parameters
            .entry("ProviderUrl".to_owned())
            .or_insert_with(|| urls.provider.clone());
        let template = read_template(parameters)?;
        let signer = Signer::development()?;
        let secrets = Secrets::load(&options.data, &signer, options.secrets.clone())?;
        let secrets = Arc::new(secrets);
        let log_file = options.data.path("functions.log");
        let logs = Arc::new(Logs::new(
            log_file.as_deref().map(create_private).transpose()?,
        ));
        let real_aws = options.dynamodb_url.is_some() || options.secrets_url.is_some();
        let identity = aws::identity(real_aws);

        let mut back = Servers::new(&logs);
        let gateway = listeners.start_stand_ins(&mut back, &options, &template, &secrets)?;
        dynamodb::create_tables(&urls.dynamodb, &template.tables, &identity).await?;

        let environments = environments(&template, &urls);
        let deployed = |binary: &str| {
            let mut environment = environments.get(binary).cloned().unwrap_or_default();
            environment.extend(aws::function_identity(real_aws, binary));
            environment.extend(options.function_environment.clone());
            environment
        };
        let functions = functions(&template, deployed, options.release).await?;
        let lambda = Arc::new(Lambda::start(functions, &logs).await?);
        let table = template.tables.into_iter().next().map(|table| table.name);
        let table = table.unwrap_or_default();
        let users = Users::new(dynamodb::client(&urls.dynamodb, &identity)?, &table);
        let pages = if options.demo {
            let simulator = options.provider_url.is_none();
            demo::pages(users.clone(), simulator.then_some(urls.provider.as_str()))?
        } else {
            Router::new()
        };
        let answered = broadcast::Sender::new(1024);
        let api = Gateway {
            lambda: Arc::clone(&lambda),
            routes: template.routes,
            responses: template.responses,
            stage: template.stage,
            pages,
            answered: answered.clone(),
        };
        let mut front = Servers::new(&logs);
        front.spawn("gateway", |shutdown| gateway::serve(gateway, api, shutdown));
        let invoked = Arc::clone(&lambda);
        front.spawn("scheduler", |shutdown| {
            schedule::run(invoked, template.schedules, shutdown)
        });
        Ok(Self {
            urls,
            table,
            environments,
            data: options.data,
            users,
            secrets,
            signer,
            logs,
            answered,
            lambda,
            front,
            back,
            _claim: claim,
        })
    }

    /// Where the API is.
    #[must_use]
    pub fn api_url(&self) -> &str {
        &self.urls.api
    }

    /// Where the provider is.
    #[must_use]
    pub fn provider_url(&self) -> &str {
        &self.urls.provider
    }

    /// Where the database is.
    #[must_use]
    pub fn dynamodb_url(&self) -> &str {
        &self.urls.dynamodb
    }

    /// Where Secrets Manager is.
    #[must_use]
    pub fn secrets_url(&self) -> &str {
        &self.urls.secrets
    }

    /// The name of the users' table.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The users in that table.
    #[must_use]
    pub fn users(&self) -> Users {
        self.users.clone()
    }

    /// Stores a user on the onboarding step `kyc_verification`, unless one with that id is stored already.
    ///
    /// # Errors
    /// The id cannot be one, or the database refuses.
    pub async fn seed(&self, user_id: &str) -> Result<(), Error> {
        let refused = |error: &(dyn std::error::Error + 'static)| Error::Database {
            endpoint: self.urls.dynamodb.clone(),
            reason: chain(error).to_string(),
        };
        let id = UserId::parse(user_id).map_err(|error| refused(&error))?;
        let user = User::new(id, Step::kyc_verification());
        self.users()
            .create(&user)
            .await
            .map_err(|error| refused(&error))
    }

    /// The environment variables that a function has from the template, by the name of its binary.
    #[must_use]
    pub fn environment(&self, binary: &str) -> Option<&BTreeMap<String, String>> {
        self.environments.get(binary)
    }

    /// The secrets as they are now, by logical id.
    ///
    /// # Errors
    /// The file that holds them has become unreadable.
    pub fn secrets(&self) -> Result<Map<String, Value>, Error> {
        self.secrets.current()
    }

    /// A value of `x-juno-jwt` for this user.
    #[must_use]
    pub fn token(&self, user_id: &str, lifetime: Duration) -> String {
        self.signer.token(user_id, lifetime)
    }

    /// A value of `x-juno-jwt` with any claims.
    #[must_use]
    pub fn sign(&self, claims: &Value) -> String {
        self.signer.sign(claims)
    }

    /// Invokes a function directly, by the name of its binary, as a schedule or a queue would.
    ///
    /// # Errors
    /// The function did not answer.
    pub async fn invoke(&self, binary: &str, event: &Value) -> Result<Bytes, Failure> {
        self.lambda.invoke(binary, event.to_string().into()).await
    }

    /// Kills one instance of a function at random (SIGKILL), by the name of its binary: one that is at work if there is one.
    /// Says whether there was one to kill.
    #[must_use]
    pub fn kill_instance(&self, binary: &str) -> bool {
        self.lambda.kill_instance(binary)
    }

    /// The latest lines that the functions have written.
    #[must_use]
    pub fn logs(&self) -> Vec<LogLine> {
        self.logs.lines()
    }

    /// All lines that the functions write from now on.
    #[must_use]
    pub fn follow_logs(&self) -> broadcast::Receiver<LogLine> {
        self.logs.follow()
    }

    /// All requests that the gateway answers from now on.
    #[must_use]
    pub fn follow_requests(&self) -> broadcast::Receiver<Answered> {
        self.answered.subscribe()
    }

    /// Writes `stack.json`, `functions.env` and `sam.json` into the data directory, if there is one: what another program needs
    /// to use this stack, and what `cargo lambda watch` and `sam local` need to run the functions against it.
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn write_state(&self, token: &str) -> Result<(), Error> {
        state::write(self, token)
    }

    /// Stops everything. Requests that are under way are answered if that does not take long.
    pub async fn stop(mut self) {
        self.front.stop().await;
        self.lambda.stop().await;
        self.back.stop().await;
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // The gateway's connections, too, hold on to the service: dropping it here would not end its processes.
        self.lambda.close();
    }
}

fn read_template(parameters: &BTreeMap<String, String>) -> Result<Template, Error> {
    let path = crate::project().join("template.yaml");
    let text = std::fs::read_to_string(&path).map_err(|source| Error::File { path, source })?;
    Template::parse(&text, parameters)
}

/// The environment of every function, by binary: what the template says, and where the services are.
fn environments(template: &Template, urls: &Urls) -> BTreeMap<String, BTreeMap<String, String>> {
    let environment = |function: &template::Function| {
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
    release: bool,
) -> Result<Vec<Function>, Error> {
    let binaries: BTreeSet<_> = template
        .functions
        .iter()
        .map(|function| function.binary.as_str())
        .collect();
    let binaries: Vec<_> = binaries.into_iter().collect();
    let executables = cargo::build(&binaries, release).await?;
    let function = |function: &template::Function| {
        let binary = &function.binary;
        Ok(Function {
            name: binary.clone(),
            executable: executables
                .get(binary)
                .cloned()
                .ok_or_else(|| Error::NoBinary(binary.clone()))?,
            memory_size: function.memory_size,
            timeout: Duration::from_secs(function.timeout),
            environment: environment(binary),
        })
    };
    template.functions.iter().map(function).collect()
}

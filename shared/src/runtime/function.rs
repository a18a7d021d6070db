//! A function at start-up.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::OnceLock;

use super::{Aws, ConfigError, Secret, SecretSource, Variables, chain, log, metrics, system_clock};
use crate::http::{Authenticator, Edge, ErrorTypes, KeySource, Origins, Route};
use crate::kyc::{Allowance, Onboarding};
use crate::provider::sumsub::{Sumsub, WebhookSecrets};
use crate::repository::Users;
use crate::service::{Meter, Recorder};

/// Builds the parts that a function is made of from its environment. A function reads the variables of the parts that it
/// asks for, and no others.
pub struct Function {
    variables: Variables,
    aws: Aws,
    dynamodb: OnceLock<aws_sdk_dynamodb::Client>,
    secrets_manager: OnceLock<aws_sdk_secretsmanager::Client>,
}

/// Why a function cannot start.
#[derive(thiserror::Error)]
pub enum StartError {
    /// Its configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The HTTP client of the provider cannot be set up.
    #[error("the provider's HTTP client cannot be set up")]
    Http(#[from] reqwest::Error),
}

/// A sentence, because this is the form in which a failing `main` shows its error.
impl fmt::Debug for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", chain(self))
    }
}

impl Function {
    /// Starts logs and metrics and reads what every function needs.
    ///
    /// # Errors
    /// [`StartError`] names the variable that is missing or wrong.
    pub fn start() -> Result<Self, StartError> {
        let variables = Variables::of_process();
        log::start(&variables)?;
        metrics::start(&variables)?;
        let aws = Aws::from_environment(&variables)?;
        Ok(Self {
            variables,
            aws,
            dynamodb: OnceLock::new(),
            secrets_manager: OnceLock::new(),
        })
    }

    /// Finds out who is asking, with the keys at `JWKS_URL` or, where that is not set, of `JWKS_SECRET`.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn authenticator(&self) -> Result<Authenticator, StartError> {
        let keys = match self.variables.optional("JWKS_URL") {
            Some(_) => self.variables.parsed("JWKS_URL", KeySource::at)?,
            None => KeySource::Secret(self.secret("JWKS_SECRET")?),
        };
        Ok(Authenticator::from_environment(&self.variables, keys)?)
    }

    /// The users. All parts share one client.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn users(&self) -> Result<Users, StartError> {
        Ok(Users::new(
            self.dynamodb.get_or_init(|| self.aws.dynamodb()).clone(),
            self.variables.required("TABLE_NAME")?,
        ))
    }

    /// What keeps changes of the users.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn recorder(&self) -> Result<Recorder, StartError> {
        let onboarding = self
            .variables
            .parsed("ONBOARDING_STEPS", Onboarding::parse)?;
        Ok(Recorder {
            users: self.users()?,
            onboarding,
            clock: system_clock,
        })
    }

    /// The provider, for reading.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn provider(&self) -> Result<Sumsub, StartError> {
        self.provider_at_level(String::new())
    }

    /// The provider, for making sessions.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn session_provider(&self) -> Result<Sumsub, StartError> {
        self.provider_at_level(self.variables.required("PROVIDER_LEVEL")?.to_owned())
    }

    fn provider_at_level(&self, level: String) -> Result<Sumsub, StartError> {
        let origin = self.variables.parsed("PROVIDER_URL", reqwest::Url::parse)?;
        let credentials = Secret::new(self.secret("PROVIDER_SECRET")?);
        Ok(Sumsub::new(origin, credentials, level, system_clock)?)
    }

    /// What counts how many tokens a user gets: `SESSION_LIMIT` in 10 minutes.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn session_meter(&self) -> Result<Meter, StartError> {
        self.meter(Allowance::sessions(self.number("SESSION_LIMIT")?))
    }

    /// What counts how often a user has the provider asked: `REFRESH_LIMIT` in a minute.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn refresh_meter(&self) -> Result<Meter, StartError> {
        self.meter(Allowance::reads(self.number("REFRESH_LIMIT")?))
    }

    fn number(&self, variable: &'static str) -> Result<NonZeroU32, ConfigError> {
        self.variables.parsed(variable, str::parse)
    }

    fn meter(&self, allowance: Allowance) -> Result<Meter, StartError> {
        Ok(Meter {
            users: self.users()?,
            allowance,
            clock: system_clock,
        })
    }

    /// The secrets that the provider's deliveries are signed with.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn webhook_secrets(&self) -> Result<Secret<WebhookSecrets>, StartError> {
        Ok(Secret::new(self.secret("WEBHOOK_SECRET")?))
    }

    /// The secret that a variable names.
    fn secret<T>(&self, variable: &'static str) -> Result<SecretSource<T>, ConfigError> {
        let id = self.variables.required(variable)?;
        let client = self
            .secrets_manager
            .get_or_init(|| self.aws.secrets_manager());
        Ok(SecretSource::new(client.clone(), id))
    }

    /// Whether events of the provider's sandbox have an effect: everywhere but in production.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn accepts_sandbox(&self) -> Result<bool, StartError> {
        let environment = |name: &str| match name {
            "sandbox" => Ok(true),
            "production" => Ok(false),
            _ => Err("not one of sandbox, production"),
        };
        Ok(self.variables.parsed("PROVIDER_ENVIRONMENT", environment)?)
    }

    /// What the answers of a route have in common. Web pages of `CORS_ORIGINS` may read them, if browsers call the route at all.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn edge(&self, route: Route) -> Result<Edge, StartError> {
        let origins = match self.variables.optional("CORS_ORIGINS") {
            Some(_) if route.is_for_browsers() => {
                self.variables.parsed("CORS_ORIGINS", Origins::parse)?
            }
            Some(_) | None => Origins::default(),
        };
        Ok(Edge {
            route,
            error_types: ErrorTypes::new(self.variables.required("ERROR_TYPE_BASE")?),
            origins,
        })
    }
}

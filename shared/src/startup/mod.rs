//! The composition root: builds the parts that a function is made of from its environment.
//!
//! Each part reads its own variables, in its `from_environment`. A function reads the variables of the parts that it asks for,
//! and no others. Each method fails with the [`ConfigError`] that names the variable which is missing or wrong.
#![expect(clippy::missing_errors_doc, reason = "said once, above")]

use std::sync::OnceLock;

use crate::http::{Authenticator, Endpoint, KeySource, Route};
use crate::kyc::{ApprovalLevels, Level, Onboarding, Policy, RateLimit, ReviewSchedule};
use crate::platform::{
    Aws, ConfigError, Environment, Secret, SecretSource, Variables, metrics, start_logs,
    system_clock,
};
use crate::provider::sumsub::Sumsub;
use crate::repository::{Counters, Users};
use crate::service::{Gate, KycService, RateLimiter, WebhookReceiver};

/// A function at start-up.
pub struct Startup {
    variables: Variables,
    aws: Aws,
    dynamodb: OnceLock<aws_sdk_dynamodb::Client>,
    secrets_manager: OnceLock<aws_sdk_secretsmanager::Client>,
}

impl Startup {
    /// Starts logs and metrics and reads the variables that every function needs.
    pub fn begin() -> Result<Self, ConfigError> {
        let variables = Variables::of_process();
        start_logs(&variables)?;
        metrics::start(&variables)?;
        let aws = Aws::from_environment(&variables)?;
        Ok(Self {
            variables,
            aws,
            dynamodb: OnceLock::new(),
            secrets_manager: OnceLock::new(),
        })
    }

    /// Builds the check of tokens, with the keys at `JWKS_URL` or, where that is not set, of `JWKS_SECRET`. In production, tokens count
    /// only of a known issuer and for a known audience.
    pub fn authenticator(&self) -> Result<Authenticator, ConfigError> {
        if Environment::from_environment(&self.variables)? == Environment::Production {
            self.variables.required("JWT_ISSUER")?;
            self.variables.required("JWT_AUDIENCE")?;
        }
        let secret = || self.secret_source("JWKS_SECRET");
        let keys = KeySource::from_environment(&self.variables, secret)?;
        Authenticator::from_environment(&self.variables, keys)
    }

    /// Builds the use cases.
    pub fn service(&self) -> Result<KycService, ConfigError> {
        let credentials = Secret::new(self.secret_source("PROVIDER_SECRET")?);
        self.service_of(Sumsub::from_environment(
            &self.variables,
            credentials,
            system_clock,
        )?)
    }

    /// Builds the use cases that read what is stored, for functions that never ask the provider.
    pub fn stored(&self) -> Result<KycService<Users, ()>, ConfigError> {
        self.service_of(())
    }

    fn service_of<P>(&self, provider: P) -> Result<KycService<Users, P>, ConfigError> {
        Ok(KycService {
            users: self.users()?,
            provider,
            policy: self.policy()?,
            clock: system_clock,
        })
    }

    /// Builds the decision on who may do what needs a verified identity.
    pub fn gate(&self) -> Result<Gate, ConfigError> {
        Ok(Gate {
            users: self.users()?,
        })
    }

    /// Builds the receiving end of the provider's webhook.
    pub fn webhook(&self) -> Result<WebhookReceiver, ConfigError> {
        let secrets = Secret::new(self.secret_source("WEBHOOK_SECRET")?);
        WebhookReceiver::from_environment(&self.variables, self.service()?, secrets)
    }

    /// Reads the level of new sessions, `PROVIDER_LEVEL`.
    pub fn level(&self) -> Result<Level, ConfigError> {
        self.variables.parsed("PROVIDER_LEVEL", Level::parse)
    }

    /// Builds the limit on tokens: `SESSION_LIMIT` in 10 minutes for each user.
    pub fn session_limiter(&self) -> Result<RateLimiter, ConfigError> {
        let limit = self.variables.parsed("SESSION_LIMIT", str::parse)?;
        self.limiter(RateLimit::sessions(limit))
    }

    /// Builds the limit on reads of the provider: `REFRESH_LIMIT` in a minute for each user.
    pub fn refresh_limiter(&self) -> Result<RateLimiter, ConfigError> {
        let limit = self.variables.parsed("REFRESH_LIMIT", str::parse)?;
        self.limiter(RateLimit::reads(limit))
    }

    /// Builds the common part of a route's responses.
    pub fn endpoint(&self, route: Route) -> Result<Endpoint, ConfigError> {
        Endpoint::from_environment(&self.variables, route)
    }

    /// Reads the rules of the core: `ONBOARDING_STEPS`, `APPROVAL_LEVELS` or `PROVIDER_LEVEL`, and `DECIDED_RECHECK_HOURS`.
    fn policy(&self) -> Result<Policy, ConfigError> {
        let variables = &self.variables;
        // The level of new sessions approves, unless others are listed.
        let levels = match variables.optional("APPROVAL_LEVELS") {
            Some(_) => "APPROVAL_LEVELS",
            None => "PROVIDER_LEVEL",
        };
        let approval_levels = variables.parsed(levels, ApprovalLevels::parse)?;
        let recheck = variables.parsed("DECIDED_RECHECK_HOURS", str::parse)?;
        Ok(Policy {
            onboarding: variables.parsed("ONBOARDING_STEPS", Onboarding::parse)?,
            approval_levels,
            schedule: ReviewSchedule::sweeping_after(recheck),
        })
    }

    fn users(&self) -> Result<Users, ConfigError> {
        let erasure_key = Secret::new(self.secret_source("ERASURE_SECRET")?);
        Users::from_environment(&self.variables, self.dynamodb(), erasure_key)
    }

    fn limiter(&self, limit: RateLimit) -> Result<RateLimiter, ConfigError> {
        Ok(RateLimiter {
            counters: Counters::from_environment(&self.variables, self.dynamodb())?,
            limit,
            clock: system_clock,
        })
    }

    /// Returns the one client that all tables share.
    fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        self.dynamodb.get_or_init(|| self.aws.dynamodb()).clone()
    }

    /// Returns the secret that a variable names.
    fn secret_source<T>(&self, variable: &'static str) -> Result<SecretSource<T>, ConfigError> {
        let id = self.variables.required(variable)?;
        let client = self
            .secrets_manager
            .get_or_init(|| self.aws.secrets_manager());
        Ok(SecretSource::new(client.clone(), id))
    }
}

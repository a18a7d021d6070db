//! Requests that their callers sign (IAM User Guide, "AWS Signature Version 4 for API requests"), and what IAM lets those callers do.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use aws_credential_types::Credentials;
use aws_sigv4::{
    SigningOutput,
    http_request::{SignableBody, SignableRequest, SigningInstructions, SigningSettings, sign},
    sign::v4,
};
use axum::{
    body::Bytes,
    http::{HeaderName, header::AUTHORIZATION, request::Parts},
};
use time::{PrimitiveDateTime, format_description::BorrowedFormatItem, macros::format_description};

use super::{event::method_arn, response::GatewayError};
use crate::{account::region, iam::CallerPolicy};

/// The service that the signature is for.
const SERVICE: &str = "execute-api";

/// The time for which a signature is good, before and after its date.
const VALID_FOR: Duration = Duration::from_mins(5);

const DATE: &[BorrowedFormatItem<'_>] =
    format_description!("[year][month][day]T[hour][minute][second]Z");

/// Somebody who can sign requests.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The access key id.
    pub access_key_id: String,
    /// The secret access key.
    pub secret: String,
    /// The ARN that IAM knows them by.
    pub arn: String,
    /// The calls they may make. `None`: all.
    pub policy: Option<CallerPolicy>,
}

/// Those who can sign requests, by access key id.
#[derive(Debug, Clone)]
pub struct Callers(BTreeMap<String, Caller>);

impl FromIterator<Caller> for Callers {
    fn from_iter<I: IntoIterator<Item = Caller>>(callers: I) -> Self {
        let by_key = |caller: Caller| (caller.access_key_id.clone(), caller);
        Self(callers.into_iter().map(by_key).collect())
    }
}

impl Callers {
    /// Returns the access key ids.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Returns the caller who signed a request, if their policy allows it.
    pub(super) fn authorize(
        &self,
        head: &Parts,
        body: &Bytes,
        stage: &str,
    ) -> Result<&Caller, GatewayError> {
        if !head.headers.contains_key(AUTHORIZATION) {
            return Err(GatewayError::Unsigned);
        }
        let caller = self.signer(head, body, SystemTime::now());
        let caller = caller.ok_or(GatewayError::InvalidSignature)?;
        let resource = method_arn(stage, head.method.as_str(), head.uri.path());
        let policy = caller.policy.as_ref();
        if policy.is_none_or(|policy| policy.allows("execute-api:Invoke", &resource)) {
            Ok(caller)
        } else {
            Err(GatewayError::AccessDenied)
        }
    }

    /// Returns the caller who signed a request for this region within the last minutes. Their signature is made again, and compared.
    fn signer(&self, head: &Parts, body: &Bytes, now: SystemTime) -> Option<&Caller> {
        let authorization = head.headers.get(AUTHORIZATION)?.to_str().ok()?;
        let parts = authorization.strip_prefix("AWS4-HMAC-SHA256 ")?;
        let part = |name: &str| {
            let mut parts = parts
                .split(',')
                .filter_map(|part| part.trim().split_once('='));
            parts.find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        let (key, scope) = part("Credential")?.split_once('/')?;
        let caller = self.0.get(key)?;
        let date = head.headers.get("x-amz-date")?.to_str().ok()?;
        let time = PrimitiveDateTime::parse(date, DATE).ok()?.assume_utc();
        let time = SystemTime::from(time);
        let age = now
            .duration_since(time)
            .or_else(|_| time.duration_since(now));
        let day = date.split_once('T')?.0;
        if age.ok()? > VALID_FOR || scope != format!("{day}/{}/{SERVICE}/aws4_request", region()) {
            return None;
        }
        let signed = part("SignedHeaders")?.split(';');
        // The signer adds the date itself.
        let headers = signed
            .filter(|name| *name != "x-amz-date")
            .map(|name| Some((name, head.headers.get(name)?.to_str().ok()?)))
            .collect::<Option<Vec<_>>>()?;
        if !headers.iter().any(|(name, _)| *name == "host") {
            return None;
        }
        let host = head.headers.get("host")?.to_str().ok()?;
        let target = head.uri.path_and_query()?.as_str();
        let uri = format!("http://{host}{target}");
        let request = SignableRequest::new(
            head.method.as_str(),
            uri,
            headers.into_iter(),
            SignableBody::Bytes(body),
        );
        let output = caller.sign(request.ok()?, time)?;
        (output.signature() == part("Signature")?).then_some(caller)
    }

    /// Signs a request of a caller to `host`. Returns `None` if there is no such caller.
    #[must_use]
    pub fn sign(
        &self,
        access_key_id: &str,
        host: &str,
        mut head: Parts,
        body: &Bytes,
    ) -> Option<Parts> {
        let caller = self.0.get(access_key_id)?;
        let target = head.uri.path_and_query()?.as_str();
        let request = SignableRequest::new(
            head.method.as_str(),
            format!("http://{host}{target}"),
            [("host", host)].into_iter(),
            SignableBody::Bytes(body),
        );
        let output = caller.sign(request.ok()?, SystemTime::now())?;
        for (name, value) in output.output().headers() {
            let name = HeaderName::try_from(name).ok()?;
            head.headers.insert(name, value.parse().ok()?);
        }
        Some(head)
    }
}

impl Caller {
    /// Signs a request for this region.
    fn sign(
        &self,
        request: SignableRequest<'_>,
        time: SystemTime,
    ) -> Option<SigningOutput<SigningInstructions>> {
        let identity = Credentials::new(&self.access_key_id, &self.secret, None, None, "local");
        let (identity, region) = (identity.into(), region());
        let mut settings = SigningSettings::default();
        settings.excluded_headers = None;
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&region)
            .name(SERVICE)
            .time(time)
            .settings(settings)
            .build();
        sign(request, &parameters.ok()?.into()).ok()
    }
}

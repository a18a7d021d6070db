//! Lambda authorizers. The pages of the API Gateway Developer Guide
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/>) that say what they get and what their answers mean:
//!
//! - REST APIs: `apigateway-use-lambda-authorizer.html`, `api-gateway-lambda-authorizer-input.html`,
//!   `api-gateway-lambda-authorizer-output.html`, `configure-api-gateway-lambda-authorization.html` (identity and cache);
//! - HTTP APIs: `http-api-lambda-authorizer.html`.

use std::{
    collections::HashMap,
    sync::Mutex,
    time::{Duration, Instant},
};

use axum::http::request::Parts;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{event::method_arn, response::GatewayError};
use crate::{
    iam::CallerPolicy,
    lambda::{InvocationError, Lambda},
    lock,
    template::{Api, ApiKind, Authorizer},
};

/// An authorizer with its cache.
pub(super) struct LambdaAuthorizer {
    declared: Authorizer,
    kept: Mutex<Kept>,
}

/// Answers with the ends of their use, by the values of the identity headers.
type Kept = HashMap<Vec<String>, (Instant, Answer)>;

/// An answer of the function.
#[derive(Clone)]
enum Answer {
    Policy {
        policy: CallerPolicy,
        context: Map<String, Value>,
    },
    Simple {
        is_authorized: bool,
        context: Option<Map<String, Value>>,
    },
}

impl LambdaAuthorizer {
    pub(super) fn new(declared: Authorizer) -> Self {
        Self {
            declared,
            kept: Mutex::default(),
        }
    }

    /// Authorizes a request. Returns the member `authorizer` of the request context.
    pub(super) async fn authorize(
        &self,
        lambda: &Lambda,
        api: &Api,
        head: &Parts,
        event: &Value,
    ) -> Result<Value, GatewayError> {
        let identity = self.identity(api.kind, event)?;
        let arn = method_arn(&api.stage, head.method.as_str(), head.uri.path());
        if let Some(answer) = self.kept(&identity, Instant::now()) {
            return answer.decide(&arn);
        }
        let payload = self.payload(api.kind, &identity, &arn, event);
        let answer = lambda.invoke(&self.declared.binary, payload.to_string().into());
        let answer = match answer.await {
            Ok(answer) => {
                Answer::parse(api.kind, &answer).ok_or(GatewayError::AuthorizerFailure)?
            }
            Err(InvocationError::Reported(report)) if is_unauthorized(api.kind, &report) => {
                return Err(GatewayError::Unauthorized);
            }
            Err(_) => return Err(GatewayError::AuthorizerFailure),
        };
        self.keep(identity, answer.clone(), Instant::now());
        answer.decide(&arn)
    }

    /// Returns the values of the identity headers.
    ///
    /// # Errors
    /// Fails if one is missing or empty. Without a cache, a `REQUEST` authorizer of a REST API is asked even then.
    fn identity(&self, kind: ApiKind, event: &Value) -> Result<Vec<String>, GatewayError> {
        let Authorizer {
            token_only,
            headers,
            reauthorize_every,
            ..
        } = &self.declared;
        let required = kind == ApiKind::Http || *token_only || !reauthorize_every.is_zero();
        let value = |name: &String| {
            let value = event.get("headers").and_then(|headers| headers.get(name));
            value.and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let identity: Vec<_> = headers.iter().map(value).collect();
        if required && identity.iter().any(String::is_empty) {
            return Err(GatewayError::Unauthorized);
        }
        Ok(identity)
    }

    /// Returns the payload of the function for a request, of which `event` tells the function behind the API.
    fn payload(&self, kind: ApiKind, identity: &[String], arn: &str, event: &Value) -> Value {
        if self.declared.token_only {
            let token = identity.first();
            return json!({ "type": "TOKEN", "authorizationToken": token, "methodArn": arn });
        }
        let mut members = event.as_object().cloned().unwrap_or_default();
        members.retain(|name, _| !["body", "isBase64Encoded"].contains(&name.as_str()));
        members.insert("type".to_owned(), json!("REQUEST"));
        match kind {
            ApiKind::Rest => {
                members.insert("methodArn".to_owned(), json!(arn));
                // Where the function behind the API gets null, an authorizer gets an empty object.
                let absent = members.values_mut().filter(|value| value.is_null());
                absent.for_each(|value| *value = json!({}));
            }
            ApiKind::Http => {
                members.insert("routeArn".to_owned(), json!(arn));
                members.insert("identitySource".to_owned(), json!(identity));
            }
        }
        members.into()
    }

    fn kept(&self, identity: &[String], now: Instant) -> Option<Answer> {
        let kept = lock(&self.kept);
        let (end, answer) = kept.get(identity)?;
        (now < *end).then(|| answer.clone())
    }

    fn keep(&self, identity: Vec<String>, answer: Answer, now: Instant) {
        let every = self.declared.reauthorize_every;
        if every > Duration::ZERO {
            let mut kept = lock(&self.kept);
            kept.retain(|_, (end, _)| now < *end);
            kept.insert(identity, (now + every, answer));
        }
    }
}

impl Answer {
    /// Reads an answer. Returns `None` unless it has the form that the kind of API requires.
    fn parse(kind: ApiKind, answer: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Allowance {
            principal_id: String,
            policy_document: CallerPolicy,
            context: Option<Map<String, Value>>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Simple {
            is_authorized: bool,
            context: Option<Map<String, Value>>,
        }

        match kind {
            ApiKind::Rest => {
                let answer: Allowance = serde_json::from_slice(answer).ok()?;
                let text = |(name, value)| {
                    let value = match value {
                        Value::String(text) => text,
                        Value::Number(_) | Value::Bool(_) => value.to_string(),
                        // A REST API takes no objects, lists or nulls.
                        _ => return None,
                    };
                    Some((name, value.into()))
                };
                let context = answer.context.unwrap_or_default().into_iter().map(text);
                let mut context = context.collect::<Option<Map<_, _>>>()?;
                context.insert("principalId".to_owned(), answer.principal_id.into());
                Some(Self::Policy {
                    policy: answer.policy_document,
                    context,
                })
            }
            ApiKind::Http => {
                let answer: Simple = serde_json::from_slice(answer).ok()?;
                Some(Self::Simple {
                    is_authorized: answer.is_authorized,
                    context: answer.context,
                })
            }
        }
    }

    /// Returns the member `authorizer` of the context of a request, if the answer allows the request.
    fn decide(self, arn: &str) -> Result<Value, GatewayError> {
        const ACTION: &str = "execute-api:Invoke";
        match self {
            Self::Policy { policy, context } if policy.allows(ACTION, arn) => Ok(context.into()),
            Self::Policy { policy, .. } if policy.denies(ACTION, arn) => {
                Err(GatewayError::ExplicitlyDenied)
            }
            Self::Simple {
                is_authorized: true,
                context,
            } => Ok(json!({ "lambda": context })),
            Self::Policy { .. } | Self::Simple { .. } => Err(GatewayError::AccessDenied),
        }
    }
}

/// Returns whether the error of a function is the one by which a REST API answers 401.
fn is_unauthorized(kind: ApiKind, report: &str) -> bool {
    let report: Option<Value> = serde_json::from_str(report).ok();
    kind == ApiKind::Rest
        && report.is_some_and(|report| report.get("errorMessage") == Some(&"Unauthorized".into()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn authorizer(token_only: bool, seconds: u64) -> LambdaAuthorizer {
        LambdaAuthorizer::new(Authorizer {
            binary: "gate".to_owned(),
            token_only,
            headers: vec!["x-token".to_owned()],
            reauthorize_every: Duration::from_secs(seconds),
        })
    }

    fn policy(effect: &str, resource: &str, context: &Value) -> Option<Answer> {
        let statement =
            json!({ "Effect": effect, "Action": "execute-api:Invoke", "Resource": resource });
        let document = json!({ "Version": "2012-10-17", "Statement": [statement] });
        let answer = json!({ "principalId": "u", "policyDocument": document, "context": context });
        Answer::parse(ApiKind::Rest, answer.to_string().as_bytes())
    }

    #[test]
    fn an_answer_is_kept_for_its_time_and_its_identity() {
        let (cached, now) = (authorizer(false, 60), Instant::now());
        let later = |seconds| now + Duration::from_secs(seconds);
        let answer = || policy("Allow", "*", &json!({})).unwrap();
        let identity = |token: &str| vec![token.to_owned()];

        cached.keep(identity("a"), answer(), now);
        assert!(cached.kept(&identity("a"), later(59)).is_some());
        assert!(cached.kept(&identity("a"), later(60)).is_none());
        assert!(cached.kept(&identity("b"), now).is_none());
        cached.keep(identity("b"), answer(), later(60));
        assert_eq!(lock(&cached.kept).len(), 1, "the old answer is dropped");

        let uncached = authorizer(false, 0);
        uncached.keep(identity("a"), answer(), now);
        assert!(uncached.kept(&identity("a"), now).is_none());
    }

    #[test]
    fn an_identity_is_required_where_aws_says_so() {
        let without = json!({ "headers": { "x-token": "" } });
        let missing = |token_only, seconds, kind| {
            let authorizer = authorizer(token_only, seconds);
            authorizer.identity(kind, &without).is_err()
                && authorizer
                    .identity(kind, &json!({ "headers": {} }))
                    .is_err()
        };
        assert!(missing(true, 0, ApiKind::Rest));
        assert!(missing(false, 60, ApiKind::Rest));
        assert!(!missing(false, 0, ApiKind::Rest));
        assert!(missing(false, 0, ApiKind::Http));
    }

    #[test]
    fn a_policy_counts_for_the_method_that_is_called() {
        let decide =
            |effect, resource, arn| policy(effect, resource, &json!({})).unwrap().decide(arn);
        assert!(decide("Allow", "api/live/*", "api/live/GET/a").is_ok());
        let other = decide("Allow", "api/live/GET/a", "api/live/GET/b");
        assert_eq!(other, Err(GatewayError::AccessDenied));
        let denied = decide("Deny", "api/live/*", "api/live/GET/a");
        assert_eq!(denied, Err(GatewayError::ExplicitlyDenied));
        let elsewhere = decide("Deny", "other/*", "api/live/GET/a");
        assert_eq!(elsewhere, Err(GatewayError::AccessDenied));
    }

    #[test]
    fn an_answer_has_the_form_of_its_api() {
        let context = |context| match policy("Allow", "*", &context) {
            Some(answer) => answer.decide("arn").ok(),
            None => None,
        };
        let texts = json!({ "a": "x", "b": "1", "c": "true", "principalId": "u" });
        assert_eq!(context(json!({ "a": "x", "b": 1, "c": true })), Some(texts));
        assert_eq!(context(Value::Null), Some(json!({ "principalId": "u" })));
        assert_eq!(context(json!({ "a": ["x"] })), None);

        let simple = |answer: &str| Answer::parse(ApiKind::Http, answer.as_bytes());
        let allowed = simple(r#"{"isAuthorized": true, "context": {"a": ["x"]}}"#);
        let expected = json!({ "lambda": { "a": ["x"] } });
        assert_eq!(allowed.unwrap().decide("arn"), Ok(expected));
        let denied = simple(r#"{"isAuthorized": false}"#).unwrap().decide("arn");
        assert_eq!(denied, Err(GatewayError::AccessDenied));
        for malformed in ["null", "{}", r#"{"isAuthorized": "true"}"#] {
            assert!(simple(malformed).is_none(), "{malformed}");
            assert!(Answer::parse(ApiKind::Rest, malformed.as_bytes()).is_none());
        }
    }

    #[test]
    fn only_a_rest_api_answers_401_for_a_function() {
        let report = r#"{"errorType":"x","errorMessage":"Unauthorized"}"#;
        assert!(is_unauthorized(ApiKind::Rest, report));
        assert!(!is_unauthorized(ApiKind::Http, report));
        assert!(!is_unauthorized(ApiKind::Rest, "{}"));
    }
}

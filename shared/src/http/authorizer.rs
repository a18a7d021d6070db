//! A Lambda authorizer: lets only approved users into another API, without code there (API Gateway Developer Guide, "Use API Gateway Lambda
//! authorizers"). The three forms of its events are that of a header (`TOKEN`) and of a request (`REQUEST`) of a REST API, and that of an
//! HTTP API (payload 2.0, simple responses).

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{HeaderMap, HeaderName, HeaderValue};
use lambda_http::LambdaEvent;
use lambda_http::request::LambdaRequest;
use lambda_http::tower::Service;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use super::authenticator::HEADER;
use super::gateway_event::Event;
use super::{Failure, Problem};
use crate::kyc::{ProviderTime, UserId};
use crate::platform::chain;

/// A question whether a request may go on to an API. Of its headers, that of the token counts.
#[derive(Debug)]
pub(super) struct AuthorizationRequest {
    headers: HeaderMap,
    form: Form,
}

/// The form of the answer.
#[derive(Debug)]
enum Form {
    /// A policy for the stage of a REST API that the request was sent to.
    Policy { stage: String },
    /// A yes or no.
    Simple,
}

/// A user who may go on.
#[derive(Debug)]
pub struct Admitted {
    /// The user whom the token was issued for.
    pub user: UserId,
    /// The date of the approval, by the provider's clock.
    pub verified_at: ProviderTime,
}

impl AuthorizationRequest {
    /// Reads an event. Returns `None` for any other.
    fn parse(event: &Value) -> Option<Self> {
        let text = |name: &str| event.get(name).and_then(Value::as_str);
        let mut headers = HeaderMap::new();
        let mut add = |name: &str, value: &Value| {
            let name = name.parse::<HeaderName>().ok();
            let value = value
                .as_str()
                .and_then(|text| HeaderValue::from_str(text).ok());
            if let (Some(name), Some(value)) = (name, value) {
                headers.append(name, value);
            }
        };
        let members = |name: &str| {
            event
                .get(name)
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
        };
        // Lambda authorizers of the form TOKEN get one header, whatever its name.
        if let Some(token) = event.get("authorizationToken") {
            add(HEADER, token);
        } else if event.get("multiValueHeaders").is_some_and(Value::is_object) {
            // All values: a token that was sent twice is seen twice.
            for (name, values) in members("multiValueHeaders") {
                for value in values.as_array().into_iter().flatten() {
                    add(name, value);
                }
            }
        } else {
            for (name, value) in members("headers") {
                add(name, value);
            }
        }
        let form = match (text("methodArn"), text("routeArn")) {
            (Some(arn), _) => Form::Policy { stage: stage(arn)? },
            (None, Some(_)) => Form::Simple,
            (None, None) => return None,
        };
        Some(Self { headers, form })
    }
}

/// Returns the API and stage of a method's ARN, such as `arn:aws:execute-api:eu-west-1:123456789012:abcdef/live` of `…/live/GET/path`.
fn stage(arn: &str) -> Option<String> {
    let mut parts = arn.split('/');
    let (api, stage) = (parts.next()?, parts.next()?);
    Some(format!("{api}/{stage}"))
}

impl Form {
    /// Returns the answer. API Gateway keeps it for the same token, whichever method is called next, so it is about all of them.
    fn answer(&self, decision: Result<Admitted, Problem>) -> Value {
        let (effect, principal, context) = match decision {
            Ok(Admitted { user, verified_at }) => {
                let verified_at = verified_at.millis().to_string();
                let context = json!({ "user_id": user.as_str(), "verified_at": verified_at });
                ("Allow", user.as_str().to_owned(), context)
            }
            Err(problem) => (
                "Deny",
                "nobody".to_owned(),
                json!({ "error_code": problem.code() }),
            ),
        };
        match self {
            Self::Policy { stage } => json!({
                "principalId": principal,
                "policyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [{ "Action": "execute-api:Invoke", "Effect": effect, "Resource": format!("{stage}/*") }],
                },
                "context": context,
            }),
            Self::Simple => json!({ "isAuthorized": effect == "Allow", "context": context }),
        }
    }
}

/// An event of a function that serves HTTP and authorizes.
pub(super) enum EitherEvent {
    Authorization(Box<AuthorizationRequest>),
    Other(Box<Event>),
}

impl<'de> Deserialize<'de> for EitherEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let event = Value::deserialize(deserializer)?;
        Ok(match AuthorizationRequest::parse(&event) {
            Some(request) => Self::Authorization(Box::new(request)),
            None => Self::Other(Box::new(Event(LambdaRequest::deserialize(event).ok()))),
        })
    }
}

/// Answers authorizations with `authorize`, and everything else with `others`.
pub(super) struct Authorizer<'a, S, A> {
    pub(super) others: S,
    pub(super) authorize: A,
    /// The life of the answers.
    pub(super) life: PhantomData<&'a ()>,
}

/// The answer to either event.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum EitherAnswer<R> {
    Authorization(Value),
    Other(R),
}

impl<'a, S, A, F> Service<LambdaEvent<EitherEvent>> for Authorizer<'a, S, A>
where
    S: Service<LambdaEvent<Event>, Error: Into<lambda_http::Error>, Future: Send + 'a>,
    A: Fn(HeaderMap) -> F,
    F: Future<Output = Result<Admitted, Failure>> + Send + 'a,
{
    type Response = EitherAnswer<S::Response>;
    type Error = lambda_http::Error;
    type Future =
        Pin<Box<dyn Future<Output = Result<Self::Response, lambda_http::Error>> + Send + 'a>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.others.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, LambdaEvent { payload, context }: LambdaEvent<EitherEvent>) -> Self::Future {
        match payload {
            EitherEvent::Other(event) => {
                let answer = self.others.call(LambdaEvent::new(*event, context));
                Box::pin(async { Ok(EitherAnswer::Other(answer.await.map_err(Into::into)?)) })
            }
            EitherEvent::Authorization(request) => {
                let AuthorizationRequest { headers, form } = *request;
                let decision = (self.authorize)(headers);
                Box::pin(async move { decided(&form, decision.await) })
            }
        }
    }
}

/// Returns the answer to a decision, and logs it. A refusal is a deny: an error would be one of the function, and roll deployments back.
fn decided<R>(
    form: &Form,
    decision: Result<Admitted, Failure>,
) -> Result<EitherAnswer<R>, lambda_http::Error> {
    let decision = match decision {
        Ok(admitted) => Ok(admitted),
        Err(failure) => {
            let (code, cause) = (failure.code(), failure.cause());
            let cause = cause.map(|cause| chain(cause).to_string());
            let Some(problem) = failure.refusal() else {
                tracing::error!(code, cause, "authorization failed");
                return Err("the authorization could not be decided".into());
            };
            tracing::info!(code, cause, "authorization denied");
            Err(problem)
        }
    };
    Ok(EitherAnswer::Authorization(form.answer(decision)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_for_all_methods_of_the_stage() {
        let arn = "arn:aws:execute-api:eu-west-1:123456789012:abcdef123/live/GET/accounts/1";
        assert_eq!(
            stage(arn).unwrap(),
            "arn:aws:execute-api:eu-west-1:123456789012:abcdef123/live"
        );
        assert_eq!(stage("nonsense"), None);
    }

    #[test]
    fn only_authorizations_are_read_as_such() {
        let of = |event: Value| AuthorizationRequest::parse(&event);
        assert!(of(json!({ "httpMethod": "GET", "headers": { "x-juno-jwt": "t" } })).is_none());
        assert!(of(json!({ "warmer": true })).is_none());
        assert!(of(json!(7)).is_none());
        let twice = of(
            json!({ "type": "REQUEST", "methodArn": "a/b/GET/", "headers": { "x-juno-jwt": "2" },
            "multiValueHeaders": { "X-Juno-Jwt": ["1", "2"] } }),
        );
        assert_eq!(
            twice.unwrap().headers.get_all("x-juno-jwt").iter().count(),
            2
        );
    }
}

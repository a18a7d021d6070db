//! Checks `openapi.yaml`: every response of the API that a test sees must be one that the document describes.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::Validator;
use reqwest::Method;
use serde_json::{Map, Value};

use crate::app::Answer;

/// The headers that every HTTP response has.
const OF_HTTP: [&str; 3] = ["content-length", "content-type", "date"];

static DOCUMENT: LazyLock<Document> = LazyLock::new(Document::read);

/// Asserts that the document describes this answer to such a request.
pub fn assert_described(method: &Method, path: &str, answer: &Answer) {
    let described = DOCUMENT.describes(method, path, answer);
    described.unwrap_or_else(|why| panic!("openapi.yaml: {why}\n{method} {path}: {answer:?}"));
}

/// The document. Its parts are named by JSON pointers.
struct Document {
    root: Value,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

impl Document {
    fn read() -> Self {
        Self {
            root: yaml_serde::from_str(include_str!("../../openapi.yaml")).unwrap(),
            validators: Mutex::default(),
        }
    }

    /// Returns the part at a pointer and its own pointer, with references followed.
    fn part(&self, pointer: &str) -> Option<(String, &Map<String, Value>)> {
        let part = self.root.pointer(pointer)?.as_object()?;
        match part.get("$ref") {
            Some(reference) => self.part(reference.as_str()?.strip_prefix('#')?),
            None => Some((pointer.to_owned(), part)),
        }
    }

    fn describes(&self, method: &Method, path: &str, answer: &Answer) -> Result<(), String> {
        let response = self.response(method, path, answer.status);
        let (place, response) = self.part(&response).ok_or("no such answer")?;
        self.describes_headers(&place, response, answer)?;
        if !response.contains_key("content") {
            let is_empty = answer.text.is_empty();
            return is_empty.then_some(()).ok_or("no body".to_owned());
        }
        let media_type = escaped(answer.header("content-type"));
        let content = format!("{place}/content/{media_type}");
        self.part(&content).ok_or("no such content type")?;
        let body = serde_json::from_str(&answer.text).map_err(|error| error.to_string())?;
        self.fits(&format!("{content}/schema"), &body)
    }

    fn describes_headers(
        &self,
        place: &str,
        response: &Map<String, Value>,
        answer: &Answer,
    ) -> Result<(), String> {
        let headers = response.get("headers").and_then(Value::as_object);
        let headers = headers.ok_or("no headers")?;
        for name in headers.keys() {
            let (header, described) = self
                .part(&format!("{place}/headers/{name}"))
                .ok_or("a header leads nowhere")?;
            if let Some(value) = answer.headers.get(name) {
                let text = value.to_str().map_err(|error| error.to_string())?;
                // A text that looks like a number is one.
                let value = text.parse().map_or_else(|_| text.into(), Value::Number);
                self.fits(&format!("{header}/schema"), &value)?;
            } else if described.get("required") == Some(&Value::Bool(true)) {
                return Err(format!("{name} is missing"));
            }
        }
        let is_known = |name: &str| {
            OF_HTTP.contains(&name) || headers.keys().any(|known| known.eq_ignore_ascii_case(name))
        };
        match answer.headers.keys().find(|name| !is_known(name.as_str())) {
            Some(name) => Err(format!("no header {name}")),
            None => Ok(()),
        }
    }

    /// Returns the place in the document that describes responses of this status.
    fn response(&self, method: &Method, path: &str, status: u16) -> String {
        let path = format!("/paths/{}", escaped(path));
        let operation = format!("{path}/{}", method.as_str().to_lowercase());
        let name = match status {
            _ if self.root.pointer(&operation).is_some() => {
                return format!("{operation}/responses/{status}");
            }
            204 if method == Method::OPTIONS && self.root.pointer(&path).is_some() => "Preflight",
            404 => "UnknownRoute",
            // Refusals before anybody looks for a route.
            400 => "BadRequest",
            413 => "TooLarge",
            _ => "none",
        };
        format!("/components/responses/{name}")
    }

    fn fits(&self, schema: &str, value: &Value) -> Result<(), String> {
        let mut validators = self.validators.lock().unwrap();
        let validator = validators.entry(schema.to_owned());
        let validator = Arc::clone(validator.or_insert_with(|| Arc::new(self.validator(schema))));
        drop(validators);
        let errors = validator.iter_errors(value);
        let errors = errors.map(|error| format!("{} {error}", error.instance_path()));
        let errors: Vec<_> = errors.collect();
        errors.is_empty().then_some(()).ok_or(errors.join("\n"))
    }

    /// Builds a validator for one schema of the document: the whole document as a schema that only refers to that one.
    fn validator(&self, schema: &str) -> Validator {
        let mut root = self.root.clone();
        root["$ref"] = format!("#{schema}").into();
        let options = jsonschema::draft202012::options().should_validate_formats(true);
        options.build(&root).unwrap()
    }
}

/// Escapes a text for a JSON pointer (RFC 6901).
fn escaped(text: &str) -> String {
    text.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use local::template::{Api, Template};
    use shared::http::Problem;
    use shared::kyc::Status;

    use super::*;
    use crate::app::WEBHOOK;

    const ID: &str = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef";

    fn template() -> Template {
        Template::parse(include_str!("../../template.yaml"), &BTreeMap::new()).unwrap()
    }

    fn members(pointer: &str) -> impl Iterator<Item = (&'static String, &'static Value)> {
        DOCUMENT
            .root
            .pointer(pointer)
            .unwrap()
            .as_object()
            .unwrap()
            .iter()
    }

    /// Returns the problem after `problem`, so that a walk meets all. A variant that is missing here does not compile.
    fn next(problem: Problem) -> Option<Problem> {
        Some(match problem {
            Problem::InvalidParameter { .. } => Problem::Unauthenticated,
            Problem::Unauthenticated => Problem::InvalidSignature,
            Problem::InvalidSignature => Problem::VerificationRequired,
            Problem::VerificationRequired => Problem::NoApplicant,
            Problem::NoApplicant => Problem::Decided(Status::Approved),
            Problem::Decided(_) => Problem::RateLimited {
                retry_after: std::time::Duration::ZERO,
            },
            Problem::RateLimited { .. } => Problem::Internal,
            Problem::Internal => Problem::TokenFailed { retry_after: None },
            Problem::TokenFailed { .. } => Problem::ProviderUnavailable { retry_after: None },
            Problem::ProviderUnavailable { .. } => Problem::Blocked,
            Problem::Blocked => Problem::TooLarge,
            Problem::TooLarge => Problem::InvalidRequest,
            // Of the calls of operators, which docs/operations.md describes.
            Problem::InvalidRequest
            | Problem::UnknownCaller
            | Problem::UnknownUser
            | Problem::StepConflict => return None,
        })
    }

    /// Preflights are left out: the document describes them once for all routes.
    #[test]
    fn the_routes_are_those_of_the_template() {
        let documented: BTreeSet<_> = members("/paths")
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().unwrap().keys();
                methods.map(|method| (method.to_uppercase(), path.clone()))
            })
            .collect();
        let routes = template().api.routes.into_iter();
        let deployed = routes.map(|route| (route.method, route.path));
        let deployed: BTreeSet<_> = deployed.filter(|(method, _)| method != "OPTIONS").collect();
        assert_eq!(documented, deployed);
    }

    #[test]
    fn the_codes_are_those_of_the_functions_and_of_the_gateway() {
        let documented: BTreeSet<_> = members("/components/schemas")
            .filter_map(|(_, schema)| schema.pointer("/properties/error_code/const")?.as_str())
            .map(str::to_owned)
            .collect();
        let first = Problem::InvalidParameter {
            name: "",
            expected: "",
        };
        let of_functions = std::iter::successors(Some(first), |problem| next(*problem));
        let of_functions = of_functions.map(|problem| problem.code().to_owned());
        let of_gateway = template().api.responses.into_values().map(|response| {
            let body: Value = serde_json::from_str(&response.body).unwrap();
            body["error_code"].as_str().unwrap().to_owned()
        });
        assert_eq!(documented, of_functions.chain(of_gateway).collect());

        let is_code = |word: &&str| word.len() == 11 && word.split('-').map(str::len).eq([3; 3]);
        let prose = include_str!("../../docs/api.md").split('`');
        let explained = prose.filter(is_code).map(str::to_owned).collect();
        assert_eq!(documented, explained);
    }

    fn answer(status: u16, headers: &BTreeMap<String, String>, text: &str) -> Answer {
        let headers = headers.iter();
        let headers = headers.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        Answer {
            status,
            headers: headers
                .chain([("x-amzn-requestid".parse().unwrap(), ID.parse().unwrap())])
                .collect(),
            text: text.to_owned(),
        }
    }

    /// The document is compared with the template, since no test can bring most of these responses about.
    #[test]
    fn what_the_gateway_answers_by_itself_is_described_for_every_route() {
        let Api {
            routes, responses, ..
        } = template().api;
        for (kind, response) in &responses {
            for route in routes.iter().filter(|route| route.method != "OPTIONS") {
                let path = match kind.as_str() {
                    "MISSING_AUTHENTICATION_TOKEN" => "/elsewhere",
                    _ => &route.path,
                };
                let body = response
                    .body
                    .replace("$context.path", path)
                    .replace("$context.requestId", ID);
                let answer = answer(response.status.unwrap(), &response.headers, &body);
                assert_described(&route.method.parse().unwrap(), path, &answer);
            }
        }
    }

    #[test]
    fn an_undescribed_response_is_noticed() {
        let applied = r#"{"outcome":"applied"}"#;
        let mut headers = template().api.responses["DEFAULT_4XX"].headers.clone();
        headers.retain(|name, _| !name.starts_with("Access-Control"));
        let describes = |status, header: &str, value: &str, text| {
            let mut headers = headers.clone();
            headers.insert("Content-Type".to_owned(), "application/json".to_owned());
            headers.insert(header.to_owned(), value.to_owned());
            DOCUMENT.describes(&Method::POST, WEBHOOK, &answer(status, &headers, text))
        };
        assert_eq!(describes(200, "Cache-Control", "no-store", applied), Ok(()));
        for (status, header, value, text) in [
            (201, "Cache-Control", "no-store", applied),
            (200, "Cache-Control", "public", applied),
            (200, "Content-Type", "text/html", applied),
            (200, "Server", "us", applied),
            (200, "Date", "now", r#"{"outcome":"done"}"#),
            (200, "Date", "now", r#"{"outcome":"applied","more":1}"#),
            (200, "Date", "now", "{}"),
            (200, "Date", "now", ""),
        ] {
            let result = describes(status, header, value, text);
            assert!(result.is_err(), "{status} {header}: {value} {text}");
        }
        headers.remove("Cache-Control");
        headers.insert("Content-Type".to_owned(), "application/json".to_owned());
        let result = DOCUMENT.describes(&Method::POST, WEBHOOK, &answer(200, &headers, applied));
        assert_eq!(result, Err("Cache-Control is missing".to_owned()));
    }
}

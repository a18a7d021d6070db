//! The services that the functions reach over TLS: `DynamoDB`, Secrets Manager and the provider. Every response is constant
//! and in memory, because the functions are measured, not the services.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use local::token::Signer;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::{Request, response, serve};
use crate::issuer;

/// A name instead of an address, so that clients resolve it as they do in production.
const HOST: &str = "localhost";

/// The names of the tables. All hold the same user in different states.
pub(super) mod table {
    /// The user is pending.
    pub(crate) const NEW: &str = "users-new";
    /// The user is in review.
    pub(crate) const WAITING: &str = "users-waiting";
    /// The user is approved.
    pub(crate) const APPROVED: &str = "users-approved";
    /// The user is approved, and the delivery with the approval is stored.
    pub(crate) const DELIVERED: &str = "users-delivered";
    /// The events that were dealt with.
    pub(crate) const DELIVERIES: &str = "deliveries";
}

/// The running services.
pub(super) struct Endpoints {
    pub(super) dynamodb: String,
    pub(super) secrets: String,
    pub(super) provider: String,
    /// A file with Mozilla's roots and ours.
    pub(super) roots: PathBuf,
    /// A file with our root only, for programs that have Mozilla's roots built in.
    pub(super) own_root: PathBuf,
    _directory: TempDir,
}

/// Returns the whole HTTP response to a request.
type Responder = Box<dyn Fn(&Request) -> Vec<u8> + Send + Sync>;

impl Endpoints {
    /// Starts the services. They run until the process ends.
    pub(super) fn start() -> Self {
        let (config, root) = identity();
        let directory = tempfile::tempdir().unwrap();
        let (roots, own_root) = (
            directory.path().join("roots.pem"),
            directory.path().join("own.pem"),
        );
        let known = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
        let known: String = known.map(pem).collect();
        fs::write(&roots, known + &pem(&root)).unwrap();
        fs::write(&own_root, pem(&root)).unwrap();
        Self {
            dynamodb: spawn(&config, dynamodb()),
            secrets: spawn(&config, secrets()),
            provider: spawn(&config, provider()),
            roots,
            own_root,
            _directory: directory,
        }
    }
}

/// Creates a root, and the services' TLS configuration with a certificate that it signed.
fn identity() -> (Arc<ServerConfig>, CertificateDer<'static>) {
    let root_key = KeyPair::generate().unwrap();
    let mut root = CertificateParams::default();
    root.distinguished_name
        .push(DnType::CommonName, "cargo speed");
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    root.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let root_certificate = root.self_signed(&root_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut leaf = CertificateParams::new([HOST.to_owned()]).unwrap();
    leaf.use_authority_key_identifier_extension = true;
    let leaf = leaf.signed_by(&key, &Issuer::new(root, root_key)).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    (Arc::new(config), root_certificate.der().clone())
}

fn pem(certificate: &CertificateDer<'_>) -> String {
    let text = BASE64_STANDARD.encode(certificate);
    let lines = text.as_bytes().chunks(64).map(String::from_utf8_lossy);
    let lines: Vec<_> = lines.collect();
    let lines = lines.join("\n");
    format!("-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n")
}

fn spawn(config: &Arc<ServerConfig>, respond: Responder) -> String {
    let listener = TcpListener::bind((HOST, 0)).unwrap();
    let url = format!("https://{HOST}:{}", listener.local_addr().unwrap().port());
    let (config, respond) = (Arc::clone(config), Arc::new(respond));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream: TcpStream = stream.unwrap();
            stream.set_nodelay(true).unwrap();
            let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
            let respond = Arc::clone(&respond);
            thread::spawn(move || {
                serve(StreamOwned::new(tls, stream), |request| {
                    Some(respond(&request))
                });
            });
        }
    });
    url
}

fn dynamodb() -> Responder {
    let aws = |body: &Value| {
        let headers = "x-amzn-requestid: 0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEF\r\n";
        response(
            200,
            "application/x-amz-json-1.0",
            headers,
            body.to_string().as_bytes(),
        )
    };
    let mut reads = BTreeMap::new();
    for (table, user) in [
        (table::NEW, user(1, &json!({}))),
        (table::WAITING, user(3, &waiting())),
        (table::APPROVED, user(4, &approved())),
        (table::DELIVERED, user(4, &approved())),
    ] {
        let delivery = json!({ "user_id": { "S": "usr_abc123" }, "event_key": { "S": "0" },
            "kind": { "S": "applicantReviewed" }, "expires_at": { "N": "4102444800" } });
        let deliveries = Vec::from_iter((table == table::DELIVERED).then_some(delivery));
        let several = json!({ "Responses": { table: [user.clone()], table::DELIVERIES: deliveries }, "UnprocessedKeys": {} });
        reads.insert(table, (user.clone(), aws(&several)));
    }
    let none = aws(&json!({ "Items": [], "Count": 0, "ScannedCount": 0 }));
    let done = aws(&json!({}));
    // The answers to all reads of a user so far. A process asks the same again and again.
    let users: Mutex<HashMap<Vec<u8>, Vec<u8>>> = Mutex::default();
    Box::new(move |request| {
        let read = || {
            let mut known = reads.iter();
            known.find_map(|(table, read)| contains(&request.body, table).then_some(read))
        };
        match request.operation.as_str() {
            // In any other table there is nothing: nobody was erased.
            "GetItem" => read().map_or_else(
                || done.clone(),
                |(user, _)| {
                    let mut users = users.lock().unwrap();
                    let answer = || aws(&json!({ "Item": projected(user, &request.body) }));
                    let known = users.entry(request.body.clone());
                    known.or_insert_with(answer).clone()
                },
            ),
            "BatchGetItem" => read().unwrap().1.clone(),
            "Query" => none.clone(),
            "PutItem" | "TransactWriteItems" | "UpdateItem" => done.clone(),
            other => panic!("DynamoDB is asked for {other}"),
        }
    })
}

/// Returns the attributes that a read asks for.
fn projected(item: &Value, request: &[u8]) -> Value {
    let request: Value = serde_json::from_slice(request).unwrap();
    let Some(expression) = request["ProjectionExpression"].as_str() else {
        return item.clone();
    };
    let names = expression.split(", ").map(|name| {
        let meant = request["ExpressionAttributeNames"][name].as_str();
        meant.unwrap_or(name)
    });
    let present = names.filter_map(|name| Some((name.to_owned(), item.get(name)?.clone())));
    present.collect::<serde_json::Map<_, _>>().into()
}

fn user(version: u32, members: &Value) -> Value {
    let mut user = json!({ "user_id": { "S": "usr_abc123" },
        "version": { "N": version.to_string() }, "onboarding_step": { "S": "kyc_verification" } });
    let members = members.as_object().unwrap().clone();
    user.as_object_mut().unwrap().extend(members);
    user
}

fn waiting() -> Value {
    json!({ "status": { "S": "in_progress" }, "reported_at": { "N": "1704103320123" },
        "applicant_id": { "S": "65abc123def4560000000000" }, "started_at": { "N": "1704103200000" },
        "session_at": { "N": "1704103200000" }, "waiting_since": { "N": "1704103320123" },
        "history_sequence": { "N": "1" }, "due_in": { "S": "in_flight#7" }, "due_at": { "N": "1704104100000" } })
}

fn approved() -> Value {
    json!({ "status": { "S": "approved" }, "onboarding_step": { "S": "open_banking" },
        "reported_at": { "N": "1704103380123" }, "decided_at": { "N": "1704103380000" },
        "applicant_id": { "S": "65abc123def4560000000000" }, "started_at": { "N": "1704103200000" },
        "first_name": { "S": "Jane" }, "last_names": { "S": "Smith" },
        "documents": { "L": [{ "M": { "document_type": { "S": "PASSPORT" }, "status": { "S": "verified" },
            "submitted_at": { "N": "1704103320000" } } }] },
        "documents_read_at": { "N": "1704103380123" }, "session_at": { "N": "1704103200000" },
        "waiting_since": { "N": "1704103380123" }, "history_sequence": { "N": "2" },
        "due_in": { "S": "decided#7" }, "due_at": { "N": "1704190200000" } })
}

fn secrets() -> Responder {
    let signer = Signer::development().unwrap();
    let mut secrets = local::development_secrets(&signer);
    secrets.insert("JwksSecret".to_owned(), issuer::keys());
    let secrets: Vec<_> = secrets
        .into_iter()
        .map(|(name, value)| {
            let arn = format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}-000000");
            let body = json!({ "ARN": arn, "Name": name, "SecretString": value.to_string(),
                "VersionId": "0123456789abcdef0123456789abcdef", "VersionStages": ["AWSCURRENT"],
                "CreatedDate": 1_704_067_200 });
            let body = body.to_string();
            let answer = response(200, "application/x-amz-json-1.1", "", body.as_bytes());
            (name, answer)
        })
        .collect();
    Box::new(move |request| {
        let mut secrets = secrets.iter();
        let asked = secrets.find(|(name, _)| contains(&request.body, name));
        asked.unwrap().1.clone()
    })
}

fn provider() -> Responder {
    let json = |body: &str| response(200, "application/json", "", body.as_bytes());
    let applicant = json(include_str!("provider/applicant.json"));
    let documents = json(include_str!("provider/documents.json"));
    let token =
        json!({ "token": format!("_act-sbx-jwt-{}", "0".repeat(128)), "userId": "usr_abc123" });
    let token = json(&token.to_string());
    Box::new(move |request| match request.path.as_str() {
        "/resources/accessTokens/sdk" => token.clone(),
        path if path.ends_with("/one") => applicant.clone(),
        path if path.ends_with("/metadata/resources") => documents.clone(),
        other => panic!("the provider is asked for {other}"),
    })
}

fn contains(body: &[u8], name: &str) -> bool {
    body.windows(name.len())
        .any(|window| window == name.as_bytes())
}

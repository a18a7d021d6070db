//! TLS of everything that a function connects to.

use std::sync::{Arc, LazyLock};

use rustls::{ClientConfig, RootCertStore};

/// rustls with ring and the roots of the machine. Reading them takes more time than anything else at start-up, so it is done once.
static CONFIG: LazyLock<ClientConfig> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (_, unreadable) = roots.add_parsable_certificates(found.certs);
    if roots.is_empty() || unreadable > 0 || !found.errors.is_empty() {
        let (usable, errors) = (roots.len(), found.errors.len());
        tracing::warn!(usable, unreadable, errors, "roots that cannot be read");
    }
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(ring).with_safe_default_protocol_versions();
    #[expect(
        clippy::expect_used,
        reason = "ring has cipher suites for TLS 1.2 and 1.3"
    )]
    let versions = versions.expect("the versions of TLS are known");
    versions.with_root_certificates(roots).with_no_client_auth()
});

/// The configuration. All connections share one store of sessions.
pub(crate) fn config() -> ClientConfig {
    CONFIG.clone()
}

/// A builder of HTTP clients that use it, and follow no redirects.
pub(crate) fn http_client() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(config())
        .redirect(reqwest::redirect::Policy::none())
}

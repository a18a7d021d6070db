//! TLS for every connection that a function opens.

use std::env;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use rustls::{ClientConfig, RootCertStore};
use webpki_roots::TLS_SERVER_ROOTS;

use super::chain;

/// rustls with ring, and the roots that Mozilla trusts. They are in the binary, since reading those of the machine took more
/// time than anything else at start-up (docs/performance.md).
static CONFIG: LazyLock<ClientConfig> = LazyLock::new(|| {
    let mut roots = RootCertStore {
        roots: TLS_SERVER_ROOTS.to_vec(),
    };
    // For whoever has an authority of their own.
    match env::var_os("SSL_CERT_FILE").map(|file| add(&mut roots, file)) {
        None | Some(Ok(0)) => {}
        Some(Ok(unusable)) => tracing::warn!(unusable, "roots of SSL_CERT_FILE are left out"),
        Some(Err(error)) => {
            tracing::warn!(error = %chain(&error), "the roots of SSL_CERT_FILE cannot be read");
        }
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

/// Adds the roots of a PEM file. Returns the number of unusable ones.
fn add(roots: &mut RootCertStore, file: impl AsRef<Path>) -> Result<usize, pem::Error> {
    let more: Vec<_> = CertificateDer::pem_file_iter(file)?.collect::<Result<_, _>>()?;
    let (_, unusable) = roots.add_parsable_certificates(more);
    Ok(unusable)
}

/// Returns the TLS configuration. All connections share one session store.
pub(crate) fn config() -> ClientConfig {
    CONFIG.clone()
}

/// The name in `User-Agent`. AWS's core rule set, before many issuers, refuses requests without one (`NoUserAgent_HEADER`).
const USER_AGENT: &str = concat!("kyc-api/", env!("CARGO_PKG_VERSION"));

/// Returns an HTTP client that uses the configuration and follows no redirects. `bounds` sets its timeouts.
pub(crate) fn http_client(
    bounds: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
) -> reqwest::Client {
    let client = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .tls_backend_preconfigured(config())
        .redirect(reqwest::redirect::Policy::none());
    #[expect(
        clippy::expect_used,
        reason = "start-up; fails only for a TLS configuration that reqwest does not know"
    )]
    bounds(client).build().expect("an HTTP client can be built")
}

#[cfg(test)]
mod tests {
    use base64::prelude::*;

    use super::*;

    #[test]
    fn an_authority_of_our_own_is_trusted_beside_the_others() {
        let own = rcgen::generate_simple_self_signed(["kyc.test".to_owned()]).unwrap();
        let pem = |certificate: &[u8]| {
            let text = BASE64_STANDARD.encode(certificate);
            format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
        };
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, pem(b"no certificate") + &pem(own.cert.der())).unwrap();
        let mut roots = RootCertStore {
            roots: TLS_SERVER_ROOTS.to_vec(),
        };
        let known = roots.len();
        assert_eq!(add(&mut roots, &file).unwrap(), 1);
        assert!(known > 100);
        assert_eq!(roots.len(), known + 1);
        assert!(add(&mut roots, "/nowhere").is_err());
    }
}

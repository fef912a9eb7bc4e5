//! TLS: whom we believe, and who we say we are.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use datalake_core::{Error, Result, Secret};

/// TLS 1.2 and 1.3 by rustls and ring, trusting the authorities given (PEM) and, unless there is nobody to speak TLS
/// with, those of the system. With an identity, a chain of certificates and a key (PEM), that is shown to who asks.
///
/// # Errors
/// `ConfigInvalid` if a certificate or the key cannot be used, or there is no authority to trust.
pub(crate) fn config(
    trusted: &[u8],
    secure: bool,
    identity: Option<(&[u8], &Secret)>,
) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    if secure {
        let native = rustls_native_certs::load_native_certs();
        for error in &native.errors {
            tracing::debug!(?error, "a certificate of the system cannot be read");
        }
        roots.add_parsable_certificates(native.certs);
    }
    for certificate in CertificateDer::pem_slice_iter(trusted) {
        let certificate = certificate
            .map_err(|cause| Error::config("a trusted certificate is no PEM").caused_by(cause.to_string()))?;
        roots.add(certificate).map_err(|cause| {
            Error::config("a trusted certificate cannot be used").caused_by(cause.to_string())
        })?;
    }
    if secure && roots.is_empty() {
        return Err(Error::config("there is no certificate authority to trust"));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let versions =
        versions.map_err(|cause| Error::unexpected("TLS cannot be set up").caused_by(cause.to_string()))?;
    let config = versions.with_root_certificates(roots);
    let Some((chain, key)) = identity else { return Ok(config.with_no_client_auth()) };
    let chain: Vec<_> = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<_, _>>()
        .map_err(|cause| Error::config("the client certificate is no PEM").caused_by(cause.to_string()))?;
    if chain.is_empty() {
        return Err(Error::config("the client certificate is no PEM"));
    }
    let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes())
        .map_err(|_| Error::config("the key of the client certificate is no PEM"))?;
    config.with_client_auth_cert(chain, key).map_err(|cause| {
        Error::config("the client certificate and its key cannot be used").caused_by(cause.to_string())
    })
}

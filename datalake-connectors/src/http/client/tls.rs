//! Whom we believe.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use datalake_core::{Error, Result};

/// TLS 1.2 and 1.3 by rustls and ring, trusting the authorities given (PEM) and, unless there is nobody to speak TLS
/// with, those of the system.
pub(super) fn config(trusted: &[u8], secure: bool) -> Result<ClientConfig> {
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
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}

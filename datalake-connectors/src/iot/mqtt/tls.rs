//! Whom we believe, and who we say we are.

use std::sync::Arc;

use datalake_core::{Credential, Error, Result, Secret};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

/// TLS settings.
#[derive(Debug, Clone, Default)]
pub(super) struct Tls {
    /// Authorities to trust beside those of the system, PEM.
    pub(super) trusted: Vec<u8>,
    /// A chain of certificates, PEM, and its key.
    pub(super) identity: Option<(Vec<u8>, Credential)>,
    /// Application protocols to offer.
    pub(super) alpn: Vec<Vec<u8>>,
}

impl Tls {
    /// TLS 1.2 and 1.3 by rustls and ring. The name of the host is always sent.
    ///
    /// # Errors
    /// `ConfigInvalid` if a certificate or key cannot be used; what kept the key from being looked up.
    pub(super) async fn connector(&self) -> Result<TlsConnector> {
        let key = match &self.identity {
            Some((_, key)) => Some(key.current().await?),
            None => None,
        };
        self.config(key.as_ref()).map(|config| TlsConnector::from(Arc::new(config)))
    }

    /// What can be checked without looking anything up.
    pub(super) fn check(&self) -> Result<()> {
        let key = self.identity.as_ref().map(|(_, key)| key.value());
        if matches!(key, Some(None)) {
            return Ok(());
        }
        self.config(key.flatten()).map(drop)
    }

    fn config(&self, key: Option<&Secret>) -> Result<ClientConfig> {
        let mut roots = RootCertStore::empty();
        let native = rustls_native_certs::load_native_certs();
        for error in &native.errors {
            tracing::debug!(?error, "a certificate of the system cannot be read");
        }
        roots.add_parsable_certificates(native.certs);
        for certificate in CertificateDer::pem_slice_iter(&self.trusted) {
            let certificate = certificate.map_err(|cause| {
                Error::config("a trusted certificate is no PEM").caused_by(cause.to_string())
            })?;
            roots.add(certificate).map_err(|cause| {
                Error::config("a trusted certificate cannot be used").caused_by(cause.to_string())
            })?;
        }
        if roots.is_empty() {
            return Err(Error::config("there is no certificate authority to trust"));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|cause| Error::unexpected("TLS cannot be set up").caused_by(cause.to_string()))?;
        let config = versions.with_root_certificates(roots);
        let mut config = match (&self.identity, key) {
            (Some((chain, _)), Some(key)) => {
                let (chain, key) = identity(chain, key)?;
                config.with_client_auth_cert(chain, key).map_err(|cause| {
                    Error::config("the client certificate and its key cannot be used")
                        .caused_by(cause.to_string())
                })?
            }
            _ => config.with_no_client_auth(),
        };
        config.alpn_protocols.clone_from(&self.alpn);
        Ok(config)
    }
}

fn identity(chain: &[u8], key: &Secret) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<_, _>>()
        .map_err(|cause| Error::config("the client certificate is no PEM").caused_by(cause.to_string()))?;
    if chain.is_empty() {
        return Err(Error::config("the client certificate is no PEM"));
    }
    let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes())
        .map_err(|_| Error::config("the key of the client certificate is no PEM"))?;
    Ok((chain, key))
}

/// Whether one side does not trust the other: trying again as it is does not help.
pub(super) fn is_distrust(error: &rustls::Error) -> bool {
    use rustls::AlertDescription as Alert;
    match error {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => true,
        rustls::Error::AlertReceived(alert) => matches!(
            alert,
            Alert::AccessDenied
                | Alert::BadCertificate
                | Alert::CertificateExpired
                | Alert::CertificateRequired
                | Alert::CertificateRevoked
                | Alert::CertificateUnknown
                | Alert::UnknownCA
                | Alert::UnsupportedCertificate
        ),
        _ => false,
    }
}

/// The name that the broker's certificate must be for.
pub(super) fn name(host: &str) -> Result<ServerName<'static>> {
    ServerName::try_from(host.to_owned())
        .map_err(|cause| Error::config("the host is no name that a certificate can be for").caused_by(cause))
}

#[cfg(test)]
mod tests {
    use rustls::{AlertDescription, CertificateError, Error};

    use super::is_distrust;

    #[test]
    fn only_what_is_about_certificates_is_for_good() {
        assert!(is_distrust(&Error::InvalidCertificate(CertificateError::UnknownIssuer)));
        assert!(is_distrust(&Error::AlertReceived(AlertDescription::UnknownCA)));
        assert!(!is_distrust(&Error::AlertReceived(AlertDescription::InternalError)));
        assert!(!is_distrust(&Error::HandshakeNotComplete));
    }
}

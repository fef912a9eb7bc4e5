//! TLS to a broker.

use std::sync::Arc;

use datalake_core::{Credential, Error, Result, Secret};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
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
        let identity = self.identity.as_ref().zip(key).map(|((chain, _), key)| (&**chain, key));
        let mut config = crate::tls::config(&self.trusted, true, identity)?;
        config.alpn_protocols.clone_from(&self.alpn);
        Ok(config)
    }
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

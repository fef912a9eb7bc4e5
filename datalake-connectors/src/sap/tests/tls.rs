//! A gateway behind TLS that wants to see a client certificate.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::*;
use datalake_core::ErrorKind;

/// An authority, and what it has signed for a name: the certificate and its key.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn sign(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.0).unwrap(), key)
    }
}

/// The origin of a door to a gateway that lets those in whom the authority knows.
async fn door(authority: &Authority, gateway: &Gateway) -> String {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(authority.0.der().clone()).unwrap();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let (certificate, key) = authority.sign("localhost");
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let inside = gateway.url().trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, inside) = (acceptor.clone(), inside.clone());
            tokio::spawn(async move {
                let Ok(mut outer) = acceptor.accept(stream).await else { return };
                let mut inner = TcpStream::connect(inside).await.unwrap();
                tokio::io::copy_bidirectional(&mut outer, &mut inner).await.ok();
            });
        }
    });
    origin
}

#[tokio::test]
async fn a_client_certificate_opens_the_door_and_another_does_not() {
    let gateway = Gateway::start().await.unwrap();
    (0..3).for_each(|n| gateway.system().create(SALES_ORDERS, order(n)));
    let (authority, other) = (Authority::new(), Authority::new());
    let origin = door(&authority, &gateway).await;
    let root = gateway.v2().replace(&gateway.url(), &origin);
    let source = |signer: &Authority| {
        let (certificate, key) = signer.sign("lake");
        SapSource::builder(Dataset::new("d").unwrap(), root.as_str(), SALES_ORDERS)
            .auth(Auth::certificate(certificate.pem(), key.serialize_pem()))
            .trust(authority.0.pem())
            .timeout(Duration::from_secs(10))
    };
    assert_eq!(orders(&drain(&mut at(&source(&authority), None).await).await.unwrap()).len(), 3);
    let shown = format!("{:?} {:?}", source(&authority), source(&authority).build());
    assert!(!shown.contains("PRIVATE KEY"), "{shown}");
    let found = error(&mut at(&source(&other), None).await).await;
    assert_eq!(found.kind(), ErrorKind::Unavailable, "{found}");
}

//! Over TLS.

use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::server::{Reply, serve};
use super::{at, builder, error, read};
use datalake_core::ErrorKind;

/// A server with a certificate of its own making: its port and the certificate.
async fn server() -> (u16, String) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".into()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                tokio::spawn(serve(stream, Arc::new(|_| Reply::json("[1]")), Arc::default()));
            }
        }
    });
    (port, cert.pem())
}

#[tokio::test]
async fn a_certificate_that_is_trusted_is_good_and_another_is_not() {
    let (port, pem) = server().await;
    let source = builder(&format!("https://localhost:{port}/x"));
    assert_eq!(read(&source.clone().trust(pem), None).await.0, ["1"]);
    let (_, other) = server().await;
    let found = error(&mut at(&source.trust(other), None).await).await;
    assert_eq!(found.kind(), ErrorKind::Unavailable);
    assert!(found.to_string().contains("certificate"), "{found}");
}

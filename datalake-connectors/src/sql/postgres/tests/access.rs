//! TLS, passwords and who may read.

use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;

use super::{Cluster, PostgresSource, database, dataset, numbers, read};
use datalake_core::{ErrorKind, Secrets};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_server_is_believed_by_its_certificate_and_its_name() {
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    let Some(cluster) = Cluster::builder("TLS with PostgreSQL") else { return };
    let cluster = cluster.tls(&certificate.pem(), &key.serialize_pem()).start();
    let database = cluster.database();
    database.sql(
        "CREATE ROLE reader LOGIN PASSWORD 's3cr3t'; CREATE VIEW t AS SELECT 1 AS id, ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid();
         GRANT SELECT ON t TO reader",
    );
    let source = |parameters: &str| {
        let url = format!("{}{parameters}", database.url_of("reader:s3cr3t"));
        PostgresSource::table(dataset(), url, "t").key(["id"]).connect_timeout(Duration::from_secs(10))
    };
    let trusting = source("?sslmode=verify-full").trust(certificate.pem());
    let read_by_tls = super::records(&read(&trusting, None).await.unwrap());
    assert_eq!(read_by_tls, [serde_json::json!({"id": 1, "ssl": true})]);
    let plain = super::records(&read(&source("?sslmode=disable"), None).await.unwrap());
    assert_eq!(plain, [serde_json::json!({"id": 1, "ssl": false})]);
    let error = read(&source("?sslmode=require"), None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{error}");
    // The name counts too.
    let named = database.url_of("reader:s3cr3t").replace("127.0.0.1", "localhost") + "?sslmode=require";
    let named = PostgresSource::table(dataset(), named, "t").key(["id"]).trust(certificate.pem());
    let error = read(&named, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_server_without_tls_is_not_spoken_to_in_plain_text() {
    let Some(database) = database() else { return };
    let url = database.url() + "?sslmode=require";
    let error = read(&PostgresSource::table(dataset(), url, "t"), None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_rotated_password_costs_nothing() {
    let Some(database) = database() else { return };
    let role = format!("rotated_{}", database.name());
    database.sql(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'first-0123'; CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1);
         GRANT SELECT ON t TO {role}"
    ));
    let place = TempDir::new().unwrap();
    let file = place.path().join("password");
    std::fs::write(&file, "first-0123").unwrap();
    let password = Secrets::new().credential(&format!("file:{}", file.display())).unwrap();
    let source = PostgresSource::table(dataset(), database.url_of(&role), "t").password(password);
    assert_eq!(numbers(&read(&source, None).await.unwrap(), "id"), [1]);
    database.sql(&format!("ALTER ROLE {role} PASSWORD 'second-0123'"));
    let error = read(&source, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(!format!("{error} {error:?} {source:?}").contains("-0123"), "{error}");
    std::fs::write(&file, "second-0123").unwrap();
    assert_eq!(numbers(&read(&source, None).await.unwrap(), "id"), [1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn nobody_at_the_address_is_told_as_such() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let source =
        PostgresSource::table(dataset(), format!("postgres://me:s3cr3t-0123@127.0.0.1:{port}/d"), "t");
    let error = read(&source, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.is_retryable());
    assert!(!format!("{error:?}").contains("s3cr3t"));
}

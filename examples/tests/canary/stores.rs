//! Secrets out of the stores of AWS, and the credentials they are looked up with.

use datalake_aws::secretsmanager::SecretsManagerSecrets;
use datalake_aws::ssm::SsmSecrets;
use datalake_core::{ErrorKind, SecretStore, Secrets};
use serde_json::json;

use super::aws::Keys;
use super::peer::{Answer, Peer};
use super::silo::told;
use super::watch::{Canary, log, search};

/// A store that gives `/good` by an answer and fails everything else, each in its way. A refusal of the signature and an
/// answer that is none repeat the words it was asked with and the secret itself.
async fn store(value: &Canary, answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Peer {
    let value = value.value.clone();
    Peer::start(move |request| {
        let header = |name: &str| {
            let line = request.lines().find(|line| line.to_ascii_lowercase().starts_with(name));
            line.and_then(|line| line.split_once(": ")).map_or("", |(_, value)| value)
        };
        let said = format!("{} {} {value}", header("authorization"), header("x-amz-security-token"));
        let mut headers = vec![("content-type", "application/x-amz-json-1.1".to_owned())];
        let refused = |status, code: &str, said: &str, headers| {
            Answer(status, headers, json!({ "__type": code, "message": said, "Message": said }).to_string())
        };
        if request.contains("/good") {
            return Answer(200, headers, answer(&value));
        }
        if request.contains("/denied") {
            return refused(400, "AccessDeniedException", "you may not", headers);
        }
        if request.contains("/unsigned") {
            return refused(400, "InvalidSignatureException", &said, headers);
        }
        if request.contains("/down") {
            return refused(503, "ServiceUnavailable", "not now", headers);
        }
        if request.contains("/torn") {
            return Answer(200, headers, format!("{{\"SecretString\":\"{said}"));
        }
        if request.contains("/odd") {
            let body = json!({ "SecretString": { "is": said }, "Parameter": said, "SecretBinary": said });
            return Answer(200, headers, body.to_string());
        }
        headers.push(("location", format!("http://elsewhere.example/{said}")));
        Answer(302, headers, said)
    })
    .await
}

/// Looks secrets up that are there and that are not, and searches for their value and the keys it was asked with.
async fn looks_up(store: impl SecretStore + std::fmt::Debug, keys: &Keys, value: &Canary, names: [&str; 2]) {
    log();
    let scheme = store.scheme();
    let mut shown = vec![format!("{store:?} {store:#?}")];
    let secrets = Secrets::new().store(store);
    for name in names {
        let key = secrets.credential(&format!("{scheme}:{name}")).unwrap();
        let found = key.current().await.unwrap();
        assert_eq!(found.expose(), value.value);
        shown.push(format!("{secrets:?} {key:?} {key:#?} {found:?} {:?}", key.instead_of(&found).await));
    }
    let mut met = Vec::new();
    let bad = ["/denied", "/unsigned", "/down", "/torn", "/odd", "/elsewhere", "/good#none", "/denied#none"];
    for name in bad {
        let key = secrets.credential(&format!("{scheme}:{name}")).unwrap();
        match key.current().await {
            Ok(found) => shown.push(format!("{found:?} {key:?}")),
            Err(error) => {
                met.push(error.kind());
                shown.push(format!("{} {key:?}", told(&error)));
            }
        }
    }
    for kind in [ErrorKind::PermissionDenied, ErrorKind::Unauthenticated, ErrorKind::Unavailable] {
        assert!(met.contains(&kind), "{kind:?} is not among {met:?}");
    }
    let [secret, token] = keys.all();
    search(&[value, secret, token], &shown, &[]);
}

#[tokio::test]
async fn a_parameter_and_the_credentials_it_is_read_with_are_nowhere() {
    let (keys, value) = (Keys::new("ssm"), Canary::new("parameter"));
    let peer =
        store(&value, |value| json!({ "Parameter": { "Type": "SecureString", "Value": value } }).to_string())
            .await;
    let store = SsmSecrets::new(&keys.config(&peer.url("/")).await);
    looks_up(store, &keys, &value, ["/good", "/good/other"]).await;
}

#[tokio::test]
async fn a_secret_of_secrets_manager_and_the_credentials_it_is_read_with_are_nowhere() {
    let (keys, value) = (Keys::new("manager"), Canary::new("managed"));
    let peer = store(&value, |value| {
        json!({ "Name": "/good", "SecretString": json!({ "password": value, "port": 1 }).to_string() })
            .to_string()
    })
    .await;
    let store = SecretsManagerSecrets::new(&keys.config(&peer.url("/")).await);
    looks_up(store, &keys, &value, ["/good#password", "/good/other#password"]).await;
}

//! Secrets in Secrets Manager.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use datalake_core::{Error, ErrorKind, Result, Secret, SecretRef, SecretStore};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::{config, error};

/// Secrets by name or ARN: `secretsmanager:id`, or one string of a JSON object: `secretsmanager:id#key`. The version is
/// the current one.
///
/// A worker needs `secretsmanager:GetSecretValue` on the secret and, if it has a key of its own, `kms:Decrypt` on that.
#[derive(Debug, Clone)]
pub struct SecretsManagerSecrets {
    client: Client,
}

impl SecretsManagerSecrets {
    /// The Secrets Manager of a configuration's account and region.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(&config::disciplined(config)) }
    }
}

#[async_trait]
impl SecretStore for SecretsManagerSecrets {
    fn scheme(&self) -> &'static str {
        "secretsmanager"
    }

    async fn fetch(&self, name: &SecretRef) -> Result<Secret> {
        let got = self.client.get_secret_value().secret_id(name.id()).send().await;
        let got = got.map_err(|cause| error::classify("the secret was not read", &cause))?;
        let text = got.secret_string.map(Zeroizing::new);
        let text =
            text.ok_or_else(|| Error::new(ErrorKind::Unsupported, "the secret is binary and not text"))?;
        match name.key() {
            Some(key) => member(&text, key),
            None => Ok(Secret::new(text.as_str())),
        }
    }
}

/// A member of an object: a string or a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Member {
    Text(String),
    Number(serde_json::Number),
    Other(serde::de::IgnoredAny),
}

/// One string of a JSON object. Causes are left out of the errors, since they quote the text.
fn member(text: &str, key: &str) -> Result<Secret> {
    let mut members: BTreeMap<String, Member> =
        serde_json::from_str(text).map_err(|_| Error::config("the secret is no JSON object"))?;
    match members.remove(key) {
        Some(Member::Text(text)) => Ok(Secret::new(text)),
        Some(Member::Number(number)) => Ok(Secret::new(number.to_string())),
        Some(Member::Other(_)) => Err(Error::config("the member of the secret is no string")),
        None => Err(Error::new(ErrorKind::NotFound, "the secret has no such member")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_string_is_taken_out_of_an_object() {
        let text = r#"{"user":"me","password":"s3\"cr3t","port":5432,"more":["s3cr3t"]}"#;
        assert_eq!(member(text, "password").unwrap().expose(), "s3\"cr3t");
        assert_eq!(member(text, "port").unwrap().expose(), "5432");
        for (text, key, kind) in [
            (text, "more", ErrorKind::ConfigInvalid),
            (text, "none", ErrorKind::NotFound),
            ("s3cr3t", "a", ErrorKind::ConfigInvalid),
            (r#"{"a":s3cr3t}"#, "a", ErrorKind::ConfigInvalid),
            (r#"["s3cr3t"]"#, "a", ErrorKind::ConfigInvalid),
        ] {
            let error = member(text, key).unwrap_err();
            assert_eq!(error.kind(), kind);
            assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{error}");
        }
    }
}

//! Secrets of AWS, kept by the emulators that `DATALAKE_MINISTACK` and `DATALAKE_LOCALSTACK` name.

#![cfg(all(feature = "secretsmanager", feature = "ssm"))]
#![allow(clippy::print_stderr, clippy::unwrap_used, reason = "these are tests")]

use std::time::{SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_ssm::types::ParameterType;
use datalake_aws::SdkConfig;
use datalake_aws::config::Settings;
use datalake_aws::secretsmanager::SecretsManagerSecrets;
use datalake_aws::ssm::SsmSecrets;
use datalake_core::{ErrorKind, Secrets};

/// The configurations of the emulators that run, each with its name.
async fn emulators() -> Vec<(&'static str, SdkConfig)> {
    let mut found = Vec::new();
    for variable in ["DATALAKE_MINISTACK", "DATALAKE_LOCALSTACK"] {
        let Ok(endpoint) = std::env::var(variable) else {
            eprintln!("left out: {variable} names no emulator; `cargo xtask test` starts one");
            continue;
        };
        let config = Settings::new().region("eu-central-1").endpoint(endpoint).load().await;
        let credentials = Credentials::new("test", "test", None, None, "test");
        let provider = SharedCredentialsProvider::new(credentials);
        found.push((variable, config.into_builder().credentials_provider(provider).build()));
    }
    found
}

/// A name that no other run has used.
fn unique(name: &str) -> String {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    format!("{name}-{}-{nanos}", std::process::id())
}

async fn put(client: &aws_sdk_ssm::Client, name: &str, value: &str) {
    let put = client.put_parameter().name(name).value(value).r#type(ParameterType::SecureString);
    put.overwrite(true).send().await.unwrap();
}

#[tokio::test]
async fn a_parameter_is_read_by_name_and_by_path_and_again_when_it_is_rotated() {
    for (emulator, config) in emulators().await {
        let client = aws_sdk_ssm::Client::new(&config);
        for name in [unique("key"), unique("/datalake/test/key")] {
            put(&client, &name, "s3cr3t-1").await;
            let secrets = Secrets::new().store(SsmSecrets::new(&config));
            let key = secrets.credential(&format!("ssm:{name}")).unwrap();
            let old = key.current().await.unwrap();
            assert_eq!(old.expose(), "s3cr3t-1", "{emulator}: decrypted");
            assert!(key.instead_of(&old).await.unwrap().is_none(), "{emulator}");
            put(&client, &name, "s3cr3t-2").await;
            assert_eq!(key.current().await.unwrap().expose(), "s3cr3t-1", "{emulator}: kept");
            assert_eq!(key.instead_of(&old).await.unwrap().unwrap().expose(), "s3cr3t-2", "{emulator}");
            client.delete_parameter().name(&name).send().await.unwrap();
            let error = key.instead_of(&key.current().await.unwrap()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound, "{emulator}: {error}");
            assert!(error.to_string().contains(&format!("secret: ssm:{name}")), "{error}");
            assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_secret_is_read_whole_or_one_member_of_it() {
    for (emulator, config) in emulators().await {
        let client = aws_sdk_secretsmanager::Client::new(&config);
        let name = unique("datalake/login");
        let text = r#"{"user":"me","password":"s3cr3t"}"#;
        let made = match client.create_secret().name(&name).secret_string(text).send().await {
            Ok(made) => made,
            Err(error) if emulator == "DATALAKE_LOCALSTACK" => {
                eprintln!("left out: {emulator} has no Secrets Manager: {error}");
                continue;
            }
            Err(error) => panic!("{emulator}: {error:?}"),
        };
        let secrets = Secrets::new().store(SecretsManagerSecrets::new(&config));
        for id in [name.as_str(), made.arn().unwrap()] {
            for (key, value) in [("", text), ("#password", "s3cr3t"), ("#user", "me")] {
                let credential = secrets.credential(&format!("secretsmanager:{id}{key}")).unwrap();
                assert_eq!(credential.current().await.unwrap().expose(), value, "{emulator}");
            }
        }
        let missing =
            secrets.credential("secretsmanager:datalake/none").unwrap().current().await.unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound, "{emulator}: {missing}");
        let client = client.delete_secret().secret_id(&name).force_delete_without_recovery(true);
        client.send().await.unwrap();
    }
}

#[tokio::test]
async fn a_store_that_cannot_be_reached_is_worth_another_try() {
    let config = Settings::new().region("eu-central-1").endpoint("http://127.0.0.1:9").load().await;
    let credentials = Credentials::new("test", "test", None, None, "test");
    let config =
        config.into_builder().credentials_provider(SharedCredentialsProvider::new(credentials)).build();
    let secrets = Secrets::new().store(SsmSecrets::new(&config)).store(SecretsManagerSecrets::new(&config));
    for name in ["ssm:/shop/key", "secretsmanager:shop"] {
        let error = secrets.credential(name).unwrap().current().await.unwrap_err();
        assert!(error.is_retryable(), "{error}");
        assert!(error.to_string().contains(name), "{error}");
    }
}

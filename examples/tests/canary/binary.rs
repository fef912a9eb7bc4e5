//! A worker's own binary with credentials in its environment, as a function or a container has them.

use std::process::Command;

use datalake_simulators::lambda::Lambda;
use datalake_simulators::s3::{Fault, Op, Refusal, Rule, S3};
use tempfile::TempDir;

use super::watch::{Canary, content};
use super::web::echoing;

#[tokio::test(flavor = "multi_thread")]
async fn credentials_in_the_environment_of_a_worker_are_nowhere() {
    let (secret, token) = (Canary::new("env-key"), Canary::new("env-session"));
    let (s3, place) = (S3::start().await.unwrap(), TempDir::new().unwrap());
    let input = place.path().join("in.ndjson");
    std::fs::write(&input, "{\"n\":1}\nnonsense\n").unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hydrate"));
        command.args(["--lake", "s3://lake/p", "--dataset", "d", "--log", "trace"]).args(arguments);
        command.env("AWS_ENDPOINT_URL", s3.endpoint()).env("AWS_REGION", "eu-central-1");
        command.env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE").env("AWS_EC2_METADATA_DISABLED", "true");
        command.env("AWS_SECRET_ACCESS_KEY", &secret.value).env("AWS_SESSION_TOKEN", &token.value);
        tokio::task::block_in_place(|| command.output().unwrap())
    };
    let input = input.display().to_string();
    let drained = run(&["--input", &input]);
    assert!(drained.status.success(), "{drained:?}");
    s3.fail(Rule::new(Op::PutObject, Fault::Refused(Refusal::DENIED)).always());
    std::fs::write(&input, "{\"n\":1}\nnonsense\n{\"n\":2}\n").unwrap();
    let denied = run(&["--input", &input]);
    assert_eq!(denied.status.code(), Some(3), "{denied:?}");
    s3.calm();
    let status = run(&["verify"]);
    for output in [drained, denied, status] {
        assert!(output.stderr.len() > 10_000, "the logs are those of TRACE");
        for canary in [&secret, &token] {
            canary.is_not_in("standard output", &output.stdout);
            canary.is_not_in("standard error", &output.stderr);
        }
    }
    for key in s3.objects("lake") {
        content(&key, &s3.object("lake", &key).unwrap().bytes, &mut |name, bytes| {
            [&secret, &token].iter().for_each(|canary| canary.is_not_in(name, bytes));
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_in_the_environment_of_a_function_are_nowhere() {
    let (secret, session) = (Canary::new("fn-key"), Canary::new("fn-session"));
    let (shop, unused) = (Canary::new("fn-shop"), Canary::new("fn-unused"));
    let (s3, peer) = (S3::start().await.unwrap(), echoing(unused.value.clone()).await);
    s3.create_bucket("lake");
    let lambda = Lambda::builder()
        .env("SOURCE_URL", peer.url("/x"))
        .env("SECRET", "env:SHOP_TOKEN")
        .env("SHOP_TOKEN", &shop.value)
        .env("LAKE", "s3://lake/p")
        .env("RUST_LOG", "trace")
        .env("AWS_ENDPOINT_URL", s3.endpoint())
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", &secret.value)
        .env("AWS_SESSION_TOKEN", &session.value)
        .binary(env!("CARGO_BIN_EXE_sourcing_lambda"));
    let mut told = Vec::new();
    for _ in 0..4 {
        let invocation = lambda.invoke(serde_json::json!({})).await.unwrap();
        told.push(format!("{invocation:?} {:?}", invocation.outcome.json().map(|json| json.to_string())));
    }
    let logs = lambda.logs();
    assert!(logs.iter().any(|line| line.contains("TRACE")), "the logs are those of TRACE");
    assert!(!s3.objects("lake").is_empty(), "{told:?}");
    for canary in [&secret, &session, &shop] {
        told.iter().for_each(|text| canary.is_not_in("what is answered", text.as_bytes()));
        canary.is_not_in("the logs of the function", logs.join("\n").as_bytes());
        for key in s3.objects("lake") {
            let object = s3.object("lake", &key).unwrap();
            canary.is_not_in("what goes with an object", format!("{:?}", object.about).as_bytes());
            content(&key, &object.bytes, &mut |name, bytes| canary.is_not_in(name, bytes));
        }
    }
}

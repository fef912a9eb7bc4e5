//! A worker's own binary with credentials in its environment, as a function or a container has them.

use std::process::Command;

use datalake_simulators::s3::{Fault, Op, Refusal, Rule, S3};
use tempfile::TempDir;

use super::watch::{Canary, content};

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

//! The worker `sourcing_lambda`, the real program, in a Lambda on loopback.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::path::Path;
use std::time::{Duration, Instant};

use datalake_core::Dataset;
use datalake_core::lake::{Lake, Zone};
use datalake_simulators::lambda::{Builder, Invocation, Lambda, Outcome};
use futures::TryStreamExt;
use serde_json::{Value, json};

mod silo;

use silo::Silo;

const TOKEN: &str = "c4nary-token";

fn function(silo: &Silo, lake: &Path) -> Builder {
    Lambda::builder()
        .name("sourcing")
        .env("SOURCE_URL", silo.url())
        .env("SECRET", "env:SHOP_TOKEN")
        .env("SHOP_TOKEN", TOKEN)
        .env("LAKE", lake.display())
}

fn binary(builder: Builder) -> Lambda {
    builder.binary(env!("CARGO_BIN_EXE_sourcing_lambda"))
}

fn answer(invocation: &Invocation) -> Value {
    invocation.outcome.json().unwrap_or_else(|| panic!("{invocation:?}"))
}

/// How often each number from 0 is in the curated zone.
async fn landed(lake: &Path, records: usize) -> Vec<u8> {
    let lake = Lake::local(lake).unwrap();
    let mut seen = vec![0_u8; records];
    let mut parts = lake.read(&Dataset::new("orders").unwrap(), Zone::Curated).await.unwrap();
    while let Some(part) = parts.try_next().await.unwrap() {
        part.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).for_each(|line| {
            let digits =
                line.strip_prefix(br#"{"n":"#).unwrap().iter().take_while(|byte| byte.is_ascii_digit());
            let n = digits.fold(0, |n, digit| n * 10 + usize::from(digit - b'0'));
            seen[n] += 1;
        });
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn a_million_records_are_landed_once_over_several_invocations_none_over_its_deadline() {
    const RECORDS: usize = 1_000_000;
    const LIMIT: Duration = Duration::from_secs(10);
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    let silo = Silo::open(RECORDS, 10_000, Duration::from_millis(180), TOKEN);
    let lambda = binary(function(&silo, &lake).timeout(LIMIT));
    let began = Instant::now();
    let mut invocations = 0;
    loop {
        let invocation = lambda.invoke(json!({})).await.unwrap();
        invocations += 1;
        assert!(matches!(invocation.outcome, Outcome::Answer(_)), "{invocation:?} {:?}", lambda.logs());
        assert!(invocation.took < LIMIT, "{invocation:?}");
        if answer(&invocation)["more"] == false {
            break;
        }
        assert!(invocations < 60, "no end");
    }
    println!("{invocations} invocations, {:?}", began.elapsed());
    assert!(invocations > 1);
    assert_eq!(lambda.cold_starts(), 1);
    let seen = landed(&lake, RECORDS).await;
    assert_eq!(seen.iter().position(|times| *times != 1), None);
    for ended in lambda.shutdown().await {
        assert!(ended.in_time(), "{ended:?}");
    }
    let lake = Lake::local(&lake).unwrap();
    let verified = lake.verify(&"orders".parse().unwrap()).await.unwrap();
    assert!(verified.problems.is_empty(), "{:?}", verified.problems);
    let logs = lambda.logs().join("\n");
    assert!(!logs.contains(TOKEN));
    assert!(logs.contains("trace_id") && logs.contains("request_id"), "{logs}");
}

#[tokio::test(flavor = "multi_thread")]
async fn invocations_that_overlap_land_every_record_once() {
    const RECORDS: usize = 60_000;
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    let silo = Silo::open(RECORDS, 3_000, Duration::from_millis(20), TOKEN);
    let lambda = binary(function(&silo, &lake).timeout(Duration::from_secs(10)));
    for round in 0.. {
        assert!(round < 60, "no end");
        let three = futures::future::try_join_all((0..3).map(|_| lambda.invoke(json!({})))).await.unwrap();
        if three.iter().all(|invocation| answer(invocation)["more"] == false) {
            break;
        }
    }
    assert_eq!(lambda.cold_starts(), 3);
    let seen = landed(&lake, RECORDS).await;
    assert_eq!(seen.iter().position(|times| *times != 1), None);
}

#[tokio::test]
async fn lineage_names_the_invocation_and_its_trace() {
    let folder = tempfile::tempdir().unwrap();
    let silo = Silo::open(10, 10, Duration::ZERO, TOKEN);
    let lambda = binary(function(&silo, folder.path()).timeout(Duration::from_secs(30)));
    let invocation = lambda.invoke(json!({ "source": "aws.events" })).await.unwrap();
    assert_eq!(answer(&invocation)["pipelines"][0]["counts"]["read"], 10);
    let lake = Lake::local(folder.path()).unwrap();
    let trace = lake.trace(&"orders/1/0".parse().unwrap()).await.unwrap();
    let worker = &trace.envelope.worker;
    assert_eq!(worker.name, "sourcing_lambda");
    assert_eq!(worker.invocation.as_deref(), Some(invocation.request_id.as_str()));
    assert_eq!(worker.trace.as_ref().map(String::len), Some(32));
    assert_eq!(worker.region.as_deref(), Some("eu-central-1"));
    assert!(worker.host.as_deref().unwrap().contains("[$LATEST]"));
}

#[tokio::test]
async fn a_worker_that_cannot_begin_says_why_in_one_line() {
    let silo = Silo::open(10, 10, Duration::ZERO, TOKEN);
    let lambda = binary(Lambda::builder().env("SOURCE_URL", silo.url()));
    let invocation = lambda.invoke(json!({})).await.unwrap();
    let Outcome::InitFailed(Some(error), Some(status)) = &invocation.outcome else {
        panic!("{invocation:?}")
    };
    assert_eq!(error.error_type, "datalake.config-invalid");
    assert!(error.message.contains("variable: LAKE"), "{error:?}");
    assert!(!status.success());
}

#[tokio::test]
async fn a_silo_that_refuses_fails_the_invocation_and_the_next_one_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let silo = Silo::open(10, 10, Duration::ZERO, "another-token");
    let lambda = binary(function(&silo, folder.path()).timeout(Duration::from_secs(30)));
    for n in 0..2 {
        let invocation = lambda.invoke(json!({})).await.unwrap();
        let Outcome::Failed(error) = &invocation.outcome else { panic!("{invocation:?}") };
        assert_eq!(error.error_type, "datalake.unauthenticated", "{n}");
        assert!(!error.message.contains(TOKEN), "{error:?}");
    }
    assert_eq!(lambda.cold_starts(), 1);
}

//! Several pipelines in one worker.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::process::ExitCode;
use std::sync::Arc;

use datalake_core::lake::Lake;
use datalake_core::store::MemoryStore;
use datalake_core::testkit::{VecSilo, VecSource};
use datalake_core::{Error, ErrorKind, Retry};
use datalake_host::Host;
use datalake_host::cli::{Command, Globals};
use datalake_sinks::lake::LakeSink;

struct Worker {
    lake: Lake,
    good: VecSilo,
    bad: VecSilo,
}

impl Worker {
    fn new() -> (Self, Host) {
        let lake = Lake::new(Arc::new(MemoryStore::new()));
        let (good, bad) = (VecSource::json(["1", "2"]), VecSource::json(["3"]));
        let worker = Self { lake: lake.clone(), good: good.silo(), bad: bad.silo() };
        let mut host = Host::new("worker", "1.2.3").git_sha("abc").lake(&lake);
        for (name, source) in [("bad", bad), ("good", good)] {
            let sink = LakeSink::builder(&lake).build();
            host = host.pipeline(name, move |pipeline| async move {
                Ok(pipeline.source(source).lake(&sink).retry(Retry::never()))
            });
        }
        (worker, host)
    }
}

fn code(code: u8) -> String {
    format!("{:?}", ExitCode::from(code))
}

#[tokio::test]
async fn one_pipeline_that_fails_does_not_stop_the_others() {
    let (worker, host) = Worker::new();
    worker.bad.fail(ErrorKind::PermissionDenied);
    let ended = host.run(None, &Globals::default()).await;
    assert_eq!(format!("{ended:?}"), code(3));
    assert_eq!(worker.good.committed(), 2);
    assert_eq!(worker.bad.committed(), 0);
}

#[tokio::test]
async fn a_failure_that_passes_has_its_own_code() {
    let (worker, host) = Worker::new();
    worker.bad.fail(ErrorKind::Unavailable);
    let ended = host.run(Some(Command::default()), &Globals::default()).await;
    assert_eq!(format!("{ended:?}"), code(4));
}

#[tokio::test]
async fn lineage_names_the_worker() {
    let (worker, host) = Worker::new();
    let ended = host.run(None, &Globals::default()).await;
    assert_eq!(format!("{ended:?}"), code(0));
    let trace = worker.lake.trace(&"good/1/1".parse().unwrap()).await.unwrap();
    let by = &trace.envelope.worker;
    assert_eq!(
        (by.name.as_str(), by.version.as_str(), by.git_sha.as_deref()),
        ("worker", "1.2.3", Some("abc"))
    );
}

#[tokio::test]
async fn if_one_pipeline_cannot_be_made_none_starts() {
    let (worker, host) = Worker::new();
    let host = host.pipeline("broken", |_| async { Err(Error::config("no url")) });
    let ended = host.run(None, &Globals::default()).await;
    assert_eq!(format!("{ended:?}"), code(3));
    assert_eq!(worker.good.committed(), 0);
}

#[tokio::test]
async fn only_the_pipelines_that_are_named_are_made() {
    let (worker, host) = Worker::new();
    let host = host.pipeline("broken", |_| async { Err(Error::config("no url")) });
    let mut made = host.pipelines(&["good".into()]).await.unwrap();
    assert_eq!(made.len(), 1);
    assert!(made[0].lake().is_some());
    made[0].drain(Default::default()).await.unwrap();
    assert_eq!((worker.good.committed(), worker.bad.committed()), (2, 0));
    let error = Worker::new().1.pipelines(&["other".into()]).await.unwrap_err();
    assert!(error.to_string().contains("\"other\""), "{error}");
}

#[tokio::test]
async fn a_command_that_looks_makes_no_pipeline() {
    let (_, host) = Worker::new();
    let host = host.pipeline("broken", |_| async { Err(Error::config("no url")) });
    let ended = host.run(Some(Command::Status(Default::default())), &Globals::default()).await;
    assert_eq!(format!("{ended:?}"), code(0));
}

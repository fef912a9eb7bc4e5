//! Files in a bucket, as a source, on a simulated S3 over real requests.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use bytes::Bytes;
use datalake_aws::config::Settings;
use datalake_connectors::files::ObjectsSource;
use datalake_core::codec::Compression;
use datalake_core::split::split;
use datalake_core::store::{ObjectStore, PutOptions};
use datalake_core::testkit::{Fed, SourceHarness};
use datalake_core::{ErrorKind, Next, Result, Source, async_trait};
use datalake_simulators::s3::{Fault, Op, Refusal, Rule, S3};
use datalake_sinks::s3::S3Store;
use futures::FutureExt;
use tokio::sync::OnceCell;

/// A bucket with known records, which lists by few keys a page.
struct Bucket {
    place: OnceCell<(S3, Arc<S3Store>)>,
    fed: AtomicUsize,
    failed: AtomicUsize,
}

fn lines() -> Vec<String> {
    (0..30).map(|n| format!("line {n}")).collect()
}

impl Bucket {
    fn new() -> Self {
        Self { place: OnceCell::new(), fed: AtomicUsize::new(0), failed: AtomicUsize::new(0) }
    }

    async fn place(&self) -> &(S3, Arc<S3Store>) {
        let begin = async || {
            let s3 = S3::start().await.unwrap();
            s3.create_bucket("silo");
            s3.page(2);
            let config = Settings::new().region("eu-central-1").endpoint(s3.endpoint()).load().await;
            let keys =
                SharedCredentialsProvider::new(Credentials::new("AKIDEXAMPLE", "secret", None, None, "test"));
            let config = config.into_builder().credentials_provider(keys).build();
            let store = S3Store::at("s3://silo/p").unwrap().config(&config).build().await.unwrap();
            let lines = lines();
            let packed = Compression::Gzip.frame(6, &[Bytes::from(lines[10..20].join("\n"))]).unwrap();
            let files = [
                ("in/c.log", Bytes::from(lines[..10].join("\n"))),
                ("in/d.log.gz", packed),
                ("in/e.log", lines[20..].join("\n").into()),
            ];
            for (key, bytes) in files {
                store.put(key, bytes.into(), PutOptions::default()).await.unwrap();
            }
            (s3, Arc::new(store))
        };
        self.place.get_or_init(|| begin().boxed()).await
    }

    async fn source(&self) -> Box<dyn Source> {
        let store: Arc<dyn ObjectStore> = self.place().await.1.clone();
        let builder = ObjectsSource::builder("objects".parse().unwrap(), store, "in/");
        Box::new(builder.batch_bytes(40).poll(Duration::from_millis(1)).build().unwrap())
    }
}

#[async_trait]
impl SourceHarness for Bucket {
    async fn open(&self) -> Result<Box<dyn Source>> {
        Ok(self.source().await)
    }

    fn expected(&self) -> Vec<Bytes> {
        lines().into_iter().map(Bytes::from).collect()
    }

    async fn feed(&self) -> Option<Fed> {
        let line = format!("fed {}", self.fed.fetch_add(1, Ordering::Relaxed));
        let key = format!("in/{line}.log");
        self.place().await.1.put(&key, line.clone().into(), PutOptions::default()).await.unwrap();
        Some(Fed::new([line]))
    }

    async fn fail(&self) -> Option<ErrorKind> {
        if self.failed.fetch_add(1, Ordering::Relaxed) % 2 == 1 {
            return None;
        }
        for op in [Op::ListObjects, Op::GetObject, Op::HeadObject] {
            self.place().await.0.fail(Rule::new(op, Fault::Refused(Refusal::SLOW_DOWN)).always());
        }
        Some(ErrorKind::RateLimited)
    }

    async fn mend(&self) {
        self.place().await.0.calm();
    }
}

datalake_core::source_suite!(bucket, Bucket::new());

async fn next(source: &mut Box<dyn Source>) -> Option<Vec<String>> {
    let Next::Batch(batch) = source.next_batch().await.unwrap() else { return None };
    let mut found = Vec::new();
    for document in &batch.documents {
        split(document, |piece| found.push(String::from_utf8_lossy(&piece.body).into_owned()));
    }
    Some(found)
}

#[tokio::test]
async fn an_object_written_over_while_it_is_read_is_not_mixed_up() {
    let bucket = Bucket::new();
    let (_, store) = bucket.place().await;
    for key in ["in/c.log", "in/d.log.gz", "in/e.log"] {
        store.delete(key).await.unwrap();
    }
    let text = |word: &str| (0..40).map(|n| format!("{word}{n:02}\n")).collect::<String>();
    store.put("in/a.log", text("old").into(), PutOptions::default()).await.unwrap();
    let mut source = bucket.source().await;
    let first = next(&mut source).await.unwrap();
    assert!(first.iter().all(|line| line.starts_with("old")), "{first:?}");
    store.put("in/a.log", text("new").into(), PutOptions::default()).await.unwrap();
    let mut rest = Vec::new();
    while let Some(found) = next(&mut source).await {
        rest.extend(found);
    }
    // What was at hand when the object was written over is still of the old one, and goes on where that was.
    let begun = rest.iter().position(|line| line.starts_with("new")).unwrap();
    let old: Vec<String> = (first.len()..).map(|n| format!("old{n:02}")).take(begun).collect();
    assert!(begun + first.len() < 40, "the object was read to its end before it was written over");
    assert_eq!(rest[..begun], old);
    assert_eq!(rest[begun..], text("new").lines().collect::<Vec<_>>());
}

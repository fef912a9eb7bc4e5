//! The suite of every source.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use datalake_core::testkit::{Fed, SourceHarness};
use datalake_core::{ErrorKind, Result, async_trait, source_suite};
use datalake_simulators::faults::Fault;

use super::*;

const RECORDS: usize = 23;

/// A stream of one shard, whose records have an order.
struct Stream {
    kinesis: Kinesis,
    config: SdkConfig,
    put: AtomicUsize,
    failed: AtomicUsize,
}

impl Stream {
    async fn new() -> Self {
        let kinesis = Kinesis::start().unwrap();
        kinesis.create(STREAM, 1);
        let config = config(&kinesis.url()).await;
        let stream = Self { kinesis, config, put: AtomicUsize::new(0), failed: AtomicUsize::new(0) };
        (0..RECORDS).for_each(|_| drop(stream.add()));
        stream
    }

    fn body(n: usize) -> String {
        format!("{{\"n\":{n}}}")
    }

    fn add(&self) -> Bytes {
        let n = self.put.fetch_add(1, Ordering::Relaxed);
        self.kinesis.put(STREAM, &n.to_string(), Self::body(n).as_bytes());
        Self::body(n).into()
    }

    fn builder(&self) -> KinesisSourceBuilder {
        builder(&self.config).records_per_read(4).batch_bytes(30)
    }
}

#[async_trait]
impl SourceHarness for Stream {
    async fn open(&self) -> Result<Box<dyn Source>> {
        Ok(Box::new(self.builder().build()?))
    }

    fn expected(&self) -> Vec<Bytes> {
        (0..RECORDS).map(|n| Self::body(n).into()).collect()
    }

    async fn feed(&self) -> Option<Fed> {
        Some(Fed::new([self.add(), self.add()]))
    }

    async fn fail(&self) -> Option<ErrorKind> {
        let (fault, kind) = match self.failed.fetch_add(1, Ordering::Relaxed) {
            0 => (Fault::throttled(), ErrorKind::RateLimited),
            1 => (Fault::unavailable(), ErrorKind::Unavailable),
            2 => (Fault::denied(), ErrorKind::PermissionDenied),
            3 => (Fault::Reset, ErrorKind::Unavailable),
            _ => return None,
        };
        for operation in ["ListShards", "GetShardIterator", "GetRecords"] {
            self.kinesis.faults().always(operation, fault.clone());
        }
        Some(kind)
    }

    async fn mend(&self) {
        self.kinesis.faults().clear();
    }

    fn secrets(&self) -> Vec<String> {
        vec![SECRET.into(), TOKEN.into()]
    }

    fn shown(&self) -> Vec<String> {
        vec![format!("{:?}", self.builder()), format!("{:?}", self.builder().build())]
    }
}

source_suite!(stream, Stream::new().await);

//! The curated zone under the suite of every sink.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use datalake_core::codec::{Compression, Expansion};
use datalake_core::lake::{Lake, stamp};
use datalake_core::store::{MemoryStore, ObjectStore};
use datalake_core::testkit::{FaultyStore, SinkHarness};
use datalake_core::{Error, ErrorKind, Land, Output, RecordId, Result, Sink, async_trait, sink_suite};

use crate::lake::{LakeSink, Partition};

struct Curated {
    store: Arc<FaultyStore<MemoryStore>>,
    compression: Compression,
    partition: Option<Partition>,
    failed: AtomicBool,
}

impl Curated {
    fn new(compression: Compression, partition: Option<Partition>) -> Self {
        Self {
            store: Arc::new(FaultyStore::new(MemoryStore::new(), 1)),
            compression,
            partition,
            failed: AtomicBool::new(false),
        }
    }
}

#[async_trait]
impl SinkHarness for Curated {
    async fn open(&self) -> Result<Arc<dyn Sink>> {
        let lake = Lake::new(Arc::clone(&self.store) as _);
        let landing = LakeSink::builder(&lake).compression(self.compression, 1);
        let landing = self.partition.iter().cloned().fold(landing, |landing, by| landing.partition(by));
        let sink = landing.build().landing()?.sink.ok_or_else(|| Error::config("no sink"))?;
        Ok(Arc::from(sink))
    }

    async fn read(&self, outputs: &[Output]) -> Result<Vec<(RecordId, Bytes)>> {
        let mut records = Vec::new();
        for output in outputs {
            let bytes = self.store.inner().get(&output.location).await?;
            let content =
                output.compression.decompress(&bytes, Expansion { ratio: u64::MAX, total: u64::MAX })?;
            for line in content.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
                let (body, id) =
                    stamp::read(line).ok_or_else(|| Error::unexpected("a line without a stamp"))?;
                let body = if stamp::is_wrapped(line) { unwrapped(&body) } else { body.into() };
                records.push((id, body));
            }
        }
        Ok(records)
    }

    async fn stored(&self, output: &Output) -> Result<Option<Bytes>> {
        self.store.inner().get(&output.location).await.map(Some)
    }

    fn refused(&self) -> Option<Bytes> {
        self.partition.as_ref().map(|_| r#"{"at":"no time"}"#.into())
    }

    async fn fail(&self) -> Option<ErrorKind> {
        if self.failed.swap(true, Ordering::Relaxed) {
            return None;
        }
        self.store.down(true);
        Some(ErrorKind::Unavailable)
    }

    async fn mend(&self) {
        self.store.down(false);
    }
}

/// The record inside what is put around one that is no JSON object.
fn unwrapped(body: &[u8]) -> Bytes {
    let inside = |start: &[u8], end: &[u8]| body.strip_prefix(start)?.strip_suffix(end);
    if let Some(value) = inside(br#"{"value":"#, b"}") {
        return Bytes::copy_from_slice(value);
    }
    if let Some(text) =
        inside(br#"{"text":"#, b"}").and_then(|text| serde_json::from_slice::<String>(text).ok())
    {
        return text.into();
    }
    let base64 = inside(br#"{"base64":""#, br#""}"#).and_then(|base64| STANDARD.decode(base64).ok());
    base64.map_or_else(|| Bytes::copy_from_slice(body), Bytes::from)
}

sink_suite!(plain, Curated::new(Compression::None, None));
sink_suite!(compressed, Curated::new(Compression::Zstd, None));
sink_suite!(gzipped, Curated::new(Compression::Gzip, None));
sink_suite!(by_day, Curated::new(Compression::Zstd, Partition::day("/at").ok()));

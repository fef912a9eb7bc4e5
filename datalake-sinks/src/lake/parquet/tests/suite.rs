//! The sink under the suite of every sink.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use datalake_core::codec::Compression;
use datalake_core::lake::{Lake, ObjectFormat, stamp};
use datalake_core::store::{MemoryStore, ObjectStore};
use datalake_core::testkit::{FaultyStore, SinkHarness};
use datalake_core::{Error, ErrorKind, Land, Output, RecordId, Result, Sink, async_trait, sink_suite};
use serde_json::Value;

use crate::lake::{Contract, LakeSink, ParquetFormat, ParquetSettings, Partition};

struct Curated {
    store: Arc<FaultyStore<MemoryStore>>,
    compression: Compression,
    settings: ParquetSettings,
    refused: Option<&'static str>,
    failed: AtomicBool,
}

impl Curated {
    fn new(compression: Compression, settings: ParquetSettings, refused: Option<&'static str>) -> Self {
        let store = Arc::new(FaultyStore::new(MemoryStore::new(), 1));
        Self { store, compression, settings, refused, failed: AtomicBool::new(false) }
    }
}

#[async_trait]
impl SinkHarness for Curated {
    async fn open(&self) -> Result<Arc<dyn Sink>> {
        let lake = Lake::new(Arc::clone(&self.store) as _);
        let landing = LakeSink::builder(&lake)
            .compression(self.compression, 1)
            .parquet(self.settings.clone())
            .partition(Partition::day("/at")?);
        let sink = landing.build().landing()?.sink.ok_or_else(|| Error::config("no sink"))?;
        Ok(Arc::from(sink))
    }

    async fn read(&self, outputs: &[Output]) -> Result<Vec<(RecordId, Bytes)>> {
        let mut records = Vec::new();
        for output in outputs {
            let lines = ParquetFormat::new().lines(&self.store.inner().get(&output.location).await?)?;
            for line in lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
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
        self.refused.map(Bytes::from)
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
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    match (&value["value"], &value["text"], &value["base64"]) {
        (_, Value::String(text), _) => text.clone().into(),
        (_, _, Value::String(base64)) => STANDARD.decode(base64).map(Bytes::from).unwrap_or_default(),
        (value, ..) => value.to_string().into(),
    }
}

const DUPLICATE: Option<&str> = Some(r#"{"n":1,"n":2}"#);

sink_suite!(compressed, Curated::new(Compression::Zstd, ParquetSettings::new(), DUPLICATE));
sink_suite!(
    plain,
    Curated::new(Compression::None, ParquetSettings::new().doubles(), Some(r#"{"at":"no time"}"#))
);
sink_suite!(rows, {
    let schema = r#"{"n":"int64","text":"text"}"#.parse().unwrap();
    let settings = ParquetSettings::new().schema(schema).contract(Contract::QuarantineRow);
    Curated::new(Compression::Zstd, settings, Some(r#"{"n":"one"}"#))
});
sink_suite!(small_files, Curated::new(Compression::Zstd, ParquetSettings::new().file_bytes(1000), None));

//! A small lake: one object a batch for each zone.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use datalake_core::codec::Compression;
use datalake_core::lake::{QuarantineLine, Zone, layout};
use datalake_core::store::{ObjectStore, Payload, PutOptions};
use datalake_core::{
    Archive, Batch, Frame, Output, Quarantine, RawObject, Receipt, RecordError, Refused, Rejected, Result,
    Sha256, Sink, SinkInfo, async_trait,
};
use serde_json::json;

use super::Bug;
use super::store::SimStore;
use super::world::World;

/// Whether the sink refuses a record.
pub(crate) fn refused(body: &[u8]) -> bool {
    body.ends_with(b"2")
}

/// Writes records as lines of JSON with their ids.
pub(crate) struct SimSink {
    info: SinkInfo,
    world: Arc<World>,
    store: SimStore,
    later: Mutex<Vec<(String, Bytes)>>,
    tries: Mutex<u64>,
}

impl SimSink {
    pub(crate) fn new(world: Arc<World>, store: SimStore) -> Self {
        let info = SinkInfo::new("sim").with_target(1 << 20, world.scenario.target_records);
        Self { info, world, store, later: Mutex::default(), tries: Mutex::default() }
    }

    async fn put(&self, key: &str, bytes: &Bytes) -> Result<()> {
        let late = std::mem::take(&mut *self.later.lock().unwrap());
        for (key, bytes) in late {
            self.store.put(&key, bytes.into(), PutOptions::default()).await?;
        }
        if self.world.bug(Bug::SinkAnswersFirst) {
            self.later.lock().unwrap().push((key.to_owned(), bytes.clone()));
            return Ok(());
        }
        let done = self.store.put(key, bytes.clone().into(), PutOptions::default()).await;
        match (self.world.scenario.bug, done) {
            (Bug::SinkIgnoresErrors, _) => Ok(()),
            (Bug::DeletesWhenInDoubt, Err(error)) => {
                self.store.delete(key).await.ok();
                Err(error)
            }
            (_, done) => done,
        }
    }
}

#[async_trait]
impl Sink for SimSink {
    fn info(&self) -> &SinkInfo {
        &self.info
    }

    async fn write(&self, batch: &Batch) -> Result<Receipt> {
        let mut receipt = Receipt::default();
        let mut lines = String::new();
        let tried = {
            let mut tries = self.tries.lock().unwrap();
            *tries += 1;
            if self.world.bug(Bug::RetryChangesBytes) { *tries } else { 0 }
        };
        for (index, record) in batch.records.iter().enumerate() {
            if refused(record.body()) {
                receipt.refused.push(Refused { index, error: RecordError::new("two", "it ends with a two") });
                continue;
            }
            let body = std::str::from_utf8(record.body()).unwrap_or_default();
            let id = record.origin().id(&batch.id).to_string();
            lines += &json!({ "id": id, "body": body, "try": tried }).to_string();
            lines += "\n";
        }
        if lines.is_empty() {
            return Ok(receipt);
        }
        let mut key = layout::object(Zone::Curated, batch, "", ".ndjson");
        if self.world.bug(Bug::OneNameForAll) {
            key = format!("curated/things/{}.ndjson", batch.id.number);
        }
        let bytes = Bytes::from(lines);
        self.put(&key, &bytes).await?;
        let records = batch.records.len() - receipt.refused.len();
        receipt.outputs.push(output("sim", key, &bytes, records));
        Ok(receipt)
    }
}

fn output(sink: &str, location: String, bytes: &Bytes, records: usize) -> Output {
    Output {
        sink: sink.into(),
        location,
        bytes: bytes.len() as u64,
        records: records as u64,
        sha256: Some(Sha256::of(bytes)),
        format: Some("ndjson".into()),
        compression: Compression::None,
        partition: None,
    }
}

/// Writes documents one after the other.
pub(crate) struct SimArchive {
    pub(crate) world: Arc<World>,
    pub(crate) store: SimStore,
}

#[async_trait]
impl Archive for SimArchive {
    async fn store(&self, batch: &Batch) -> Result<RawObject> {
        let location = layout::object(Zone::Raw, batch, "", ".raw");
        let mut payload = Payload::new();
        batch.documents.iter().for_each(|document| payload.push(document.bytes().clone()));
        let (bytes, sha256) = (payload.len() as u64, payload.sha256());
        let done = self.store.put(&location, payload, PutOptions::default()).await;
        if !self.world.bug(Bug::ArchiveIgnoresErrors) {
            done?;
        }
        let frames = vec![Frame { offset: 0, content: 0 }];
        Ok(RawObject { location, bytes, sha256, compression: Compression::None, frames })
    }
}

/// Keeps refused records.
pub(crate) struct SimQuarantine {
    pub(crate) store: SimStore,
}

#[async_trait]
impl Quarantine for SimQuarantine {
    async fn keep(&self, batch: &Batch, rejected: &[Rejected]) -> Result<Vec<Output>> {
        let key = layout::object(Zone::Quarantine, batch, "", ".ndjson");
        let mut lines = Vec::new();
        for line in QuarantineLine::of(&batch.id, &batch.documents, rejected) {
            serde_json::to_writer(&mut lines, &line?).unwrap();
            lines.push(b'\n');
        }
        let bytes = Bytes::from(lines);
        self.store.put(&key, bytes.clone().into(), PutOptions::default()).await?;
        Ok(vec![output("quarantine", key, &bytes, rejected.len())])
    }
}

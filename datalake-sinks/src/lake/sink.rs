//! The curated zone: records as stamped NDJSON, by partition.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use datalake_core::codec::Frames;
use datalake_core::lake::layout::{self, Zone};
use datalake_core::lake::stamp::Stamp;
use datalake_core::store::{ObjectStore, Payload, PutOptions};
use datalake_core::transform::Draft;
use datalake_core::{Ambient, Batch, Content, Output, Receipt, Refused, Result, Sha256, Sink, SinkInfo};
use serde_json::json;

use super::{Partition, ndjson, partition};

/// Objects written at once.
const AT_ONCE: usize = 16;

/// The curated zone of a lake.
#[derive(Debug, Clone)]
pub struct CuratedSink {
    info: SinkInfo,
    store: Arc<dyn ObjectStore>,
    frames: Arc<Frames>,
    partitions: Arc<[Partition]>,
    ambient: Ambient,
}

impl CuratedSink {
    pub(super) fn new(
        store: &Arc<dyn ObjectStore>,
        frames: Frames,
        partitions: Arc<[Partition]>,
        target_bytes: usize,
        ambient: &Ambient,
    ) -> Self {
        let by: Vec<_> = partitions.iter().map(Partition::describe).collect();
        let (compression, level) = (frames.compression(), frames.level());
        let config = json!({ "compression": compression, "level": level, "partitions": by, "target_bytes": target_bytes });
        Self {
            info: SinkInfo::new("lake.ndjson").with_target(target_bytes, usize::MAX).with_config(config),
            store: Arc::clone(store),
            frames: Arc::new(frames),
            partitions,
            ambient: ambient.clone(),
        }
    }

    async fn put(&self, batch: &Batch, part: Part) -> Result<Output> {
        let Part { partition, bytes, sha256, records } = part;
        let extension = format!(".ndjson{}", self.frames.compression().extension());
        let location = layout::object(Zone::Curated, batch, &partition, &extension);
        let length = bytes.len() as u64;
        let options = PutOptions {
            sha256: Some(sha256),
            content_type: Some("application/x-ndjson"),
            metadata: metadata(batch),
        };
        self.store.put(&location, Payload::from(bytes), options).await?;
        Ok(Output {
            sink: self.info.name.clone(),
            location,
            bytes: length,
            records,
            sha256: Some(sha256),
            format: Some("ndjson".into()),
            compression: self.frames.compression(),
            partition: (!partition.is_empty()).then_some(partition),
        })
    }
}

#[async_trait]
impl Sink for CuratedSink {
    fn info(&self) -> &SinkInfo {
        &self.info
    }

    async fn write(&self, batch: &Batch) -> Result<Receipt> {
        let (given, partitions) = (batch.clone(), Arc::clone(&self.partitions));
        let frames = Arc::clone(&self.frames);
        let encode = move || encode(&given, &partitions, &frames);
        let (parts, refused) = self.ambient.cpu().run(encode).await??;
        let mut outputs = Vec::with_capacity(parts.len());
        let mut parts = parts.into_iter();
        loop {
            let some: Vec<_> = parts.by_ref().take(AT_ONCE).map(|part| self.put(batch, part)).collect();
            if some.is_empty() {
                return Ok(Receipt { outputs, refused });
            }
            outputs.extend(futures::future::try_join_all(some).await?);
        }
    }
}

/// One object to be.
struct Part {
    partition: String,
    bytes: Bytes,
    sha256: Sha256,
    records: u64,
}

fn encode(batch: &Batch, partitions: &[Partition], frames: &Frames) -> Result<(Vec<Part>, Vec<Refused>)> {
    let stamp = Stamp::new(&batch.id);
    let acquired = batch.envelope.acquired.start;
    let mut groups: BTreeMap<String, (Vec<u8>, u64)> = BTreeMap::new();
    let mut refused = Vec::new();
    let mut draft = Draft::new(Bytes::new(), Content::Opaque);
    let fixed = partition::fixed(partitions, acquired);
    let size: usize = batch.records.iter().map(|record| record.body().len() + 64).sum();
    for (index, record) in batch.records.iter().enumerate() {
        let computed;
        let name = match &fixed {
            Some(fixed) => fixed,
            None => match partition::name(partitions, &mut draft, record, acquired) {
                Ok(name) => {
                    computed = name;
                    &computed
                }
                Err(error) => {
                    refused.push(Refused { index, error });
                    continue;
                }
            },
        };
        if !groups.contains_key(name) {
            let lines = if fixed.is_some() { frames.buffer(size) } else { Vec::new() };
            groups.insert(name.clone(), (lines, 0));
        }
        if let Some((lines, records)) = groups.get_mut(name) {
            ndjson::write(lines, record, &stamp);
            *records += 1;
        }
    }
    let parts = groups.into_iter().map(|(partition, (lines, records))| {
        let bytes = frames.frame_buffer(lines)?;
        Ok(Part { partition, sha256: Sha256::of(&bytes), bytes, records })
    });
    Ok((parts.collect::<Result<_>>()?, refused))
}

/// What an object says of itself: a pointer to its commit.
pub(super) fn metadata(batch: &Batch) -> BTreeMap<&'static str, String> {
    [
        ("lake-pipeline", batch.id.pipeline.to_string()),
        ("lake-batch", batch.id.number.to_string()),
        ("lake-attempt", batch.attempt.to_string()),
    ]
    .into()
}

//! The quarantine: refused records, each a line with its error and its bytes.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use datalake_core::codec::Compression;
use datalake_core::lake::QuarantineLine;
use datalake_core::lake::layout::{self, Zone};
use datalake_core::store::{ObjectStore, Payload, PutOptions};
use datalake_core::{Ambient, Batch, Error, Output, Quarantine, Rejected, Result, Sha256};

use super::sink::metadata;

const COMPRESSION: Compression = Compression::Zstd;
const LEVEL: i32 = 3;

/// The quarantine of a lake: NDJSON, one [`QuarantineLine`] a record, compressed with zstd.
///
/// It keeps the bytes of a record as they were acquired, before any mask: guard it like the raw zone.
#[derive(Debug, Clone)]
pub struct LakeQuarantine {
    store: Arc<dyn ObjectStore>,
    ambient: Ambient,
}

impl LakeQuarantine {
    pub(super) fn new(store: &Arc<dyn ObjectStore>, ambient: &Ambient) -> Self {
        Self { store: Arc::clone(store), ambient: ambient.clone() }
    }
}

#[async_trait]
impl Quarantine for LakeQuarantine {
    async fn keep(&self, batch: &Batch, rejected: &[Rejected]) -> Result<Vec<Output>> {
        let (given, kept) = (batch.clone(), rejected.to_vec());
        let bytes = self.ambient.cpu().run(move || encode(&given, &kept)).await??;
        let location =
            layout::object(Zone::Quarantine, batch, "", &format!(".ndjson{}", COMPRESSION.extension()));
        let (sha256, length) = (Sha256::of(&bytes), bytes.len() as u64);
        let options = PutOptions {
            sha256: Some(sha256),
            content_type: Some("application/x-ndjson"),
            metadata: metadata(batch),
        };
        self.store.put(&location, Payload::from(bytes), options).await?;
        Ok(vec![Output {
            sink: "lake.quarantine".into(),
            location,
            bytes: length,
            records: rejected.len() as u64,
            sha256: Some(sha256),
            format: Some("ndjson".into()),
            compression: COMPRESSION,
            partition: None,
        }])
    }
}

fn encode(batch: &Batch, rejected: &[Rejected]) -> Result<Bytes> {
    let mut lines = Vec::new();
    for line in QuarantineLine::of(&batch.id, &batch.documents, rejected) {
        serde_json::to_writer(&mut lines, &line?).map_err(|cause| {
            Error::unexpected("a refused record cannot be written as JSON").caused_by(cause)
        })?;
        lines.push(b'\n');
    }
    COMPRESSION.frame(LEVEL, &[Bytes::from(lines)])
}

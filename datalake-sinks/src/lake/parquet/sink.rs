//! Curated records as Parquet, by partition.

use std::sync::Arc;

use async_trait::async_trait;
use datalake_core::codec::Compression;
use datalake_core::lake::layout::{self, Zone};
use datalake_core::lake::{Lake, Partition};
use datalake_core::ledger::Ledger;
use datalake_core::store::{Payload, PutOptions};
use datalake_core::{
    Ambient, Batch, Dataset, ErrorKind, Output, PipelineId, Receipt, Result, Retry, Sink, SinkInfo,
};
use futures::lock::Mutex;
use parquet::file::metadata::ParquetMetaDataReader;
use serde_json::json;

use super::super::sink::metadata;
use super::contract::Known;
use super::encode::{Part, Plan};
use super::{ParquetFormat, ParquetSettings, Schema, line};

/// Partitions encoded, and objects written, at once.
const AT_ONCE: usize = 16;
/// How many commits back a schema is looked for, and how many files with one are taken into account.
const COMMITS: u64 = 64;
const FILES: usize = 8;

/// The name of the sink, by which its outputs are known again.
const NAME: &str = "lake.parquet";

/// The curated zone of a lake, as Parquet.
///
/// A file is finished within a commit. Its last columns are `_lake_batch` and `_lake_ord`, which are the id of the
/// record and lead back to its raw bytes; its metadata has the lineage of the batch under `datalake.lineage` and the
/// [`Schema`] under `datalake.schema`.
///
/// * What is null and what is missing are the same.
/// * Values are kept, and of numbers the decimal places too where a column's numbers have them in common: 0.30 stays
///   0.30.
/// * Objects become structs and arrays lists, twelve levels deep. What is deeper, and an object of more than 300
///   members, is `json`. An array or object in which there has been nothing yet is too.
/// * A record with two members of one name, or one of the lake's own columns, is refused. Names that differ in case
///   alone are two columns; a reader that ignores case calls the second otherwise.
/// * After a restart the schema is that of the files of the last commits.
#[derive(Debug)]
pub struct ParquetSink {
    info: SinkInfo,
    lake: Lake,
    settings: Arc<ParquetSettings>,
    compression: (Compression, i32),
    partitions: Arc<[Partition]>,
    ambient: Ambient,
    known: Arc<Known>,
    loaded: Mutex<bool>,
}

impl ParquetSink {
    pub(in super::super) fn new(
        lake: &Lake,
        settings: &ParquetSettings,
        compression: (Compression, i32),
        partitions: Arc<[Partition]>,
        target_bytes: usize,
        ambient: &Ambient,
    ) -> Result<Self> {
        settings.properties(compression, Vec::new())?;
        let by: Vec<_> = partitions.iter().map(Partition::describe).collect();
        let config = json!({
            "compression": compression.0, "level": compression.1, "partitions": by, "target_bytes": target_bytes,
            "parquet": settings.describe(),
        });
        Ok(Self {
            info: SinkInfo::new(NAME).with_target(target_bytes, usize::MAX).with_config(config),
            lake: lake.clone(),
            known: Arc::new(Known::new(settings)),
            settings: Arc::new(settings.clone()),
            compression,
            partitions,
            ambient: ambient.clone(),
            loaded: Mutex::new(false),
        })
    }

    /// Takes in what the lake knows of the schema, once.
    async fn load(&self, pipeline: &PipelineId, dataset: &Dataset) -> Result<()> {
        let mut loaded = self.loaded.lock().await;
        if *loaded || !self.known.wants_stored() {
            return Ok(());
        }
        let mut schemas = Vec::new();
        // The engine tries again, and nobody else.
        let ledger = self.lake.ledger().clone().with_retry(Retry::never(), self.ambient.clone());
        if let Some(head) = ledger.head(pipeline).await? {
            let last = head.commit.seq;
            for seq in (last.saturating_sub(COMMITS) + 1..=last).rev() {
                let commit = ledger.entry(pipeline, seq).await?.commit;
                if commit.envelope.origin.dataset != *dataset {
                    continue;
                }
                let outputs = ledger.manifest(&commit).await?.outputs;
                if let Some(output) = outputs.iter().find(|output| output.sink == NAME) {
                    schemas.extend(self.stored(output).await?);
                }
                if schemas.len() >= FILES {
                    break;
                }
            }
        }
        // The oldest first, so that columns keep their order.
        schemas.iter().rev().for_each(|schema| self.known.stored(schema));
        *loaded = true;
        Ok(())
    }

    /// The schema of a file in the lake. `None` if it has been replaced and removed.
    async fn stored(&self, output: &Output) -> Result<Option<Schema>> {
        let bytes = match self.lake.store().get(&output.location).await {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let metadata = ParquetMetaDataReader::new()
            .parse_and_finish(&bytes)
            .map_err(|cause| super::file::corrupt(cause).with("key", &output.location))?;
        line::schema(metadata.file_metadata()).map(Some)
    }

    async fn put(&self, batch: &Batch, part: Part, n: usize) -> Result<Output> {
        let Part { partition, bytes, sha256, records } = part;
        let extension = if n == 0 { ".parquet".to_owned() } else { format!("-{n}.parquet") };
        let location = layout::object(Zone::Curated, batch, &partition, &extension);
        let length = bytes.len() as u64;
        let options = PutOptions {
            sha256: Some(sha256),
            content_type: Some("application/vnd.apache.parquet"),
            metadata: metadata(batch),
        };
        self.lake.store().put(&location, Payload::from(bytes), options).await?;
        Ok(Output {
            sink: self.info.name.clone(),
            location,
            bytes: length,
            records,
            sha256: Some(sha256),
            format: Some(ParquetFormat::NAME.into()),
            compression: Compression::None,
            partition: (!partition.is_empty()).then_some(partition),
        })
    }
}

#[async_trait]
impl Sink for ParquetSink {
    fn info(&self) -> &SinkInfo {
        &self.info
    }

    async fn write(&self, batch: &Batch) -> Result<Receipt> {
        self.load(&batch.id.pipeline, &batch.dataset).await?;
        let (given, partitions, known) =
            (batch.clone(), Arc::clone(&self.partitions), Arc::clone(&self.known));
        let (settings, compression) = (Arc::clone(&self.settings), self.compression);
        let plan = move || Plan::new(given, settings, compression, &partitions, &known);
        let (plan, refused) = self.ambient.cpu().run(plan).await??;
        let plan = Arc::new(plan);
        let mut outputs = Vec::with_capacity(plan.groups.len());
        for start in (0..plan.groups.len()).step_by(AT_ONCE) {
            let some = start..plan.groups.len().min(start + AT_ONCE);
            let encoder = Arc::clone(&plan);
            let parts = self.ambient.cpu().run(move || encoder.encode(some)).await??;
            // Files of one partition come one after the other.
            let mut before: (Option<String>, usize) = (None, 0);
            let puts = parts.into_iter().map(|part| {
                let n = if before.0.as_ref() == Some(&part.partition) { before.1 + 1 } else { 0 };
                before = (Some(part.partition.clone()), n);
                self.put(batch, part, n)
            });
            outputs.extend(futures::future::try_join_all(puts.collect::<Vec<_>>()).await?);
        }
        Ok(Receipt { outputs, refused })
    }
}

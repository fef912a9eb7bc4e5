//! How a pipeline lands in a lake.

use std::sync::Arc;

use datalake_core::codec::{Compression, Frames};
use datalake_core::lake::Lake;
use datalake_core::store::ObjectStore;
use datalake_core::{Ambient, Land, Landing, Result, Retry, Sink};

use super::{CuratedSink, LakeQuarantine, Partition, RawArchive};
#[cfg(feature = "parquet")]
use super::{ParquetFormat, ParquetSettings, ParquetSink};

/// How a pipeline lands in a lake. Build one with [`LakeSink::builder`]; it can serve several pipelines.
#[derive(Debug, Clone)]
pub struct LakeSink {
    lake: Lake,
    raw: Option<(Compression, i32)>,
    curated: Option<(Compression, i32)>,
    partitions: Arc<[Partition]>,
    target_bytes: usize,
    ambient: Ambient,
    retry: Retry,
    #[cfg(feature = "parquet")]
    parquet: Option<ParquetSettings>,
}

impl LakeSink {
    /// Begins with everything zstd-compressed at level 1, curated objects of about 8 MiB of records before
    /// compression, and one partition by the day of acquisition.
    pub fn builder(lake: &Lake) -> LakeSinkBuilder {
        let compression = Some((Compression::Zstd, Compression::Zstd.level()));
        LakeSinkBuilder(Self {
            lake: lake.clone(),
            raw: compression,
            curated: compression,
            partitions: Arc::new([Partition::acquired()]),
            target_bytes: 8 << 20,
            ambient: Ambient::system(),
            retry: Retry::default(),
            #[cfg(feature = "parquet")]
            parquet: None,
        })
    }

    /// The lake.
    #[must_use]
    pub fn lake(&self) -> &Lake {
        &self.lake
    }

    fn sink(&self, (compression, level): (Compression, i32)) -> Result<Box<dyn Sink>> {
        let (partitions, target) = (Arc::clone(&self.partitions), self.target_bytes);
        #[cfg(feature = "parquet")]
        if let Some(settings) = &self.parquet {
            let compression = (compression, level);
            let sink = ParquetSink::new(&self.lake, settings, compression, partitions, target, &self.ambient);
            return Ok(Box::new(sink?));
        }
        let frames = Frames::new(compression, level)?;
        Ok(Box::new(CuratedSink::new(self.lake.store(), frames, partitions, target, &self.ambient)))
    }
}

/// Builds a [`LakeSink`].
#[derive(Debug, Clone)]
#[must_use]
pub struct LakeSinkBuilder(LakeSink);

impl LakeSinkBuilder {
    /// Sets how raw documents are compressed.
    pub fn raw_compression(mut self, compression: Compression, level: i32) -> Self {
        self.0.raw = Some((compression, level));
        self
    }

    /// Keeps no raw documents. Records can then be neither traced to their bytes nor rebuilt.
    pub fn without_raw(mut self) -> Self {
        self.0.raw = None;
        self
    }

    /// Sets how curated records are compressed.
    pub fn compression(mut self, compression: Compression, level: i32) -> Self {
        self.0.curated = Some((compression, level));
        self
    }

    /// Keeps raw documents only. Records are then counted and not parsed.
    pub fn raw_only(mut self) -> Self {
        self.0.curated = None;
        self
    }

    /// Partitions curated records by this, in place of the day of acquisition. Called again, it adds a level below.
    pub fn partition(mut self, partition: Partition) -> Self {
        let chosen = self.0.partitions.iter().filter(|known| !known.is_acquired()).cloned();
        self.0.partitions = chosen.chain([partition]).collect();
        self
    }

    /// Sets how many bytes of records, before compression, an object should hold.
    pub fn target_bytes(mut self, bytes: usize) -> Self {
        self.0.target_bytes = bytes;
        self
    }

    /// Writes curated records as Parquet in place of lines of JSON.
    #[cfg(feature = "parquet")]
    pub fn parquet(mut self, settings: ParquetSettings) -> Self {
        self.0.lake = self.0.lake.with_format(ParquetFormat::new());
        self.0.parquet = Some(settings);
        self
    }

    /// Replaces time, randomness and processors, for simulations.
    pub fn ambient(mut self, ambient: Ambient) -> Self {
        self.0.ambient = ambient;
        self
    }

    /// Sets how often a request of the ledger is tried again.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    /// The way to land.
    pub fn build(self) -> LakeSink {
        self.0
    }
}

impl Land for LakeSink {
    fn landing(&self) -> Result<Landing> {
        let store: &Arc<dyn ObjectStore> = self.lake.store();
        let ledger = self.lake.ledger().clone().with_retry(self.retry.clone(), self.ambient.clone());
        let archive = match self.raw {
            Some((compression, level)) => {
                let frames = Frames::new(compression, level)?;
                Some(Box::new(RawArchive::new(store, frames, &self.ambient)) as _)
            }
            None => None,
        };
        let sink = match self.curated {
            Some(compression) => Some(self.sink(compression)?),
            None => None,
        };
        let quarantine = LakeQuarantine::new(store, &self.ambient);
        Ok(Landing { archive, sink, quarantine: Box::new(quarantine), ledger: Box::new(ledger) })
    }

    fn lake(&self) -> Option<&Lake> {
        Some(&self.lake)
    }
}

//! How curated records become Parquet.

use datalake_core::codec::Compression;
use datalake_core::{Error, Result};
use parquet::basic::{Compression as Codec, Encoding, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use serde_json::{Value, json};

use super::{Contract, Schema, file};

/// How curated records become Parquet. Compression is that of the [`LakeSink`](super::super::LakeSink): zstd or none.
///
/// ```
/// use datalake_sinks::lake::{Contract, ParquetSettings};
///
/// let schema = r#"{"id":"int64","price":"decimal(18,2)","placed_at":"timestamp"}"#.parse()?;
/// let settings = ParquetSettings::new().schema(schema).contract(Contract::QuarantineRow).bloom_filter("id");
/// # let _ = settings;
/// # Ok::<(), datalake_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ParquetSettings {
    pub(super) contract: Contract,
    pub(super) schema: Option<Schema>,
    pub(super) doubles: bool,
    pub(super) file_bytes: usize,
    row_group_rows: usize,
    row_group_bytes: usize,
    statistics: bool,
    bloom: Vec<String>,
}

impl Default for ParquetSettings {
    fn default() -> Self {
        Self::new()
    }
}

impl ParquetSettings {
    /// A schema that is inferred and evolves; row groups of at most 1,048,576 rows and 128 MiB; one file a partition
    /// and commit, of at most 512 MiB of records; statistics of every page; no Bloom filters.
    #[must_use]
    pub fn new() -> Self {
        Self {
            contract: Contract::Evolve,
            schema: None,
            doubles: false,
            file_bytes: 512 << 20,
            row_group_rows: 1 << 20,
            row_group_bytes: 128 << 20,
            statistics: true,
            bloom: Vec::new(),
        }
    }

    /// Sets what becomes of values that do not fit the schema.
    #[must_use]
    pub fn contract(mut self, contract: Contract) -> Self {
        self.contract = contract;
        self
    }

    /// Gives the columns, in place of those that the first records show.
    #[must_use]
    pub fn schema(mut self, schema: Schema) -> Self {
        self.schema = Some(schema);
        self
    }

    /// Makes columns of numbers with decimal places doubles where that says the same, in place of decimals: smaller
    /// and quicker to compute with, and what was written as 0.30 is 0.3.
    #[must_use]
    pub fn doubles(mut self) -> Self {
        self.doubles = true;
        self
    }

    /// Sets how many bytes of records, before compression, a file may hold. A partition with more in one commit gets
    /// several files.
    #[must_use]
    pub fn file_bytes(mut self, bytes: usize) -> Self {
        self.file_bytes = bytes.max(1);
        self
    }

    /// Sets how many rows, and bytes as encoded, a row group may have.
    #[must_use]
    pub fn row_groups(mut self, rows: usize, bytes: usize) -> Self {
        self.row_group_rows = rows.max(1);
        self.row_group_bytes = bytes.max(1);
        self
    }

    /// Keeps no statistics but those of whole row groups.
    #[must_use]
    pub fn without_page_statistics(mut self) -> Self {
        self.statistics = false;
        self
    }

    /// Adds a Bloom filter for a column; the members of objects are reached with dots, as in `customer.id`.
    #[must_use]
    pub fn bloom_filter(mut self, column: impl Into<String>) -> Self {
        self.bloom.push(column.into());
        self
    }

    /// What decides the output.
    pub(super) fn describe(&self) -> Value {
        json!({
            "contract": self.contract,
            "schema": self.schema.as_ref().map(ToString::to_string),
            "doubles": self.doubles,
            "file_bytes": self.file_bytes,
            "row_group": [self.row_group_rows, self.row_group_bytes],
            "page_statistics": self.statistics,
            "bloom": self.bloom,
        })
    }

    /// The properties of a file.
    pub(super) fn properties(
        &self,
        compression: (Compression, i32),
        metadata: Vec<KeyValue>,
    ) -> Result<WriterProperties> {
        let codec = match compression {
            (Compression::None, _) => Codec::UNCOMPRESSED,
            (Compression::Zstd, level) => {
                let level = ZstdLevel::try_new(level).map_err(|cause| {
                    Error::config("there is no such level").with("level", level).caused_by(cause)
                })?;
                Codec::ZSTD(level)
            }
            (other, _) => {
                return Err(
                    Error::config("Parquet is compressed with zstd or not at all").with("codec", other)
                );
            }
        };
        let statistics = if self.statistics { EnabledStatistics::Page } else { EnabledStatistics::Chunk };
        let mut properties = WriterProperties::builder()
            .set_created_by(concat!("datalake ", env!("CARGO_PKG_VERSION")).into())
            .set_compression(codec)
            .set_statistics_enabled(statistics)
            .set_max_row_group_row_count(Some(self.row_group_rows))
            .set_max_row_group_bytes(Some(self.row_group_bytes))
            .set_key_value_metadata(Some(metadata));
        // Ordinals rise by one: their differences take no room, a dictionary of them takes much.
        let ordinal = ColumnPath::from(file::ORDINAL);
        properties = properties
            .set_column_dictionary_enabled(ordinal.clone(), false)
            .set_column_encoding(ordinal, Encoding::DELTA_BINARY_PACKED);
        for column in [file::BATCH, file::ORDINAL] {
            let chunk = EnabledStatistics::Chunk;
            properties = properties.set_column_statistics_enabled(ColumnPath::from(column), chunk);
        }
        for column in &self.bloom {
            let path: Vec<String> = column.split('.').map(str::to_owned).collect();
            properties = properties.set_column_bloom_filter_enabled(ColumnPath::new(path), true);
        }
        Ok(properties.build())
    }
}

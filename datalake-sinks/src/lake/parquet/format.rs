//! Reading a lake with Parquet in it.

use bytes::Bytes;
use datalake_core::Result;
use datalake_core::lake::{ObjectFormat, Piece};

use super::{join, line};

/// Lets a lake be read, and its objects joined, whose curated records are Parquet: give it to
/// [`Lake::with_format`](datalake_core::lake::Lake::with_format). A [`LakeSink`](super::super::LakeSink) that writes
/// Parquet has it already.
///
/// Rows become lines of JSON with their stamp. What is null has no member; decimals have the places of their column;
/// values that no column held are in `_lake_rescued`.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct ParquetFormat;

impl ParquetFormat {
    /// The name of the format in the ledger.
    pub const NAME: &'static str = "parquet";

    /// The format.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

impl ObjectFormat for ParquetFormat {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn lines(&self, object: &Bytes) -> Result<Bytes> {
        line::lines(object)
    }

    fn join(&self, pieces: &[Piece]) -> Result<Bytes> {
        join::join(pieces)
    }
}

//! Sinks of `datalake`, one feature and one folder each.
//!
//! | feature | kind | writes |
//! |---|---|---|
//! | `lake` | `lake.ndjson` | raw documents, curated records as NDJSON, quarantine and ledger, on any object store |
//! | `s3` | | a store for lakes on S3 |
//! | `parquet` | `lake.parquet` | the same, with curated records as Parquet |

#[cfg(feature = "lake")]
pub mod lake;
#[cfg(feature = "s3")]
pub mod s3;

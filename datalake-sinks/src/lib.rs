//! Sinks of `datalake`, one feature and one folder each.
//!
//! | feature | kind | writes |
//! |---|---|---|
//! | `firehose` | `aws.firehose` | events into a delivery stream of Firehose |
//! | `kinesis` | `aws.kinesis` | events onto a stream of Kinesis |
//! | `lake` | `lake.ndjson` | raw documents, curated records as NDJSON, quarantine and ledger, on any object store |
//! | `s3` | | a store for lakes on S3 |
//! | `parquet` | `lake.parquet` | the same, with curated records as Parquet |

#[cfg(feature = "firehose")]
pub mod firehose;
#[cfg(feature = "kinesis")]
pub mod kinesis;
#[cfg(feature = "lake")]
pub mod lake;
#[cfg(feature = "s3")]
pub mod s3;
#[cfg(any(feature = "firehose", feature = "kinesis"))]
pub mod stream;

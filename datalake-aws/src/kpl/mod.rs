//! Aggregated records of Kinesis: several records of a user in one record of a stream, in the format of Amazon's
//! producer library.
//!
//! An aggregate is four bytes of magic, a protobuf message and the MD5 of that message. Consumers of Amazon's libraries,
//! Firehose and event sources with de-aggregation take it apart.
//!
//! ```
//! use datalake_aws::kpl::{Aggregate, disaggregate};
//!
//! let mut aggregate = Aggregate::new();
//! aggregate.push("customer-1", None, "first".into());
//! aggregate.push("customer-1", None, "second".into());
//! let length = aggregate.len();
//! let bytes = aggregate.finish();
//! assert_eq!(bytes.len(), length);
//!
//! let parts = disaggregate(&bytes).unwrap_or_default();
//! assert_eq!(parts[1].data, "second");
//! assert!(disaggregate(&"no aggregate".into()).is_none());
//! ```

mod aggregate;
mod disaggregate;
mod message;
#[cfg(test)]
mod tests;

pub use aggregate::Aggregate;
pub use disaggregate::{Part, disaggregate};

use md5::{Digest, Md5};

/// What an aggregate begins with.
const MAGIC: [u8; 4] = [0xf3, 0x89, 0x9a, 0xc2];

/// The length of the digest at its end.
const DIGEST: usize = 16;

/// Where a partition key lies among the 128-bit hash keys that the shards of a stream divide between them.
#[must_use]
pub fn hash_key(partition_key: &str) -> u128 {
    u128::from_be_bytes(digest(partition_key.as_bytes()))
}

fn digest(bytes: &[u8]) -> [u8; DIGEST] {
    let mut digest = [0; DIGEST];
    digest.copy_from_slice(&Md5::digest(bytes));
    digest
}

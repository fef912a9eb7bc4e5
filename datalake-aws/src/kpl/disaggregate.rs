//! Records taken apart.

use bytes::Bytes;
use prost::Message as _;

use super::message::Message;
use super::{DIGEST, MAGIC, digest, hash_key};

/// A record of a user in an aggregate. Its sub-sequence number is its index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The partition key it was given.
    pub partition_key: String,
    /// The explicit hash key it was given, a decimal number.
    pub explicit_hash_key: Option<String>,
    /// Its bytes.
    pub data: Bytes,
}

impl Part {
    /// Where it belongs among the hash keys: the explicit one, if it is a number, or that of the partition key.
    ///
    /// After a shard was split or merged an aggregate can hold records that belong to a neighbour. Amazon's consumers
    /// drop such an aggregate whole, since its producer sends it again.
    #[must_use]
    pub fn hash_key(&self) -> u128 {
        let explicit = self.explicit_hash_key.as_ref().and_then(|key| key.parse().ok());
        explicit.unwrap_or_else(|| hash_key(&self.partition_key))
    }
}

/// The records in an aggregate, in order. `None` for a record that is none, whatever it looks like: one whose digest
/// does not hold or that does not decode is the record of somebody whose data happens to begin like an aggregate.
///
/// The bytes are shared and not copied.
#[must_use]
pub fn disaggregate(data: &Bytes) -> Option<Vec<Part>> {
    let rest = data.len().checked_sub(MAGIC.len()).filter(|rest| *rest > DIGEST)?;
    if !data.starts_with(&MAGIC) {
        return None;
    }
    let end = MAGIC.len() + rest - DIGEST;
    let encoded = data.slice(MAGIC.len()..end);
    if digest(&encoded) != data[end..] {
        return None;
    }
    let Message { partition_keys, explicit_hash_keys, records } = Message::decode(encoded).ok()?;
    let parts = records.into_iter().map(|item| {
        let key = |table: &[String], place: u64| table.get(usize::try_from(place).ok()?).cloned();
        Some(Part {
            partition_key: key(&partition_keys, item.partition_key)?,
            explicit_hash_key: match item.explicit_hash_key {
                Some(place) => Some(key(&explicit_hash_keys, place)?),
                None => None,
            },
            data: item.data,
        })
    });
    parts.collect()
}

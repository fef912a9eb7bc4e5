//! Records put together.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use prost::Message as _;
use prost::encoding::encoded_len_varint;

use super::message::{Item, Message};
use super::{DIGEST, MAGIC, digest};

/// Records being put together.
///
/// A whole aggregate goes to one shard. Consumers that know the range of their shard drop an aggregate if one of its
/// records would belong elsewhere, so records with other partition keys need the explicit hash key of the aggregate.
#[derive(Debug, Default)]
pub struct Aggregate {
    message: Message,
    partition_keys: HashMap<String, u64>,
    explicit_hash_keys: HashMap<u128, u64>,
    encoded: usize,
}

impl Aggregate {
    /// No records.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a record. The explicit hash key, if any, counts in place of the partition key.
    pub fn push(&mut self, partition_key: &str, explicit_hash_key: Option<u128>, data: Bytes) {
        self.encoded += self.added(partition_key, explicit_hash_key, data.len());
        let partition_key = match self.partition_keys.get(partition_key) {
            Some(place) => *place,
            None => {
                let place = self.message.partition_keys.len() as u64;
                self.message.partition_keys.push(partition_key.to_owned());
                self.partition_keys.insert(partition_key.to_owned(), place);
                place
            }
        };
        let explicit_hash_key = explicit_hash_key.map(|key| {
            let table = &mut self.message.explicit_hash_keys;
            *self.explicit_hash_keys.entry(key).or_insert_with(|| {
                table.push(key.to_string());
                table.len() as u64 - 1
            })
        });
        self.message.records.push(Item { partition_key, explicit_hash_key, data });
    }

    /// The length that the aggregate would have with one record more, in bytes.
    #[must_use]
    pub fn len_with(&self, partition_key: &str, explicit_hash_key: Option<u128>, data: usize) -> usize {
        self.len() + self.added(partition_key, explicit_hash_key, data)
    }

    /// The length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        MAGIC.len() + self.encoded + DIGEST
    }

    /// Whether there are no records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.message.records.is_empty()
    }

    /// How many records there are.
    #[must_use]
    pub fn records(&self) -> usize {
        self.message.records.len()
    }

    /// The aggregate as the data of one record.
    #[must_use]
    pub fn finish(self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(self.len());
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&self.message.encode_to_vec());
        let digest = digest(&bytes[MAGIC.len()..]);
        bytes.extend_from_slice(&digest);
        bytes.freeze()
    }

    fn added(&self, partition_key: &str, explicit_hash_key: Option<u128>, data: usize) -> usize {
        let mut added = 0;
        let mut item = field(data);
        item += match self.partition_keys.get(partition_key) {
            Some(place) => 1 + encoded_len_varint(*place),
            None => {
                added += field(partition_key.len());
                1 + encoded_len_varint(self.message.partition_keys.len() as u64)
            }
        };
        if let Some(key) = explicit_hash_key {
            item += match self.explicit_hash_keys.get(&key) {
                Some(place) => 1 + encoded_len_varint(*place),
                None => {
                    added += field(key.to_string().len());
                    1 + encoded_len_varint(self.message.explicit_hash_keys.len() as u64)
                }
            };
        }
        added + field(item)
    }
}

/// The length of a field with so many bytes in it.
fn field(len: usize) -> usize {
    1 + encoded_len_varint(len as u64) + len
}

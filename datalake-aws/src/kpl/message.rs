//! The protobuf messages in an aggregate.

use bytes::Bytes;

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Message {
    #[prost(string, repeated, tag = "1")]
    pub(super) partition_keys: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(super) explicit_hash_keys: Vec<String>,
    #[prost(message, repeated, tag = "3")]
    pub(super) records: Vec<Item>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Item {
    /// Its place in the table of partition keys.
    #[prost(uint64, required, tag = "1")]
    pub(super) partition_key: u64,
    /// Its place in the table of explicit hash keys.
    #[prost(uint64, optional, tag = "2")]
    pub(super) explicit_hash_key: Option<u64>,
    #[prost(bytes = "bytes", required, tag = "3")]
    pub(super) data: Bytes,
}

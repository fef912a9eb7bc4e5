//! Calls to the service.

use async_trait::async_trait;
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::PutRecordsRequestEntry;
use datalake_aws::error::classify;
use datalake_core::{Error, Result};

use crate::stream::{Entry, Placed, Put};

/// A stream, by its name or its ARN.
#[derive(Debug, Clone)]
pub(super) struct Stream {
    pub(super) client: Client,
    pub(super) name: String,
    pub(super) arn: Option<String>,
}

impl Stream {
    pub(super) fn new(client: Client, stream: &str) -> Self {
        let name = stream.rsplit('/').next().unwrap_or_default().to_owned();
        Self { client, name, arn: stream.starts_with("arn:").then(|| stream.to_owned()) }
    }
}

#[async_trait]
impl Put for Stream {
    async fn put(&self, entries: &[&Entry]) -> Result<Vec<Result<Placed, String>>> {
        let request = match &self.arn {
            Some(arn) => self.client.put_records().stream_arn(arn),
            None => self.client.put_records().stream_name(&self.name),
        };
        let records = entries.iter().map(|entry| {
            PutRecordsRequestEntry::builder()
                .partition_key(&entry.key)
                .set_explicit_hash_key(entry.explicit_hash_key.map(|key| key.to_string()))
                .data(Blob::new(&*entry.data))
                .build()
                .map_err(|cause| Error::unexpected("a request could not be built").caused_by(cause))
        });
        let request = request.set_records(Some(records.collect::<Result<_>>()?));
        let answer = request.send().await.map_err(|error| {
            classify("records were not put on the stream", &error).with("stream", &self.name)
        })?;
        let outcome = |record: &aws_sdk_kinesis::types::PutRecordsResultEntry| match (
            record.error_code(),
            record.shard_id(),
            record.sequence_number(),
        ) {
            (None, Some(shard), Some(sequence)) => {
                Ok(Placed { shard: shard.into(), sequence: sequence.into() })
            }
            (code, _, _) => Err(code.unwrap_or("NoSequenceNumber").to_owned()),
        };
        Ok(answer.records().iter().map(outcome).collect())
    }
}

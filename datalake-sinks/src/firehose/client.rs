//! Calls to the service.

use async_trait::async_trait;
use aws_sdk_firehose::Client;
use aws_sdk_firehose::primitives::Blob;
use aws_sdk_firehose::types::{PutRecordBatchResponseEntry, Record};
use datalake_aws::error::classify;
use datalake_core::{Error, Result};

use crate::stream::{Entry, Placed, Put};

/// A delivery stream, by its name.
#[derive(Debug, Clone)]
pub(super) struct Stream {
    pub(super) client: Client,
    pub(super) name: String,
}

#[async_trait]
impl Put for Stream {
    async fn put(&self, entries: &[&Entry]) -> Result<Vec<Result<Placed, String>>> {
        let records = entries.iter().map(|entry| {
            let record = Record::builder().data(Blob::new(&*entry.data)).build();
            record.map_err(|cause| Error::unexpected("a request could not be built").caused_by(cause))
        });
        let request = self.client.put_record_batch().delivery_stream_name(&self.name);
        let request = request.set_records(Some(records.collect::<Result<_>>()?));
        let answer = request.send().await.map_err(|error| {
            classify("records were not put into the delivery stream", &error).with("stream", &self.name)
        })?;
        let outcome = |record: &PutRecordBatchResponseEntry| match (record.error_code(), record.record_id()) {
            (None, Some(id)) => Ok(Placed { shard: String::new(), sequence: id.into() }),
            (code, _) => Err(code.unwrap_or("NoRecordId").to_owned()),
        };
        Ok(answer.request_responses().iter().map(outcome).collect())
    }
}

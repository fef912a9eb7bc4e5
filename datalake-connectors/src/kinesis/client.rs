//! Calls to the service.

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::operation::RequestId;
use aws_sdk_kinesis::primitives::DateTime;
use aws_sdk_kinesis::types::{Record, ShardIteratorType};
use bytes::Bytes;
use datalake_aws::error::{classify, code};
use datalake_core::{Error, ErrorKind, Result};

use super::SYSTEM;
use super::place::Place;

/// A stream, by its name or its ARN.
#[derive(Debug, Clone)]
pub(super) struct Stream {
    client: Client,
    pub(super) name: String,
    arn: Option<String>,
}

/// A shard as the stream lists it.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) id: String,
    pub(super) parents: Vec<String>,
}

/// A record of a shard.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) sequence: String,
    pub(super) arrived: i64,
    pub(super) data: Bytes,
}

/// An answer of a shard.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) records: Vec<Read>,
    /// `None` at the end of the shard.
    pub(super) next: Option<String>,
    /// Milliseconds behind the newest record.
    pub(super) behind: i64,
    pub(super) request: Option<String>,
}

impl Stream {
    pub(super) fn new(client: Client, stream: &str) -> Self {
        let name = stream.rsplit('/').next().unwrap_or_default().to_owned();
        Self { client, name, arn: stream.starts_with("arn:").then(|| stream.to_owned()) }
    }

    fn by_name(&self) -> Option<String> {
        self.arn.is_none().then(|| self.name.clone())
    }

    pub(super) async fn list(&self) -> Result<Vec<Listed>> {
        let mut shards = Vec::new();
        let mut next = None;
        loop {
            let request = self.client.list_shards();
            let request = match next.take() {
                Some(token) => request.next_token(token),
                None => request.set_stream_name(self.by_name()).set_stream_arn(self.arn.clone()),
            };
            let answer =
                request.send().await.map_err(|e| self.named(classify("the shards were not listed", &e)))?;
            shards.extend(answer.shards().iter().map(|shard| {
                let parents = [shard.parent_shard_id(), shard.adjacent_parent_shard_id()];
                let parents = parents.into_iter().flatten().map(str::to_owned).collect();
                Listed { id: shard.shard_id().to_owned(), parents }
            }));
            next = answer.next_token;
            if next.is_none() {
                return Ok(shards);
            }
        }
    }

    /// An iterator at a place; that of a record begins with the record itself. `None` if the shard is read.
    pub(super) async fn iterator(&self, shard: &str, place: &Place) -> Result<Option<String>> {
        let request = self.client.get_shard_iterator().shard_id(shard);
        let request = request.set_stream_name(self.by_name()).set_stream_arn(self.arn.clone());
        let request = match place {
            Place::Horizon => request.shard_iterator_type(ShardIteratorType::TrimHorizon),
            Place::Time(millis) => request
                .shard_iterator_type(ShardIteratorType::AtTimestamp)
                .timestamp(DateTime::from_millis(*millis)),
            Place::After(after) => request
                .shard_iterator_type(ShardIteratorType::AtSequenceNumber)
                .starting_sequence_number(&after.sequence),
            Place::Ended => return Ok(None),
        };
        let answer = request.send().await.map_err(|error| {
            let gone = matches!(code(&error), Some("InvalidArgumentException" | "ResourceNotFoundException"))
                && matches!(place, Place::After(_));
            let classified = classify("a shard could not be opened at its place", &error);
            let error = if gone {
                Error::new(
                    ErrorKind::PositionInvalid,
                    "the stream no longer has the place that was read last",
                )
                .caused_by(classified)
            } else {
                classified
            };
            self.named(error).with("shard", shard)
        })?;
        let none = || self.named(Error::unexpected("the answer has no iterator")).with("shard", shard);
        answer.shard_iterator.map(Some).ok_or_else(none)
    }

    /// What follows in a shard. `None` if the iterator has expired.
    pub(super) async fn read(&self, shard: &str, iterator: &str, limit: i32) -> Result<Option<Page>> {
        let answer = self.client.get_records().shard_iterator(iterator).limit(limit);
        let answer = match answer.set_stream_arn(self.arn.clone()).send().await {
            Ok(answer) => answer,
            Err(error) if code(&error) == Some("ExpiredIteratorException") => return Ok(None),
            Err(error) => {
                return Err(self.named(classify("a shard was not read", &error)).with("shard", shard));
            }
        };
        let request = answer.request_id().map(str::to_owned);
        let read = |record: Record| Read {
            sequence: record.sequence_number,
            arrived: record
                .approximate_arrival_timestamp
                .and_then(|time| time.to_millis().ok())
                .unwrap_or_default(),
            data: record.data.into_inner().into(),
        };
        Ok(Some(Page {
            records: answer.records.into_iter().map(read).collect(),
            next: answer.next_shard_iterator,
            behind: answer.millis_behind_latest.unwrap_or_default(),
            request,
        }))
    }

    /// How long the stream keeps a record, in milliseconds.
    pub(super) async fn retention(&self) -> Result<i64> {
        let request = self.client.describe_stream_summary();
        let request = request.set_stream_name(self.by_name()).set_stream_arn(self.arn.clone());
        let answer = request
            .send()
            .await
            .map_err(|error| self.named(classify("the stream was not described", &error)))?;
        let hours = answer.stream_description_summary().map(|summary| summary.retention_period_hours());
        let none = || self.named(Error::unexpected("the answer does not say how long records are kept"));
        Ok(i64::from(hours.ok_or_else(none)?) * 3_600_000)
    }

    fn named(&self, error: Error) -> Error {
        error.component(SYSTEM).with("stream", &self.name)
    }
}

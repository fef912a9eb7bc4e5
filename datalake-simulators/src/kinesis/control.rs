//! Streams created, described, split and merged.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::State;
use super::shard::Shard;
use super::stream::Stream;
use crate::json::{Answer, Refusal, answer, lock, of_arn, read};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    stream_name: Option<String>,
    #[serde(rename = "StreamARN")]
    stream_arn: Option<String>,
    shard_count: Option<u32>,
    max_record_size_in_ki_b: Option<usize>,
    exclusive_start_shard_id: Option<String>,
    next_token: Option<String>,
    max_results: Option<usize>,
    shard_filter: Option<Filter>,
    shard_to_split: Option<String>,
    new_starting_hash_key: Option<String>,
    shard_to_merge: Option<String>,
    adjacent_shard_to_merge: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Filter {
    r#type: String,
    shard_id: Option<String>,
}

fn kibibytes(size: usize) -> Result<usize, Refusal> {
    if (1024..=10_240).contains(&size) {
        return Ok(size << 10);
    }
    Err(Refusal::new("ValidationException", format!("MaxRecordSizeInKiB is 1024 to 10240, not {size}")))
}

fn missing(what: &str) -> Refusal {
    Refusal::new("ValidationException", format!("{what} is missing"))
}

impl State {
    pub(super) fn create_stream(&self, body: &Bytes) -> Answer {
        let request: Named = read(body)?;
        let name = request.stream_name.ok_or_else(|| missing("StreamName"))?;
        let mut stream = Stream::new(&name, request.shard_count.unwrap_or(4).max(1));
        if let Some(size) = request.max_record_size_in_ki_b {
            stream.max_record = kibibytes(size)?;
        }
        let mut streams = lock(&self.streams);
        if streams.contains_key(&name) {
            let message = format!("Stream {name} under account {} already exists.", super::stream::ACCOUNT);
            return Err(Refusal::new("ResourceInUseException", message));
        }
        streams.insert(name, stream);
        Ok(b"{}".to_vec())
    }

    pub(super) fn delete_stream(&self, body: &Bytes) -> Answer {
        let request: Named = read(body)?;
        let name = self.with(&request, |stream| Ok(stream.name.clone()))?;
        lock(&self.streams).remove(&name);
        Ok(b"{}".to_vec())
    }

    pub(super) fn list_streams(&self) -> Answer {
        let streams = lock(&self.streams);
        let names: Vec<_> = streams.keys().collect();
        answer(&json!({ "HasMoreStreams": false, "StreamNames": names }))
    }

    pub(super) fn describe_stream(&self, body: &Bytes) -> Answer {
        let request: Named = read(body)?;
        self.with(&request, |stream| {
            let after = request.exclusive_start_shard_id.as_deref().unwrap_or_default();
            let mut shards = stream.shards.iter().filter(|shard| shard.id.as_str() > after);
            let page: Vec<_> =
                shards.by_ref().take(self.limits.shards_per_page).map(Shard::describe).collect();
            let mut description = summary(stream);
            description["Shards"] = page.into();
            description["HasMoreShards"] = shards.next().is_some().into();
            answer(&json!({ "StreamDescription": description }))
        })
    }

    pub(super) fn describe_stream_summary(&self, body: &Bytes) -> Answer {
        self.with(&read(body)?, |stream| {
            let mut description = summary(stream);
            let open = stream.shards.iter().filter(|shard| shard.ended.is_none()).count();
            description["OpenShardCount"] = open.into();
            description["MaxRecordSizeInKiB"] = (stream.max_record >> 10).into();
            answer(&json!({ "StreamDescriptionSummary": description }))
        })
    }

    pub(super) fn list_shards(&self, body: &Bytes) -> Answer {
        let mut request: Named = read(body)?;
        if let Some(token) = request.next_token.take() {
            let (stream, after) = token.split_once('/').ok_or_else(|| {
                Refusal::new("ExpiredNextTokenException", "the token is none of this service")
            })?;
            request.stream_name = Some(stream.into());
            request.exclusive_start_shard_id = Some(after.into());
        }
        self.with(&request, |stream| {
            let after = request.exclusive_start_shard_id.as_deref().unwrap_or_default();
            let filter = request.shard_filter.as_ref();
            let wanted = |shard: &&Shard| match filter.map(|filter| filter.r#type.as_str()) {
                Some("AT_LATEST") => shard.ended.is_none(),
                Some("AFTER_SHARD_ID") => {
                    Some(shard.id.as_str()) > filter.and_then(|filter| filter.shard_id.as_deref())
                }
                _ => true,
            };
            let most = request.max_results.unwrap_or(usize::MAX).min(self.limits.shards_per_page);
            let mut shards = stream.shards.iter().filter(|shard| shard.id.as_str() > after).filter(wanted);
            let page: Vec<_> = shards.by_ref().take(most).collect();
            let mut list = json!({ "Shards": page.iter().map(|shard| shard.describe()).collect::<Vec<_>>() });
            if let (Some(last), true) = (page.last(), shards.next().is_some()) {
                list["NextToken"] = format!("{}/{}", stream.name, last.id).into();
            }
            answer(&list)
        })
    }

    pub(super) fn split_shard(&self, body: &Bytes) -> Answer {
        let request: Named = read(body)?;
        let id = request.shard_to_split.clone().ok_or_else(|| missing("ShardToSplit"))?;
        let key = request.new_starting_hash_key.as_deref().unwrap_or_default();
        let at = key.parse().map_err(|_| missing("NewStartingHashKey"))?;
        self.with(&request, |stream| stream.split(&id, at))?;
        Ok(b"{}".to_vec())
    }

    pub(super) fn merge_shards(&self, body: &Bytes) -> Answer {
        let request: Named = read(body)?;
        let one = request.shard_to_merge.clone().ok_or_else(|| missing("ShardToMerge"))?;
        let other = request.adjacent_shard_to_merge.clone();
        let other = other.ok_or_else(|| missing("AdjacentShardToMerge"))?;
        self.with(&request, |stream| stream.merge(&one, &other))?;
        Ok(b"{}".to_vec())
    }

    pub(super) fn update_max_record_size(&self, body: &Bytes) -> Answer {
        let request: Named = read(body)?;
        let size = request.max_record_size_in_ki_b.ok_or_else(|| missing("MaxRecordSizeInKiB"))?;
        let size = kibibytes(size)?;
        self.with(&request, |stream| {
            stream.max_record = size;
            Ok(b"{}".to_vec())
        })
    }

    fn with<T>(
        &self,
        request: &Named,
        act: impl FnOnce(&mut Stream) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let name = request.stream_name.as_deref();
        let name = name.or_else(|| of_arn(request.stream_arn.as_deref()?, "stream/"));
        self.stream(name, None, act)
    }
}

fn summary(stream: &Stream) -> Value {
    json!({
        "StreamName": stream.name,
        "StreamARN": stream.arn(),
        "StreamStatus": "ACTIVE",
        "StreamModeDetails": { "StreamMode": "PROVISIONED" },
        "RetentionPeriodHours": 24,
        "StreamCreationTimestamp": stream.created as f64 / 1000.0,
        "EnhancedMonitoring": [],
        "EncryptionType": "NONE",
    })
}

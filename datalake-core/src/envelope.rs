//! The lineage envelope: where a batch came from, when it was acquired, and by whom and what it was changed.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::digest::Sha256;
use crate::id::{Dataset, PipelineId};

/// Where a batch came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The kind of the source, for instance `web.poll`.
    pub system: String,
    /// The dataset it goes to.
    pub dataset: Dataset,
    /// Where the source reads, without credentials.
    pub locator: String,
    /// The requests that brought the documents, where the silo names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<Request>,
}

/// One request to a silo, as far as the silo lets it be named again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The id the silo gave the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What was asked for, without credentials or secrets in the query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locator: Option<String>,
    /// The entity tag of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// When the silo says the answer last changed, in its own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// The status of the answer, for instance 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

/// An object of a lake that a batch was made from, and the commit that names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Derived {
    /// The pipeline whose commit names the object.
    pub pipeline: PipelineId,
    /// The slot of that commit.
    pub commit: u64,
    /// Where the object is.
    pub uri: String,
    /// The digest of its bytes, as stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256>,
    /// Its length, as stored.
    pub bytes: u64,
    /// Its records, whether or not all of them are in the batch.
    pub records: u64,
}

/// When a batch was acquired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acquired {
    /// When the source was first asked.
    pub start: DateTime<Utc>,
    /// When the last document had come.
    pub end: DateTime<Utc>,
}

/// Who acquired and changed a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worker {
    /// The name of the program.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The commit it was built from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_sha: Option<String>,
    /// The digest of the pipeline's configuration: source, transforms and sinks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Sha256>,
    /// The host, function or container it ran on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The region it ran in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The invocation, where a platform counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invocation: Option<String>,
    /// The trace that the invocation belongs to, by its W3C trace id: 32 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

impl Worker {
    /// A worker by the name and version of its program.
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            git_sha: None,
            config: None,
            host: None,
            region: None,
            invocation: None,
            trace: None,
        }
    }
}

/// One transform that a batch went through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// The number of the transform in the pipeline, from 1; 0 for the parser before the first.
    pub n: u32,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The digest of its configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Sha256>,
    /// When it began with the batch.
    pub start: DateTime<Utc>,
    /// When it was done.
    pub end: DateTime<Utc>,
    /// Records that went in.
    #[serde(rename = "in")]
    pub records_in: u64,
    /// Records that came out.
    #[serde(rename = "out")]
    pub records_out: u64,
    /// Records it left out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub filtered: u64,
    /// Records it refused.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rejected: u64,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl Hop {
    /// Adds what the same transform did with the next part of the batch.
    pub(crate) fn absorb(&mut self, other: &Self) {
        self.start = self.start.min(other.start);
        self.end = self.end.max(other.end);
        self.records_in += other.records_in;
        self.records_out += other.records_out;
        self.filtered += other.filtered;
        self.rejected += other.rejected;
    }
}

/// The lineage envelope of a batch. The engine writes it; no author can forge or forget a hop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Where from.
    pub origin: Origin,
    /// When.
    pub acquired: Acquired,
    /// By whom.
    pub worker: Arc<Worker>,
    /// The run, a version 7 UUID: one call of `drain` or `run_until`.
    pub run: String,
    /// Changed by what.
    pub hops: Vec<Hop>,
    /// The objects of another lake, or of another zone, that it was made from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub derived_from: Vec<Derived>,
}

/// The digest of a configuration: of its JSON text with the keys in order. `None` for `null`.
#[must_use]
pub fn config_digest(config: &Value) -> Option<Sha256> {
    (!config.is_null()).then(|| Sha256::of(config.to_string().as_bytes()))
}

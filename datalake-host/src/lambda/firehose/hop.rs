//! Lineage in a record that goes on over a stream: who changed it, when, and in which invocation.

use chrono::{DateTime, SecondsFormat, Utc};
use datalake_core::pipeline::Reshaper;
use serde_json::{Value, json};

/// What every record of one invocation gets: `"h":[{"by":…,"config":…,"at":…,"run":…,"steps":[…]}]`.
#[derive(Debug, Clone)]
pub(super) struct Hop {
    text: String,
}

/// What stays the same over all invocations.
#[derive(Debug, Clone)]
pub(super) struct Worker {
    by: String,
    config: Option<String>,
    steps: Vec<String>,
}

impl Worker {
    pub(super) fn of(reshaper: &Reshaper) -> Self {
        let worker = reshaper.worker();
        let described = reshaper.describe();
        let name = |step: &Value| {
            let part = |key: &str| step.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            format!("{}/{}", part("name"), part("version"))
        };
        let by = match worker.version.as_str() {
            "" => worker.name.clone(),
            version => format!("{}/{version}", worker.name),
        };
        Self {
            by,
            config: worker.config.map(|config| config.to_string()[..16].to_owned()),
            steps: described.as_array().into_iter().flatten().map(name).collect(),
        }
    }

    /// The hop of one invocation.
    pub(super) fn at(&self, now: DateTime<Utc>, invocation: &str) -> Hop {
        let at = now.to_rfc3339_opts(SecondsFormat::Secs, true);
        let mut hop = json!({ "by": self.by, "at": at, "steps": self.steps });
        if let Some(config) = &self.config {
            hop["config"] = json!(config);
        }
        if !invocation.is_empty() {
            hop["run"] = json!(invocation);
        }
        Hop { text: hop.to_string() }
    }
}

impl Hop {
    /// Writes the lineage of a record as the last member of its line, and closes the line.
    pub(super) fn close(&self, line: &mut Vec<u8>, wrapped: bool) {
        line.extend_from_slice(b"\"_lake\":{");
        if wrapped {
            line.extend_from_slice(b"\"w\":1,");
        }
        line.extend_from_slice(b"\"h\":[");
        line.extend_from_slice(self.text.as_bytes());
        line.extend_from_slice(b"]}}\n");
    }
}

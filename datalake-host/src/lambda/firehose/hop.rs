//! Lineage in a record that goes on over a stream: who changed it, when, and in which invocation.

use std::io::Write;

use chrono::{DateTime, SecondsFormat, Utc};
use datalake_core::pipeline::Reshaper;
use serde_json::{Value, json};

use super::envelope::Origin;

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
    /// About how many bytes it adds to a record that came from nowhere else.
    pub(super) fn usual(&self) -> usize {
        self.text.len() + 24
    }

    /// Writes the lineage of a record as the last member of its line, and closes the line. A record out of an event has
    /// its origin there; `child` is its number among the records that it became, or 0.
    pub(super) fn close(&self, line: &mut Vec<u8>, origin: Option<&Origin>, child: u16, wrapped: bool) {
        line.extend_from_slice(b"\"_lake\":{");
        // Writing to memory does not fail. Ids of records hold nothing that JSON would escape.
        if let Some(Origin { record, .. }) = origin {
            write!(line, r#""b":"{}","i":{},"#, record.batch, record.ordinal).ok();
            if record.child > 0 {
                write!(line, r#""c":{},"#, record.child).ok();
            }
        }
        if wrapped {
            line.extend_from_slice(br#""w":1,"#);
        }
        if let Some(Origin { event, .. }) = origin {
            let event = if child > 0 { format!("{event}.{child}") } else { event.clone() };
            write!(line, r#""e":{},"#, Value::from(event)).ok();
        }
        line.extend_from_slice(b"\"h\":[");
        line.extend_from_slice(self.text.as_bytes());
        line.extend_from_slice(b"]}}\n");
    }
}

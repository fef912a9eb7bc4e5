//! A record as an event.

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::SecondsFormat;
use datalake_core::lake::ndjson;
use datalake_core::{Batch, Content, Record};
use serde_json::{Value, json};

/// How a record is written to a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventFormat {
    /// A CloudEvents 1.0 event in structured JSON, on one line, with the record as its data. It carries the lineage of
    /// the record and an id by which a reader drops what it has seen.
    #[default]
    CloudEvents,
    /// The record alone. It carries nothing that tells a duplicate.
    Bare,
}

/// The media type of a record: of JSON, of text, of bytes that are no text.
#[must_use]
pub fn content_type(record: &Record) -> &'static str {
    match record.content() {
        Content::Json => "application/json",
        _ if std::str::from_utf8(record.body()).is_ok() => "text/plain",
        _ => "application/octet-stream",
    }
}

/// The settings by which records become events.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shape {
    pub(crate) format: EventFormat,
    pub(crate) source: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) newline: bool,
}

/// What an event holds of its record.
pub(crate) enum Data<'a> {
    Itself,
    /// The place where the record is kept.
    At(&'a str),
}

impl Shape {
    pub(crate) fn describe(&self) -> Value {
        let format = match self.format {
            EventFormat::CloudEvents => "cloudevents",
            EventFormat::Bare => "bare",
        };
        json!({ "format": format, "source": self.source, "type": self.kind, "newline": self.newline })
    }

    /// What the outputs of a receipt say of the format.
    pub(crate) fn name(&self) -> Option<String> {
        (self.format == EventFormat::CloudEvents).then(|| "cloudevents".into())
    }

    /// What all events of a batch begin with.
    pub(crate) fn head(&self, batch: &Batch) -> Head {
        let text = |text: &str| Value::from(text).to_string();
        let source = match &self.source {
            Some(source) => text(source),
            None => format!("\"/datalake/{}\"", batch.id.pipeline),
        };
        let kind = match &self.kind {
            Some(kind) => text(kind),
            None => text(&format!("datalake.{}", batch.dataset)),
        };
        let time = batch.envelope.acquired.start.to_rfc3339_opts(SecondsFormat::Millis, true);
        Head {
            common: format!(
                r#"{{"specversion":"1.0","source":{source},"type":{kind},"subject":"{}","time":"{time}","lakeattempt":"{}","#,
                batch.dataset, batch.attempt
            ),
            record: format!(r#""lakerecord":"{}/"#, batch.id),
            bare: self.format == EventFormat::Bare,
            newline: self.newline,
        }
    }
}

/// What all events of a batch begin with.
pub(crate) struct Head {
    common: String,
    record: String,
    bare: bool,
    newline: bool,
}

impl Head {
    /// Writes the event of a record.
    pub(crate) fn write(&self, record: &Record, origin: &str, id: &str, data: &Data<'_>) -> Vec<u8> {
        let mut event = Vec::with_capacity(record.body().len() + self.common.len() + 160);
        match self.bare {
            true => self.write_bare(&mut event, record),
            false => self.write_event(&mut event, record, origin, id, data),
        }
        if self.newline && !event.ends_with(b"\n") {
            event.push(b'\n');
        }
        event
    }

    fn write_bare(&self, event: &mut Vec<u8>, record: &Record) {
        match record.content() {
            Content::Json if self.newline => ndjson::one_line(event, record.body().trim_ascii()),
            _ => event.extend_from_slice(record.body()),
        }
    }

    fn write_event(&self, event: &mut Vec<u8>, record: &Record, origin: &str, id: &str, data: &Data<'_>) {
        let media = content_type(record);
        let mut head = String::with_capacity(160);
        // Writing to a string does not fail.
        write!(head, r#""id":"{id}",{}{origin}","datacontenttype":"{media}","#, self.record).ok();
        event.extend_from_slice(self.common.as_bytes());
        event.extend_from_slice(head.as_bytes());
        match data {
            Data::At(place) => {
                let place = Value::from(*place);
                event.extend_from_slice(format!(r#""dataref":{place}"#).as_bytes());
            }
            Data::Itself => match (media, std::str::from_utf8(record.body())) {
                ("application/json", _) => {
                    event.extend_from_slice(b"\"data\":");
                    ndjson::one_line(event, record.body().trim_ascii());
                }
                (_, Ok(text)) => {
                    event.extend_from_slice(b"\"data\":");
                    event.extend_from_slice(Value::from(text).to_string().as_bytes());
                }
                (_, Err(_)) => {
                    event.extend_from_slice(b"\"data_base64\":\"");
                    event.extend_from_slice(STANDARD.encode(record.body()).as_bytes());
                    event.push(b'"');
                }
            },
        }
        event.push(b'}');
    }
}

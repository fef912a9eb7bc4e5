//! What is gathered for one object.

use std::io::{self, Write};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::builder::Settings;
use super::event::uuid;

#[derive(Debug, Default)]
pub(super) struct Buffer {
    /// The prefix of the oldest record in it.
    prefix: String,
    since: Option<DateTime<Utc>>,
    bytes: Vec<u8>,
}

impl Buffer {
    pub(super) fn add(&mut self, prefix: &str, data: &[u8], now: DateTime<Utc>) {
        if self.since.is_none() {
            self.since = Some(now);
            self.prefix = prefix.into();
        }
        self.bytes.extend_from_slice(data);
    }

    /// When the oldest record in it came.
    pub(super) fn since(&self) -> Option<DateTime<Utc>> {
        self.since
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.since.is_none()
    }

    /// The object it becomes: its key and its content.
    pub(super) fn object(
        &self,
        settings: &Settings,
        number: u64,
        now: DateTime<Utc>,
        gzip: bool,
    ) -> io::Result<(String, Bytes)> {
        let (time, id) = (now.format("%Y-%m-%d-%H-%M-%S"), uuid(&settings.stream, number));
        let end = if gzip && settings.extension.is_empty() { ".gz" } else { &settings.extension };
        let key = format!("{}{}-1-{time}-{id}{end}", self.prefix, settings.stream);
        let body = if gzip {
            let mut out = GzEncoder::new(Vec::new(), Compression::fast());
            out.write_all(&self.bytes)?;
            out.finish()?
        } else {
            self.bytes.clone()
        };
        Ok((key, body.into()))
    }
}

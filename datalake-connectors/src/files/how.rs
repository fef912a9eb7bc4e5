//! What files on a disk and files in an object store have in common of their settings.

use std::time::Duration;

use datalake_core::codec::Expansion;
use datalake_core::{Error, Result};
use serde_json::{Value, json};

use super::format::Decoded;
use super::opening::Limits;
use super::{FileFormat, Finished};

/// How files are read.
#[derive(Debug, Clone)]
pub(super) struct How {
    pub(super) format: FileFormat,
    pub(super) finished: Finished,
    pub(super) decompress: bool,
    pub(super) batch_bytes: usize,
    pub(super) max_document_bytes: usize,
    pub(super) expansion: Expansion,
    pub(super) poll: Duration,
    pub(super) decoded: Vec<Decoded>,
}

impl How {
    pub(super) fn new(poll: Duration) -> Self {
        Self {
            format: FileFormat::Auto,
            finished: Finished::default(),
            decompress: true,
            batch_bytes: 4 << 20,
            max_document_bytes: 256 << 20,
            expansion: Expansion::default(),
            poll,
            decoded: Vec::new(),
        }
    }

    /// What is wrong with the settings.
    pub(super) fn check(&self) -> Result<()> {
        if self.batch_bytes == 0 || self.poll.is_zero() {
            return Err(Error::config("a batch has at least one byte, and the poll interval some length"));
        }
        if self.max_document_bytes < self.batch_bytes || self.max_document_bytes >= u32::MAX as usize {
            return Err(Error::config("a document is at least as large as a batch, and less than 4 GiB"));
        }
        self.finished.check()?;
        self.format.check()?;
        if !self.decoded.is_empty() && self.format != FileFormat::Auto {
            return Err(Error::config(
                "workbooks and tables are known by their extension: leave the format to it",
            ));
        }
        Ok(())
    }

    pub(super) fn limits(&self, follow: bool) -> Limits {
        Limits {
            batch: self.batch_bytes,
            document: self.max_document_bytes,
            expansion: self.expansion,
            decompress: self.decompress,
            follow,
        }
    }

    /// Adds to what lineage keeps the digest of.
    pub(super) fn tell(&self, config: &mut Value) {
        config["format"] = json!(self.format.name());
        config["decompress"] = json!(self.decompress);
        config["max_document_bytes"] = json!(self.max_document_bytes);
        if !self.decoded.is_empty() {
            config["decoded"] = self.decoded.iter().map(|decoded| json!(decoded.format)).collect();
        }
        if let Some(finished) = self.finished.config() {
            config["finished"] = finished;
        }
    }
}

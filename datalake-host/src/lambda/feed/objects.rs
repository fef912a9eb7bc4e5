//! Fetching new objects.

use std::sync::Arc;

use datalake_core::split::{detect_delimiter, detect_json};
use datalake_core::store::ObjectStore;
use datalake_core::{Csv, Document, Error, ErrorKind, Format, Result};

use super::super::delivery::Object;

/// As much of an object as is looked at to find out what is in it.
const PROBE: usize = 1 << 20;

/// Where objects are found.
#[derive(Debug)]
pub(super) struct Objects {
    stores: Vec<(String, Arc<dyn ObjectStore>)>,
    pub(super) format: Option<Arc<Format>>,
    pub(super) largest: u64,
}

impl Default for Objects {
    fn default() -> Self {
        Self { stores: Vec::new(), format: None, largest: 64 << 20 }
    }
}

impl Objects {
    pub(super) fn add(&mut self, location: String, store: Arc<dyn ObjectStore>) {
        self.stores.push((location.trim_matches('/').to_owned(), store));
    }

    /// Fetches an object as a document.
    ///
    /// # Errors
    /// No store is known for it; it is too large; or as the store fails.
    pub(super) async fn fetch(&self, object: &Object, locator: &Arc<str>) -> Result<Document> {
        let named = |error: Error| error.with("object", locator);
        let (key, store) = self.find(object).ok_or_else(|| {
            named(Error::config("no store was given for the bucket, or the part of it, that an event names"))
        })?;
        let bytes = store.head(key).await.map_err(named)?.bytes;
        if bytes > self.largest {
            let error = Error::new(ErrorKind::RecordTooLarge, "an object is larger than the worker takes");
            return Err(named(error.with("bytes", bytes).with("limit", self.largest)));
        }
        let bytes = store.get(key).await.map_err(named)?;
        let format = match &self.format {
            Some(format) => Arc::clone(format),
            None => Arc::new(by_name(key, &bytes)),
        };
        Ok(Document::new(bytes, Arc::clone(locator), format))
    }

    /// The store with the longest location that the object is in, and the key in it.
    fn find<'a>(&'a self, object: &'a Object) -> Option<(&'a str, &'a dyn ObjectStore)> {
        let key_in = |location: &str| {
            let (bucket, prefix) = location.split_once('/').unwrap_or((location, ""));
            if bucket != object.bucket {
                return None;
            }
            match prefix {
                "" => Some(object.key.as_str()),
                prefix => object.key.strip_prefix(prefix)?.strip_prefix('/'),
            }
        };
        let found = self
            .stores
            .iter()
            .filter_map(|(location, store)| Some((location.len(), key_in(location)?, store)));
        found.max_by_key(|(length, ..)| *length).map(|(_, key, store)| (key, &**store))
    }
}

fn by_name(key: &str, bytes: &[u8]) -> Format {
    let head = &bytes[..bytes.len().min(PROBE)];
    let csv = |delimiter| Format::Csv(Csv::new(delimiter));
    let extension =
        key.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map(|(_, extension)| extension);
    match extension.unwrap_or_default().to_ascii_lowercase().as_str() {
        "ndjson" | "jsonl" => Format::Ndjson,
        "json" => detect_json(head),
        "csv" => csv(detect_delimiter(head)),
        "tsv" => csv('\t'),
        "txt" | "log" => Format::Lines,
        _ => Format::Whole,
    }
}

//! Which objects there are.

use std::collections::HashSet;
use std::path::Path;

use datalake_core::store::{ObjectInfo, ObjectStore};
use datalake_core::{Error, Result};
use futures::TryStreamExt;
use glob::Pattern;

use crate::files::Finished;
use crate::files::listing::MATCHING;

/// A prefix of keys, or a glob.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    prefix: String,
    glob: Option<Pattern>,
}

/// The objects that are there.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Those that can be read.
    pub(super) ready: Vec<ObjectInfo>,
    /// Those that wait for their marker.
    pub(super) waiting: Vec<ObjectInfo>,
}

impl Keys {
    pub(super) fn new(keys: &str) -> Result<Self> {
        let Some(wild) = keys.find(['*', '?', '[']) else {
            return Ok(Self { prefix: keys.to_owned(), glob: None });
        };
        let glob = Pattern::new(keys)
            .map_err(|cause| Error::config("the glob cannot be read").with("keys", keys).caused_by(cause))?;
        Ok(Self { prefix: keys[..wild].to_owned(), glob: Some(glob) })
    }

    /// Lists the objects. Empty ones have no records and are left out, and so are markers.
    pub(super) async fn list(&self, store: &dyn ObjectStore, finished: &Finished) -> Result<Listing> {
        let all: Vec<ObjectInfo> = store.list(&self.prefix, None).try_collect().await?;
        let is_marker = |key: &str| finished.is_marker(Path::new(key));
        let markers: HashSet<&str> = all.iter().map(|info| &*info.key).filter(|key| is_marker(key)).collect();
        let marked = |key: &str| {
            let (folder, name) = key.rsplit_once('/').map_or(("", key), |(folder, name)| (folder, name));
            let slash = if folder.is_empty() { "" } else { "/" };
            let names = finished.markers(name);
            names.is_empty() || names.iter().any(|name| markers.contains(&*format!("{folder}{slash}{name}")))
        };
        let mut listing = Listing::default();
        for info in &all {
            let wanted = self.glob.as_ref().is_none_or(|glob| glob.matches_with(&info.key, MATCHING));
            if !wanted || info.bytes == 0 || is_marker(&info.key) {
                continue;
            }
            if marked(&info.key) {
                listing.ready.push(info.clone())
            } else {
                listing.waiting.push(info.clone())
            }
        }
        Ok(listing)
    }
}

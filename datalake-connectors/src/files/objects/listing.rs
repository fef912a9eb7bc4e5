//! Which objects there are.

use std::collections::HashSet;
use std::path::Path;

use datalake_core::store::{Listed, ObjectInfo, ObjectStore};
use datalake_core::{Error, Result};
use futures::TryStreamExt;
use glob::Pattern;

use crate::files::Finished;
use crate::files::listing::{MATCHING, is_lock};

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
    /// The keys of those that cannot be read by any name.
    pub(super) refused: Vec<String>,
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
        let all: Vec<Listed> = store.list_all(self.listed(finished)).try_collect().await?;
        let (mut found, mut refused) = (Vec::new(), Vec::new());
        for listed in all {
            match listed {
                Listed::Object(info) => found.push(info),
                // A folder of its own, as consoles make them.
                Listed::Refused { bytes: 0, .. } => {}
                Listed::Refused { key, .. } => refused.extend(self.wants(&key).then_some(key)),
            }
        }
        let is_marker = |key: &str| finished.is_marker(Path::new(key));
        let markers: HashSet<&str> =
            found.iter().map(|info| &*info.key).filter(|key| is_marker(key)).collect();
        let marked = |key: &str| {
            let (folder, name) = key.rsplit_once('/').map_or(("", key), |(folder, name)| (folder, name));
            let slash = if folder.is_empty() { "" } else { "/" };
            let names = finished.markers(name);
            names.is_empty() || names.iter().any(|name| markers.contains(&*format!("{folder}{slash}{name}")))
        };
        let mut listing = Listing { refused, ..Listing::default() };
        for info in &found {
            let passed = is_marker(&info.key) || is_lock(Path::new(&info.key));
            if !self.wants(&info.key) || info.bytes == 0 || passed {
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

    fn wants(&self, key: &str) -> bool {
        match &self.glob {
            Some(glob) => glob.matches_with(key, MATCHING),
            None => key.starts_with(&self.prefix),
        }
    }

    /// The prefix that is listed: that of the objects, or of their markers where those begin otherwise.
    fn listed(&self, finished: &Finished) -> &str {
        let folder = self.prefix.rfind('/').map_or(0, |slash| slash + 1);
        match finished {
            Finished::Marker(marker) if marker.starts_with('.') => {
                let end = self.prefix[folder..].rfind('.').map_or(self.prefix.len(), |dot| folder + dot);
                &self.prefix[..end]
            }
            Finished::Marker(_) => &self.prefix[..folder],
            _ => &self.prefix,
        }
    }
}

//! Removing what no commit names.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::TryStreamExt;
use serde::Serialize;

use super::{Lake, Zone, layout};
use crate::ledger::{Ledger, ManifestAt};
use crate::{Error, Result};

/// What a clean-up removed, or would remove.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Cleaned {
    /// The keys.
    pub removed: Vec<String>,
    /// Their bytes.
    pub bytes: u64,
    /// Objects no commit names that are too young to remove.
    pub spared: u64,
}

/// Removes the objects that no commit names and that are older than an age: what crashes, lost races and rebuilds
/// left behind. Entries of the ledger are never removed.
///
/// Objects are listed before the ledgers are read, so one that is committed meanwhile is kept. The age must be longer
/// than the longest time between writing an object and committing it. What a worker began to write more than six hours
/// ago it does not commit, so a day is safe, unless its machine slept meanwhile; any age is while nobody writes.
///
/// With `dry_run` nothing is removed.
///
/// # Errors
/// The store cannot be read or written, or a ledger is damaged; then nothing is removed.
pub async fn clean(lake: &Lake, now: DateTime<Utc>, older_than: Duration, dry_run: bool) -> Result<Cleaned> {
    let age = TimeDelta::from_std(older_than).map_err(|_| Error::config("the age is too long"))?;
    let mut found = Vec::new();
    for prefix in Zone::ALL.map(Zone::as_str).into_iter().chain([layout::LEDGER]) {
        found.extend(lake.patient().list(&format!("{prefix}/"), None).try_collect::<Vec<_>>().await?);
    }
    let named = named(lake).await?;
    let mut cleaned = Cleaned::default();
    for object in found {
        let ledger = Zone::of(&object.key).is_none();
        if named.contains(&object.key) || (ledger && !object.key.contains("/manifests/")) {
            continue;
        }
        if now - object.modified < age {
            cleaned.spared += 1;
            continue;
        }
        if !dry_run {
            lake.patient().delete(&object.key).await?;
        }
        cleaned.bytes += object.bytes;
        cleaned.removed.push(object.key);
    }
    Ok(cleaned)
}

/// The keys of everything that commits name and that still counts.
async fn named(lake: &Lake) -> Result<BTreeSet<String>> {
    let mut named = BTreeSet::new();
    for pipeline in lake.pipelines().await? {
        let mut entries = lake.entries(&pipeline, 0);
        while let Some(entry) = entries.try_next().await? {
            if let ManifestAt::There { location, .. } = &entry.commit.manifest {
                named.insert(location.clone());
            }
            let manifest = lake.ledger().manifest(&entry.commit).await?;
            manifest.retired.iter().for_each(|location| {
                named.remove(location);
            });
            named.extend(manifest.raw.map(|raw| raw.location));
            named.extend(
                manifest.outputs.into_iter().chain(manifest.quarantined).map(|output| output.location),
            );
        }
    }
    Ok(named)
}

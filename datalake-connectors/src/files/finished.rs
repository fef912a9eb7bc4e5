//! When a file is finished.

use std::fs;
use std::path::Path;
use std::time::Duration;

use datalake_core::{Error, Result};
use serde_json::{Value, json};

/// How a source knows that a file is finished, so that a report that is still being written is not taken for whole.
///
/// ```
/// use std::time::Duration;
/// use datalake_connectors::files::{FilesSource, Finished};
///
/// let reports = FilesSource::builder("reports".parse()?, "/var/reports/*.csv")
///     .finished(Finished::Marker(".done".into()))
///     .build()?;
/// # Ok::<(), datalake_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finished {
    /// A file is taken as it stands, and read on when it has grown.
    #[default]
    AsItStands,
    /// A file is taken once its size and the time it was written have not changed for this long. For writers that give
    /// no sign; one that pauses for longer is taken for finished.
    Quiet(Duration),
    /// A file is taken once its marker is there. Markers are not read.
    ///
    /// A name that begins with a dot belongs to one file: with `.done`, `orders.csv` waits for `orders.csv.done` or
    /// `orders.done`. Any other name, for instance `_SUCCESS`, is a file in the same directory and belongs to all
    /// files there. The writer must write it last.
    Marker(String),
}

impl Finished {
    /// What is wrong with the settings.
    pub(super) fn check(&self) -> Result<()> {
        match self {
            Self::Marker(marker) if marker.trim_matches('.').is_empty() || marker.contains(['/', '\\']) => {
                let error = Error::config("a marker is the name of a file, or the end of one");
                Err(error.with("marker", marker))
            }
            _ => Ok(()),
        }
    }

    /// Whether a file name is that of a marker.
    pub(super) fn is_marker(&self, path: &Path) -> bool {
        let Self::Marker(marker) = self else { return false };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if marker.starts_with('.') { name.ends_with(&**marker) } else { name == **marker }
    }

    /// The names by which the marker of a file goes, of which one is enough. None if there is no marker.
    pub(super) fn markers(&self, name: &str) -> Vec<String> {
        match self {
            Self::Marker(marker) if marker.starts_with('.') => {
                let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
                vec![format!("{name}{marker}"), format!("{stem}{marker}")]
            }
            Self::Marker(marker) => vec![marker.clone()],
            Self::AsItStands | Self::Quiet(_) => Vec::new(),
        }
    }

    /// Whether a file's marker is there, if it needs one.
    pub(super) fn is_marked(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let names = self.markers(&name);
        names.is_empty() || names.iter().any(|name| fs::metadata(path.with_file_name(name)).is_ok())
    }

    /// How long a file must have been left alone to be taken at all.
    pub(super) fn quiet(&self) -> Option<Duration> {
        match self {
            Self::Quiet(time) => Some(*time),
            _ => None,
        }
    }

    /// For the digest of the settings. Nothing for what has always been so.
    pub(super) fn config(&self) -> Option<Value> {
        match self {
            Self::AsItStands => None,
            Self::Quiet(time) => Some(json!({ "quiet_millis": time.as_millis() })),
            Self::Marker(marker) => Some(json!({ "marker": marker })),
        }
    }
}

//! Files that could not be read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A file that could not be read, or not to its end, or a directory that could not be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailedFile {
    /// Its path below the root of the source.
    pub path: String,
    /// Why.
    pub error: String,
}

/// The files a source could not read, as of now. A file is no longer among them once it has been read, or is gone.
///
/// Cloning gives another view of the same list.
#[derive(Debug, Clone, Default)]
pub struct Failures(Arc<Mutex<BTreeMap<String, String>>>);

impl Failures {
    /// The files, sorted by path.
    #[must_use]
    pub fn list(&self) -> Vec<FailedFile> {
        let of = |(path, error): (&String, &String)| FailedFile { path: path.clone(), error: error.clone() };
        self.lock().iter().map(of).collect()
    }

    pub(super) fn replace(&self, failures: impl IntoIterator<Item = (String, String)>) {
        *self.lock() = failures.into_iter().collect();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! The append-only commit log of a pipeline: the one truth about progress, about which objects count, and about
//! lineage.

use std::fmt;

use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::digest::Sha256;
use crate::id::PipelineId;
use crate::{Error, Result};

mod age;
mod commit;
mod contest;
mod manifest;
mod seal;
mod store;

pub(crate) use age::check_age;
pub use commit::{Commit, CommitKind};
pub(crate) use contest::LostInARow;
pub use manifest::{DocumentRow, DocumentTable, Manifest, ManifestAt, Part};
pub use store::StoreLedger;

/// A commit as the ledger holds it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The commit.
    pub commit: Commit,
    /// The digest of its bytes as stored, which the next entry repeats.
    pub sha256: Sha256,
}

/// What became of an append.
#[expect(clippy::exhaustive_enums, reason = "a caller must think of each")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// The commit is in its slot. The digest is of its bytes as stored.
    Mine(Sha256),
    /// Another worker holds the slot. Drop the batch and read the head again.
    Lost,
}

/// The append-only commit log of pipelines.
///
/// **The slot is the fence.** Commit *n* + 1 is created in a slot that only one writer can fill, so two workers of
/// one pipeline can both read and only one of them commits. No clock and no lease is needed.
#[async_trait]
pub trait Ledger: fmt::Debug + Send + Sync + 'static {
    /// The last commit of a pipeline.
    ///
    /// # Errors
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if it cannot be read back.
    async fn head(&self, pipeline: &PipelineId) -> Result<Option<Entry>>;

    /// Puts a commit into its slot, durably. Several calls with the same commit are one.
    ///
    /// **Cancellation**: a dropped append may or may not happen, now or later.
    ///
    /// # Errors
    /// [`Unexpected`](crate::ErrorKind::Unexpected) if the counts do not balance: such a commit is refused. A
    /// temporary error means that the commit may or may not be there: read the head again.
    async fn append(&self, commit: &Commit) -> Result<Appended>;

    /// The commits of a pipeline after a sequence number, in order.
    fn entries(&self, pipeline: &PipelineId, after: u64) -> BoxStream<'_, Result<Entry>>;

    /// The commit in a slot.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) if the slot is free.
    async fn entry(&self, pipeline: &PipelineId, seq: u64) -> Result<Entry>;

    /// What a commit names, read from beside the ledger if it is too long for the entry.
    ///
    /// # Errors
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if it is not what was written.
    async fn manifest(&self, commit: &Commit) -> Result<Manifest>;
}

/// Refuses a commit whose books do not balance.
pub(crate) fn check(commit: &Commit) -> Result<()> {
    if commit.counts.balance() {
        return Ok(());
    }
    Err(Error::unexpected("the counts of a commit do not balance; it is refused")
        .component("ledger")
        .with("commit", commit.name())
        .with("counts", format_args!("{:?}", commit.counts)))
}

//! One source, transforms, sinks and a ledger, run as one.
//!
//! ```text
//! read ─► split, transform ─► join to the sinks' size ─► archive ∥ sinks ─► ledger ─► source.commit
//!          side by side,            in order            several in flight   in order    in order
//!          order kept
//! ```
//!
//! A pipeline runs in two ways. [`Pipeline::drain`] takes what there is and ends; [`Pipeline::run_until`] goes on.
//! Whatever ends a run, nothing that was committed is lost and nothing that was not is visible: the next run begins
//! at the head of the ledger.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::Result;
use crate::ambient::Ambient;
use crate::batch::SourceBatch;
use crate::envelope::Worker;
use crate::id::{AttemptId, PipelineId};
use crate::lake::Lake;
use crate::ledger::Ledger;
use crate::sink::{Archive, Quarantine, Sink};
use crate::source::{Source, SourceInfo};

mod builder;
mod chain;
mod engine;
mod flow;
mod group;
mod landing;
mod options;
mod progress;
mod report;
mod reshape;
mod rework;

pub use builder::PipelineBuilder;
pub use options::{Budget, Options};
pub use progress::Progress;
pub use report::{Ended, Report};
pub use reshape::{Outcome, Reshaped, Reshaper};

use chain::{Chain, Means};
use std::collections::VecDeque;

/// One source, an optional archive, transforms, sinks and a lane of a ledger. Build one with
/// [`Pipeline::builder`].
///
/// One writer at a time makes progress: a second one on the same lane is harmless and its work is dropped.
pub struct Pipeline {
    shared: Arc<Shared>,
    source: Box<dyn Source>,
    /// What a source that cannot seek has given and no commit covers yet, oldest first.
    held: VecDeque<Held>,
    /// A commit that the source is still to be told of.
    untold: Option<crate::Position>,
}

#[derive(Clone)]
struct Held {
    batch: SourceBatch,
    acquired: crate::Acquired,
}

/// A commit of held batches that was begun. If its answer is lost, only the ledger can tell whether it was made.
struct Begun {
    seq: u64,
    attempt: AttemptId,
    /// How many of the held batches it covers, from the oldest.
    batches: usize,
}

/// What the stages of a pipeline share.
struct Shared {
    id: PipelineId,
    info: SourceInfo,
    archive: Option<Box<dyn Archive>>,
    chain: Chain,
    sinks: Vec<Box<dyn Sink>>,
    quarantine: Option<Box<dyn Quarantine>>,
    ledger: Box<dyn Ledger>,
    lake: Option<Lake>,
    worker: Mutex<Arc<Worker>>,
    options: Options,
    ambient: Ambient,
    progress: watch::Sender<Progress>,
    /// Commits begun since the last one known to be made. Only for a source that cannot seek.
    begun: Mutex<Vec<Begun>>,
}

impl Pipeline {
    /// Begins a pipeline of a name. The name is its lane in the ledger: keep it for the life of the data.
    ///
    /// # Errors
    /// [`ConfigInvalid`](crate::ErrorKind::ConfigInvalid) from [`PipelineBuilder::build`] for a bad name.
    pub fn builder(name: impl Into<String>) -> PipelineBuilder {
        PipelineBuilder::new(name.into())
    }

    /// The name.
    #[must_use]
    pub fn id(&self) -> &PipelineId {
        &self.shared.id
    }

    /// What the source is.
    #[must_use]
    pub fn source_info(&self) -> &SourceInfo {
        &self.shared.info
    }

    /// The transforms alone, for records that a platform brings and takes back. The pipeline and its reshaper may be
    /// used side by side.
    #[must_use]
    pub fn reshaper(&self) -> Reshaper {
        let Shared { id, chain, options, ambient, .. } = &*self.shared;
        Reshaper::new(
            id.clone(),
            &self.shared.worker(),
            chain.looking(),
            options.retry.clone(),
            ambient.clone(),
        )
    }

    /// The ledger.
    #[must_use]
    pub fn ledger(&self) -> &dyn Ledger {
        &*self.shared.ledger
    }

    /// The lake it lands in, for reading, if it was given as one with [`PipelineBuilder::lake`].
    #[must_use]
    pub fn lake(&self) -> Option<&Lake> {
        self.shared.lake.as_ref()
    }

    /// The names, versions and settings of the parts, for people.
    #[must_use]
    pub fn describe(&self) -> serde_json::Value {
        self.shared.describe()
    }

    /// How a run gets on, to watch while it runs.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.shared.progress.subscribe()
    }

    /// Takes what there is: until the source has nothing now, or ends, or the budget is spent. What was read by then
    /// is committed before this returns.
    ///
    /// **Cancellation**: the future may be dropped at any await; it is as if the process had been killed, and the
    /// next run goes on from the last commit.
    ///
    /// # Errors
    /// The run could not go on, after all the retries the policy allows. What was committed stays.
    pub async fn drain(&mut self, budget: Budget) -> Result<Report> {
        engine::run(self, engine::Mode::Drain(budget), Box::pin(std::future::pending())).await
    }

    /// As [`drain`](Self::drain), and stops early when `shutdown` is ready. What was read by then is committed too.
    ///
    /// # Errors
    /// As for [`drain`](Self::drain).
    pub async fn drain_until(
        &mut self,
        budget: Budget,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<Report> {
        engine::run(self, engine::Mode::Drain(budget), Box::pin(shutdown)).await
    }

    /// Goes on until `shutdown` is ready, then commits what was read and returns. Temporary failures are waited out.
    ///
    /// **Cancellation**: as for [`drain`](Self::drain).
    ///
    /// # Errors
    /// The run cannot go on at all: a setting, a credential or a grant is wrong, or data is corrupt.
    pub async fn run_until(&mut self, shutdown: impl Future<Output = ()> + Send) -> Result<Report> {
        engine::run(self, engine::Mode::Run, Box::pin(shutdown)).await
    }

    /// Tries quarantined records again: every batch with records in quarantine gets a commit of its own, in which
    /// those that pass now go to the sinks and the others go to quarantine again. The source is not touched. A batch
    /// that cannot be remade stays as it is and costs no other anything.
    ///
    /// # Errors
    /// The ledger or the raw documents cannot be read, writing a batch took hours, or another worker took the slot too
    /// often. At the end, if batches could not be remade: of the first of them why, and how many were (`batches_done`) and
    /// were not (`batches_left`).
    pub async fn replay(&mut self, lake: &crate::lake::Lake) -> Result<Report> {
        rework::replay(&self.shared, lake).await
    }

    /// Makes the records of every batch again from its raw documents, with the transforms as they are now. Each batch
    /// is one commit that puts the new outputs in the place of the old. The source is not touched.
    ///
    /// # Errors
    /// As for [`replay`](Self::replay); [`Unsupported`](crate::ErrorKind::Unsupported) for a batch without raw
    /// documents.
    pub async fn rebuild(&mut self, lake: &crate::lake::Lake) -> Result<Report> {
        rework::rebuild(&self.shared, lake).await
    }

    /// Says in which invocation the next runs take place, where a platform counts them, and to which trace it belongs
    /// (32 hexadecimal digits). Lineage repeats both.
    pub fn invoked(&mut self, invocation: Option<String>, trace: Option<String>) {
        let mut worker = self.shared.worker.lock().unwrap_or_else(PoisonError::into_inner);
        *worker = Arc::new(Worker { invocation, trace, ..(**worker).clone() });
    }

    /// Forgets what a source that cannot go back has given and no commit covers. For when whoever sent it has been told
    /// to send it again, perhaps to another worker: kept, it would be committed here too.
    pub fn forget(&mut self) {
        self.held.clear();
    }

    /// Lets go of the source and the sinks.
    pub async fn close(mut self) {
        if let Err(error) = self.source.close().await {
            tracing::warn!(%error, "the source did not close");
        }
        for sink in &self.shared.sinks {
            if let Err(error) = sink.close().await {
                tracing::warn!(%error, sink = sink.info().name, "a sink did not close");
            }
        }
    }
}

impl Shared {
    fn means(&self) -> Means<'_> {
        Means { id: &self.id, retry: &self.options.retry, ambient: &self.ambient }
    }

    fn begun(&self) -> MutexGuard<'_, Vec<Begun>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn worker(&self) -> Arc<Worker> {
        Arc::clone(&self.worker.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn describe(&self) -> serde_json::Value {
        let sinks: Vec<_> = self
            .sinks
            .iter()
            .map(|sink| serde_json::json!({ "name": sink.info().name, "config": sink.info().config }))
            .collect();
        serde_json::json!({
            "pipeline": self.id,
            "source": {
                "system": self.info.system,
                "dataset": self.info.dataset,
                "locator": self.info.locator,
                "config": self.info.config,
            },
            "archive": self.archive.is_some(),
            "transforms": self.chain.describe(),
            "sinks": sinks,
        })
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline")
            .field("id", &self.shared.id)
            .field("source", &self.shared.info)
            .finish_non_exhaustive()
    }
}

//! What invocations bring, on its way to the pipeline that lands it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datalake_core::{Ambient, Dataset, Error, Result};

mod builder;
mod objects;
mod queue;
mod source;
#[cfg(test)]
mod tests;

pub use builder::InvocationSourceBuilder;
pub use source::InvocationSource;

use super::delivery::Delivery;
pub(super) use queue::Left;
use queue::Queue;

/// What invocations bring to a pipeline. [`Host::on_invocation`](crate::Host::on_invocation) gives one to whoever makes
/// the pipeline, who makes its source of it.
#[derive(Debug, Clone)]
pub struct Feed(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Tells positions of this process from those of others.
    life: String,
    queue: Queue,
    taken: AtomicBool,
    settings: std::sync::OnceLock<Settings>,
}

/// What the answer to an event depends on.
#[derive(Debug, Clone, Default)]
struct Settings {
    only_from: Vec<String>,
    whole_batches: bool,
}

impl Feed {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner {
            life: Ambient::system().attempt().to_string(),
            queue: Queue::default(),
            taken: AtomicBool::new(false),
            settings: std::sync::OnceLock::new(),
        }))
    }

    /// The source that gives what invocations bring, for a dataset.
    pub fn source(&self, dataset: Dataset) -> InvocationSourceBuilder {
        InvocationSourceBuilder::new(self.clone(), dataset)
    }

    /// Refuses a pipeline that nothing would ever reach.
    pub(crate) fn check(&self) -> Result<()> {
        if self.0.taken.load(Ordering::Relaxed) {
            return Ok(());
        }
        Err(Error::config("the pipeline does not read from the feed it was given"))
    }

    /// Whether deliveries of this stream, queue or bucket are for the pipeline.
    pub(super) fn accepts(&self, arn: &str) -> bool {
        let only = self.0.settings.get().map_or(&[][..], |settings| &settings.only_from);
        only.is_empty() || only.iter().any(|only| only == arn)
    }

    /// Whether an event is answered as a whole, by success or an error.
    pub(super) fn whole_batches(&self) -> bool {
        self.0.settings.get().is_some_and(|settings| settings.whole_batches)
    }

    /// Takes in what an invocation brings.
    pub(super) fn begin(&self, delivery: Delivery, request_id: &str) {
        self.0.queue.begin(delivery, request_id);
    }

    /// What of it has not been committed. Nothing of it is given to the pipeline any more.
    pub(super) fn end(&self) -> Left {
        self.0.queue.end()
    }
}

//! The cases every source must pass.

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::BoxFuture;

use super::case::CaseResult;
use crate::source::Source;
use crate::split::Decoders;
use crate::{ErrorKind, Result};

mod cancel;
mod commit;
mod failing;
mod live;
mod reading;
mod resume;
mod shape;
mod unit;

pub use cancel::can_be_cancelled_at_every_await;
pub use commit::{commit_can_be_repeated, uncommitted_is_delivered_again, window_opens_with_a_commit};
pub use failing::{failures_are_classified, failures_lose_nothing, secrets_are_hidden};
pub use live::{
    commit_tells_the_sender, nothing_is_told_before_the_commit, nothing_is_told_without_a_commit,
};
pub use resume::{
    foreign_position_is_refused, position_survives_json, resumes_from_every_position, seek_goes_back,
};
pub use shape::{
    batches_are_bounded, close_is_quiet, empty_batch_moves_on, goes_on_after_idle, info_is_constant,
    reads_everything, reads_the_same_twice, rests_when_drained,
};

#[doc(hidden)]
#[macro_export]
macro_rules! __source_cases {
    ($callback:ident, $($args:tt)*) => {
        $crate::$callback! { ($($args)*) [
            reads_everything
            reads_the_same_twice
            info_is_constant
            batches_are_bounded
            empty_batch_moves_on
            rests_when_drained
            goes_on_after_idle
            close_is_quiet
            resumes_from_every_position
            position_survives_json
            foreign_position_is_refused
            seek_goes_back
            uncommitted_is_delivered_again
            commit_can_be_repeated
            window_opens_with_a_commit
            can_be_cancelled_at_every_await
            failures_are_classified
            failures_lose_nothing
            secrets_are_hidden
            commit_tells_the_sender
            nothing_is_told_before_the_commit
            nothing_is_told_without_a_commit
        ] }
    };
}

/// A case, by its function.
pub type Case = for<'a> fn(&'a dyn SourceHarness) -> BoxFuture<'a, CaseResult>;

/// Every case with its name, in the order of [`source_suite!`](crate::source_suite).
pub const CASES: &[(&str, Case)] = crate::__source_cases!(__table, Case);

/// A silo with known content, and sources that read it.
///
/// Every case gets a harness of its own. The silo should hold enough for several batches and little enough to be read
/// a hundred times: a dozen small documents will do. Waiting times are set short, since a drained source is waited for.
///
/// There are two kinds. A silo that *holds* its content says it in [`expected`](Self::expected). A *live* one has
/// senders: nothing is there until [`feed`](Self::feed) sends an event to the source opened last.
#[async_trait]
pub trait SourceHarness: Send + Sync {
    /// Opens a source on the silo, as a new process would. Called any number of times; of several sources opened,
    /// only the last is used.
    ///
    /// # Errors
    /// The source could not be built. It must not depend on the silo answering.
    async fn open(&self) -> Result<Box<dyn Source>>;

    /// The [decoders](Source::decoders) of the source, if its documents need some.
    fn decoders(&self) -> Decoders {
        Decoders::default()
    }

    /// The bodies of all records the silo holds, in the order of the silo.
    fn expected(&self) -> Vec<Bytes> {
        Vec::new()
    }

    /// Whether the silo has content only while [`feed`](Self::feed) sends it.
    fn is_live(&self) -> bool {
        false
    }

    /// Adds more to the silo. A live one sends an event to the source opened last, without waiting for the answer;
    /// one that holds its content gets more of it. `None` when there is no more to add: at least four times for a live
    /// silo, not at all for one that cannot grow.
    async fn feed(&self) -> Option<Fed> {
        None
    }

    /// Makes the silo fail until [`mend`](Self::mend), and says with what kind of error the source must answer.
    /// `None` if it cannot be made to fail. Called again for the next way to fail, until `None`.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering::SeqCst};
    /// # use datalake_core::testkit::SourceHarness;
    /// # use datalake_core::{ErrorKind, Result, Source, async_trait};
    /// /// A meter that answers with this status of HTTP, and how often it was made to fail.
    /// struct Cellar {
    ///     status: Arc<AtomicU16>,
    ///     failed: AtomicUsize,
    /// }
    ///
    /// const WAYS: [(u16, ErrorKind); 2] = [(503, ErrorKind::Unavailable), (401, ErrorKind::Unauthenticated)];
    ///
    /// #[async_trait]
    /// impl SourceHarness for Cellar {
    ///     # async fn open(&self) -> Result<Box<dyn Source>> { std::future::pending().await }
    ///     async fn fail(&self) -> Option<ErrorKind> {
    ///         let (status, kind) = WAYS.get(self.failed.fetch_add(1, SeqCst))?;
    ///         self.status.store(*status, SeqCst);
    ///         Some(*kind)
    ///     }
    ///
    ///     async fn mend(&self) {
    ///         self.status.store(200, SeqCst);
    ///     }
    /// }
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # let cellar = Cellar { status: Arc::default(), failed: AtomicUsize::new(0) };
    /// # assert_eq!(cellar.fail().await, Some(ErrorKind::Unavailable));
    /// # cellar.mend().await;
    /// # assert_eq!(cellar.fail().await, Some(ErrorKind::Unauthenticated));
    /// # assert_eq!((cellar.status.load(SeqCst), cellar.fail().await), (401, None));
    /// # });
    /// ```
    async fn fail(&self) -> Option<ErrorKind> {
        None
    }

    /// Makes the silo work again.
    async fn mend(&self) {}

    /// The secrets the source was given: passwords, tokens, secrets in the query of its URL.
    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }

    /// More texts in which no secret may be seen, for instance the `Debug` of the source and of its builder.
    fn shown(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What [`SourceHarness::feed`] has added.
pub struct Fed {
    /// The bodies of the records, in order.
    pub bodies: Vec<Bytes>,
    /// What the sender is told: `true` that it has been accepted, `false` that it has not. Stays pending as long as
    /// the sender waits. `None` if nobody waits.
    pub told: Option<BoxFuture<'static, bool>>,
}

impl Fed {
    /// Records for which no sender waits.
    pub fn new(bodies: impl IntoIterator<Item = impl Into<Bytes>>) -> Self {
        Self { bodies: bodies.into_iter().map(Into::into).collect(), told: None }
    }

    /// Says what the sender is told.
    #[must_use]
    pub fn told(mut self, told: impl Future<Output = bool> + Send + 'static) -> Self {
        self.told = Some(Box::pin(told));
        self
    }
}

impl std::fmt::Debug for Fed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fed").field("bodies", &self.bodies).finish_non_exhaustive()
    }
}

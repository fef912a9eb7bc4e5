//! Where data comes from.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use crate::Result;
use crate::batch::SourceBatch;
use crate::id::Dataset;
use crate::position::Position;
use crate::split::Decoder;

/// What the engine must know of a source before it asks for the first batch.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SourceInfo {
    /// The kind of the source, `system.protocol`, for instance `web.poll`.
    pub system: String,
    /// The dataset its records go to.
    pub dataset: Dataset,
    /// Where it reads, without credentials, for lineage and for people.
    pub locator: String,
    /// Whether it can go back to a position it has given before. A source that cannot (a webhook) keeps nothing
    /// itself: the engine then keeps every batch until it is committed and writes it again after a failure.
    pub can_seek: bool,
    /// Whether somebody waits for [`Source::commit`]: a sender for its answer, a broker for its acknowledgement.
    pub wants_commit: bool,
    /// How many documents may be under way before the source gives no more until a commit. The engine commits when
    /// that many are.
    pub window: Option<usize>,
    /// How long a batch may wait for others to share its commit. `None` leaves it to the pipeline.
    pub commit_within: Option<Duration>,
    /// The settings that decide what is read, for the digest in the lineage. No secret, not even hashed.
    pub config: Value,
}

impl SourceInfo {
    /// A source that can seek and for whose commit nobody waits.
    pub fn new(system: impl Into<String>, dataset: Dataset, locator: impl Into<String>) -> Self {
        Self {
            system: system.into(),
            dataset,
            locator: locator.into(),
            can_seek: true,
            wants_commit: false,
            window: None,
            commit_within: None,
            config: Value::Null,
        }
    }

    /// Says that the source cannot go back.
    #[must_use]
    pub fn without_seek(mut self) -> Self {
        self.can_seek = false;
        self
    }

    /// Says that somebody waits for the commit, and how long a batch may wait for others to share it.
    #[must_use]
    pub fn with_commit(mut self, within: Duration) -> Self {
        self.wants_commit = true;
        self.commit_within = Some(within);
        self
    }

    /// Says how many documents may be under way before a commit.
    #[must_use]
    pub fn with_window(mut self, documents: usize) -> Self {
        self.window = Some(documents);
        self
    }

    /// Gives the settings that decide what is read.
    #[must_use]
    pub fn with_config(mut self, config: Value) -> Self {
        self.config = config;
        self
    }
}

/// What a source has to say when it is asked for more.
#[derive(Debug)]
#[non_exhaustive]
pub enum Next {
    /// Documents.
    Batch(SourceBatch),
    /// Nothing now. A drain stops here; a run asks again after this long.
    Idle(Duration),
    /// Nothing ever again.
    End,
}

/// How much there is still to read, as far as the source can tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Remaining {
    /// Bytes of documents.
    pub bytes: Option<u64>,
    /// Records.
    pub records: Option<u64>,
    /// How far what was read last is behind the newest there is, in the silo's own time.
    pub behind: Option<Duration>,
}

/// Where data comes from: a silo, read as documents.
///
/// The engine owns the source and calls one method at a time. `source_suite!` of the testkit checks everything said
/// here.
///
/// * **Order.** The first call is [`seek`](Self::seek), then [`next_batch`](Self::next_batch) and
///   [`commit`](Self::commit) in turns, [`seek`](Self::seek) again after a lost race or a failure, and
///   [`close`](Self::close) last. After a crash there is no last call.
/// * **Commit.** Positions are committed in the order they were given; some may be passed over, since committing
///   one commits all before it. A source that can seek and waits for commits is told the position of a `seek` right
///   after it, since the process that made the commit may have been killed before it could tell.
/// * **Again.** What was read but not committed MUST be given again after a `seek` to the last committed position,
///   by this value or by a new one in another process.
/// * **Records.** A document is never parsed by the source beyond what is needed to cut it at a record boundary and
///   to know the next position.
#[async_trait]
pub trait Source: Send + 'static {
    /// What the source is. Constant.
    fn info(&self) -> &SourceInfo;

    /// What makes records of its documents, where a format needs it. Constant.
    fn decoders(&self) -> Vec<Arc<dyn Decoder>> {
        Vec::new()
    }

    /// The next documents, or that there are none now, or none ever again.
    ///
    /// Waits at most a few seconds for data before it says [`Next::Idle`]. A batch holds a few mebibytes at most,
    /// unless one document is larger.
    ///
    /// **Cancel safe**: the future may be dropped at any await, and the next call gives what this one would have
    /// given.
    ///
    /// # Errors
    /// The silo could not be read. The engine calls again if the error is retryable: the source must not retry by
    /// itself, and must then go on where it was.
    async fn next_batch(&mut self) -> Result<Next>;

    /// Goes to just after a position, or to the beginning for `None`. Forgets everything read but not committed.
    ///
    /// # Errors
    /// [`PositionInvalid`](crate::ErrorKind::PositionInvalid) if the position is of another source, or what follows it no longer exists. A
    /// source that cannot seek accepts any position of its own and goes on with what is new.
    async fn seek(&mut self, position: Option<&Position>) -> Result<()>;

    /// Tells that everything up to and including a position is durable: the moment to send a `PUBACK`, to answer
    /// 2xx, to move a replication slot.
    ///
    /// **Idempotent**: it may be called again with the same position.
    ///
    /// # Errors
    /// The silo could not be told. It is told again with the next commit; nothing is lost, but the silo may deliver
    /// again.
    async fn commit(&mut self, position: &Position) -> Result<()> {
        let _ = position;
        Ok(())
    }

    /// How much there is still to read. Cheap: it is asked after every batch.
    fn remaining(&self) -> Remaining {
        Remaining::default()
    }

    /// Lets go of connections and files. Not called after a crash, so nothing may depend on it.
    ///
    /// # Errors
    /// Something could not be closed; the engine logs it.
    async fn close(&mut self) -> Result<()> {
        Ok(())
    }
}

impl fmt::Debug for dyn Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("info", self.info()).finish_non_exhaustive()
    }
}

//! A source whose calls fail when a test wants them to.

use std::collections::HashMap;

use async_trait::async_trait;

use crate::position::Position;
use crate::source::{Next, Remaining, Source, SourceInfo};
use crate::{Error, ErrorKind, Result};

/// A call of a [`Source`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Call {
    /// [`Source::next_batch`].
    NextBatch,
    /// [`Source::seek`].
    Seek,
    /// [`Source::commit`].
    Commit,
    /// [`Source::close`].
    Close,
}

/// A source whose calls fail when a test wants them to.
///
/// ```
/// use datalake_core::ErrorKind;
/// use datalake_core::testkit::{Call, FlakySource, VecSource};
///
/// // The third call for a batch fails, and the answer to the first commit is lost.
/// let source = FlakySource::new(VecSource::lines(["a", "b", "c"]))
///     .fails(Call::NextBatch, 2, ErrorKind::Unavailable)
///     .fails_after(Call::Commit, 0, ErrorKind::Unavailable);
/// ```
#[derive(Debug)]
pub struct FlakySource<S> {
    inner: S,
    plan: HashMap<(Call, usize), (ErrorKind, bool)>,
    calls: HashMap<Call, usize>,
}

impl<S: Source> FlakySource<S> {
    /// A source that does not fail yet.
    pub fn new(inner: S) -> Self {
        Self { inner, plan: HashMap::new(), calls: HashMap::new() }
    }

    /// Makes a call fail, counted from 0 among the calls of its kind, before it reaches the source.
    #[must_use]
    pub fn fails(mut self, call: Call, nth: usize, kind: ErrorKind) -> Self {
        self.plan.insert((call, nth), (kind, false));
        self
    }

    /// Makes a call fail after it has reached the source and has done what it does: the answer is lost. A call for a
    /// batch fails before, since a source may not lose one.
    #[must_use]
    pub fn fails_after(mut self, call: Call, nth: usize, kind: ErrorKind) -> Self {
        self.plan.insert((call, nth), (kind, call != Call::NextBatch));
        self
    }

    /// The source beneath.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// The error planned for this call, and whether the source is asked before.
    fn fault(&mut self, call: Call) -> (Option<Error>, bool) {
        let nth = self.calls.entry(call).or_default();
        let planned = self.plan.remove(&(call, *nth));
        *nth += 1;
        let Some((kind, after)) = planned else { return (None, true) };
        let error = Error::new(kind, "the call was made to fail").component("testkit.flaky");
        (Some(error.with("call", format_args!("{call:?}"))), after)
    }
}

#[async_trait]
impl<S: Source> Source for FlakySource<S> {
    fn info(&self) -> &SourceInfo {
        self.inner.info()
    }

    async fn next_batch(&mut self) -> Result<Next> {
        match self.fault(Call::NextBatch) {
            (Some(error), _) => Err(error),
            (None, _) => self.inner.next_batch().await,
        }
    }

    async fn seek(&mut self, position: Option<&Position>) -> Result<()> {
        let (error, reaches) = self.fault(Call::Seek);
        if reaches {
            self.inner.seek(position).await?;
        }
        error.map_or(Ok(()), Err)
    }

    async fn commit(&mut self, position: &Position) -> Result<()> {
        let (error, reaches) = self.fault(Call::Commit);
        if reaches {
            self.inner.commit(position).await?;
        }
        error.map_or(Ok(()), Err)
    }

    fn remaining(&self) -> Remaining {
        self.inner.remaining()
    }

    async fn close(&mut self) -> Result<()> {
        let (error, reaches) = self.fault(Call::Close);
        if reaches {
            self.inner.close().await?;
        }
        error.map_or(Ok(()), Err)
    }
}

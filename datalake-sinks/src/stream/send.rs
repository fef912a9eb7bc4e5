//! Entries sent in calls, and what failed sent again.

use std::collections::HashSet;

use async_trait::async_trait;
use bytes::Bytes;
use datalake_core::{Ambient, Error, ErrorKind, Result, Retry};
use futures::StreamExt;
use futures::stream::FuturesUnordered;

/// One record of a stream to be.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) explicit_hash_key: Option<u128>,
    pub(crate) data: Bytes,
    /// The records in it.
    pub(crate) records: u64,
    /// Entries of one lane are kept in order, if order is asked for.
    pub(crate) lane: u128,
}

/// Where an entry has gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) shard: String,
    pub(crate) sequence: String,
}

/// A service that takes several entries in one call, some of which can fail.
#[async_trait]
pub(crate) trait Put: Send + Sync {
    /// Puts entries in one call. Gives for each, in order, where it has gone or the code it failed with.
    async fn put(&self, entries: &[&Entry]) -> Result<Vec<Result<Placed, String>>>;
}

/// How calls are made.
#[derive(Debug, Clone)]
pub(crate) struct Calls {
    /// The most entries in a call.
    pub(crate) entries: usize,
    /// The most bytes in a call, keys included.
    pub(crate) bytes: usize,
    /// Calls under way at once.
    pub(crate) at_once: usize,
    /// Whether the entries of a lane are kept in order.
    pub(crate) ordered: bool,
    pub(crate) retry: Retry,
    pub(crate) ambient: Ambient,
}

/// Sends entries. Gives where each has gone.
///
/// It goes in rounds: what failed in one is sent again in the next, in as few calls as it needs. Tries are counted anew
/// whenever something got through. While nothing has, a failure is left to the caller, who has the one policy for whole
/// batches; unless order is kept, since another batch would then go first.
///
/// In order, a round has one entry of a lane, and the next one follows only once that got through.
pub(crate) async fn send(put: &dyn Put, entries: &[Entry], calls: &Calls) -> Result<Vec<Placed>> {
    let mut placed: Vec<Option<Placed>> = vec![None; entries.len()];
    let mut left: Vec<usize> = (0..entries.len()).collect();
    let (mut failed, mut through) = (0, false);
    while !left.is_empty() {
        let round = Round::of(put, entries, &ready(entries, &left, calls.ordered), calls).await?;
        let progress = !round.placed.is_empty();
        for (index, place) in round.placed {
            placed[index] = Some(place);
        }
        left.retain(|index| placed[*index].is_none());
        through |= progress;
        if progress {
            failed = 0;
            calls.retry.refund();
        }
        let Some(error) = round.failed else { continue };
        if !(through || calls.ordered) {
            return Err(error);
        }
        failed += 1;
        match calls.retry.delay(failed, &error, &calls.ambient) {
            Some(delay) => {
                tracing::debug!(%error, left = left.len(), ?delay, "sending again what failed");
                tokio::time::sleep(delay).await;
            }
            None => return Err(error.exhausted().with("unsent", left.len())),
        }
    }
    Ok(placed.into_iter().flatten().collect())
}

/// What can be sent now, in order.
fn ready(entries: &[Entry], left: &[usize], ordered: bool) -> Vec<usize> {
    if !ordered {
        return left.to_vec();
    }
    let mut lanes = HashSet::new();
    left.iter().copied().filter(|index| lanes.insert(entries[*index].lane)).collect()
}

/// What became of the calls of a round.
#[derive(Default)]
struct Round {
    placed: Vec<(usize, Placed)>,
    /// The last failure, if any: worth another try.
    failed: Option<Error>,
}

impl Round {
    async fn of(put: &dyn Put, entries: &[Entry], ready: &[usize], calls: &Calls) -> Result<Self> {
        let mut round = Self::default();
        let mut waiting = pack(entries, ready, calls).into_iter();
        let mut under_way = FuturesUnordered::new();
        loop {
            while under_way.len() < calls.at_once.max(1)
                && let Some(call) = waiting.next()
            {
                under_way.push(async move {
                    let these: Vec<_> = call.iter().map(|index| &entries[*index]).collect();
                    let outcomes = put.put(&these).await;
                    (call, outcomes)
                });
            }
            let Some((call, outcomes)) = under_way.next().await else { return Ok(round) };
            match outcomes {
                Ok(outcomes) => round.take(call, outcomes)?,
                Err(error) if error.is_retryable() => round.failed = Some(error),
                Err(error) => return Err(error),
            }
        }
    }

    fn take(&mut self, call: &[usize], outcomes: Vec<Result<Placed, String>>) -> Result<()> {
        if outcomes.len() != call.len() {
            return Err(Error::unexpected("the service has not answered for each record")
                .with("records", call.len())
                .with("answers", outcomes.len()));
        }
        let (mut count, mut first) = (0_usize, None);
        for (index, outcome) in call.iter().zip(outcomes) {
            match outcome {
                Ok(place) => self.placed.push((*index, place)),
                Err(code) => {
                    count += 1;
                    first.get_or_insert(code);
                }
            }
        }
        if let Some(code) = first {
            let kind = match code.contains("Throughput") || code.contains("Throttl") {
                true => ErrorKind::RateLimited,
                false => ErrorKind::Unavailable,
            };
            let error = Error::new(kind, "records were not taken").with("code", code);
            self.failed = Some(error.with("failed", count).with("sent", call.len()));
        }
        Ok(())
    }
}

/// Entries divided into calls, in order.
fn pack<'a>(entries: &[Entry], mut ready: &'a [usize], calls: &Calls) -> Vec<&'a [usize]> {
    let mut packed = Vec::new();
    while !ready.is_empty() {
        let (mut bytes, mut count) = (0, 0);
        for index in ready.iter().take(calls.entries.max(1)) {
            let entry = &entries[*index];
            bytes += entry.data.len() + entry.key.len();
            if bytes > calls.bytes && count > 0 {
                break;
            }
            count += 1;
        }
        let (call, rest) = ready.split_at(count);
        packed.push(call);
        ready = rest;
    }
    packed
}

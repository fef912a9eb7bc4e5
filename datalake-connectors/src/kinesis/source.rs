//! The reading.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use datalake_aws::permission::Permission;
use datalake_core::{
    Dataset, Error, ErrorKind, Format, Next, Position, Remaining, Request, Result, Source, SourceBatch,
    SourceInfo, async_trait,
};
use futures::future::join_all;
use tokio::time::{Instant, sleep_until};

use super::SYSTEM;
use super::builder::{KinesisSourceBuilder, Start};
use super::client::{Listed, Page, Stream};
use super::pending::Pending;
use super::place::{After, Place, Places};
use super::shards::Shards;

/// How old the time in a position may become while its stream is quiet, milliseconds.
const RENEW: i64 = 3_600_000;
/// The longest wait for data before the source says that it is idle.
const WAIT: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Settings {
    pub(super) start: Start,
    pub(super) format: Arc<Format>,
    pub(super) pace: Duration,
    pub(super) poll_every: Duration,
    pub(super) limit: i32,
    pub(super) shards_at_once: usize,
    pub(super) batch_bytes: usize,
    pub(super) over_gaps: bool,
}

/// A stream of Kinesis Data Streams, read shard by shard. See the [module](super).
#[derive(Debug)]
pub struct KinesisSource {
    stream: Stream,
    info: SourceInfo,
    settings: Settings,
    shards: Shards,
    pending: Pending,
    given: Places,
    /// What new shards begin at: the start for the first list of a pipeline, the oldest record later.
    first: Option<Place>,
}

/// What came of one shard.
enum Came {
    Page(Page),
    Expired,
    Ended,
}

impl KinesisSource {
    pub(super) fn new(stream: Stream, info: SourceInfo, settings: Settings) -> Self {
        let given = Places::new(&stream.name);
        let first = Some(first(settings.start));
        Self { stream, info, settings, shards: Shards::default(), pending: Pending::default(), given, first }
    }

    /// Begins to describe a source that reads a stream, by its name or ARN, into a dataset.
    pub fn builder(
        config: &datalake_aws::SdkConfig,
        stream: impl Into<String>,
        dataset: Dataset,
    ) -> KinesisSourceBuilder {
        KinesisSourceBuilder::new(config, stream, dataset)
    }

    /// What the worker must be allowed to do.
    #[must_use]
    pub fn permissions(&self) -> Vec<Permission> {
        let arn = format!("arn:aws:kinesis:*:*:stream/{}", self.stream.name);
        [
            "kinesis:ListShards",
            "kinesis:GetShardIterator",
            "kinesis:GetRecords",
            "kinesis:DescribeStreamSummary",
        ]
        .map(|action| Permission::new(action, arn.clone()))
        .into()
    }

    async fn list(&mut self) -> Result<()> {
        let listed = self.stream.list().await?;
        if let Some(id) = self.lost(&listed) {
            return Err(Error::new(
                ErrorKind::PositionInvalid,
                "a shard is gone that was not read to its end",
            )
            .component(SYSTEM)
            .with("stream", &self.stream.name)
            .with("shard", id));
        }
        let first = self.first.clone().unwrap_or(Place::Horizon);
        for gone in self.shards.list(listed, &first) {
            self.given.shards.remove(&gone);
        }
        if self.first.take().is_some() && first != Place::Horizon {
            for id in self.shards.all.keys() {
                self.pending.moved(id, first.clone());
            }
        }
        Ok(())
    }

    fn lost(&self, listed: &[Listed]) -> Option<String> {
        let unread = self.shards.all.iter().filter(|(_, shard)| shard.place != Place::Ended);
        unread.map(|(id, _)| id).find(|id| !listed.iter().any(|shard| shard.id == **id)).cloned()
    }

    /// Reads some shards that are ready, and keeps what comes.
    async fn read(&mut self, ready: Vec<String>) -> Result<()> {
        let (stream, limit) = (&self.stream, self.settings.limit);
        let calls = ready.iter().map(|id| {
            let shard = self.shards.all.get(id);
            let iterator = shard.and_then(|shard| shard.iterator.clone());
            let place = shard.map_or(Place::Ended, |shard| shard.place.clone());
            async move {
                let iterator = match iterator {
                    Some(iterator) => iterator,
                    None => match stream.iterator(id, &place).await? {
                        Some(iterator) => iterator,
                        None => return Ok(Came::Ended),
                    },
                };
                let page = stream.read(id, &iterator, limit).await?;
                Ok(page.map_or(Came::Expired, Came::Page))
            }
        });
        let answers = join_all(calls).await;
        let retention = match answers.iter().zip(&ready).any(|(came, id)| self.is_past(id, came)) {
            true => Some(self.stream.retention().await?),
            false => None,
        };
        let mut failed = None;
        for (id, came) in ready.iter().zip(answers) {
            let past = self.is_past(id, &came);
            match came {
                Ok(Came::Page(page)) => {
                    if let Some(gap) = retention.filter(|_| past).and_then(|keeps| self.gap(id, keeps)) {
                        if !self.settings.over_gaps {
                            return Err(gap);
                        }
                        tracing::warn!(error = %gap, "reading goes on after a gap");
                    }
                    self.keep(id, page);
                }
                Ok(Came::Ended) => {}
                Ok(Came::Expired) => {
                    if let Some(shard) = self.shards.all.get_mut(id) {
                        shard.iterator = None;
                    }
                }
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Whether a shard that was opened at a record does not have it any more.
    fn is_past(&self, id: &str, came: &Result<Came>) -> bool {
        let (Some(shard), Ok(Came::Page(page))) = (self.shards.all.get(id), came) else { return false };
        let Place::After(after) = &shard.place else { return false };
        let opened = shard.iterator.is_none() || shard.again;
        let found = page.records.first().map(|record| record.sequence == after.sequence);
        opened && found.map_or(page.behind == 0, |found| !found)
    }

    /// The loss of records between the place and what the shard still has, unless the place was the newest within the
    /// time that records are kept.
    fn gap(&self, id: &str, keeps: i64) -> Option<Error> {
        let Place::After(after) = &self.shards.all.get(id)?.place else { return None };
        let age = Utc::now().timestamp_millis() - after.seen;
        (age >= keeps).then(|| {
            Error::new(
                ErrorKind::PositionInvalid,
                "the stream no longer has what follows the last commit: it keeps records for a shorter time",
            )
            .component(SYSTEM)
            .with("stream", &self.stream.name)
            .with("shard", id)
            .with("hours_since", age / 3_600_000)
        })
    }

    fn keep(&mut self, id: &str, page: Page) {
        let Some(shard) = self.shards.all.get_mut(id) else { return };
        let now = Utc::now().timestamp_millis();
        let ended = page.next.is_none();
        let opened = shard.iterator.is_none() || shard.again;
        let after = match &shard.place {
            Place::After(after) => Some(after.clone()),
            Place::Horizon | Place::Time(_) | Place::Ended => None,
        };
        // An empty answer says nothing of where the iterator is.
        shard.again = opened && page.records.is_empty();
        shard.at_tip = page.behind == 0;
        shard.behind = Some(Duration::from_millis(page.behind.unsigned_abs()));
        shard.iterator.clone_from(&page.next);
        let read = Instant::now();
        shard.read = Some(read);
        shard.ready = read + if shard.at_tip { self.settings.poll_every } else { self.settings.pace };
        let tip = shard.at_tip.then_some(now);
        let before = shard.place.clone();
        if let Some(last) = page.records.last() {
            let seen = tip.unwrap_or(last.arrived);
            shard.place = Place::After(After { sequence: last.sequence.clone(), sub: None, seen });
        }
        let steps = self.pending.len();
        self.pending.take(id, after.as_ref(), page, tip);
        if let (Place::After(was), Some(now), true) = (before, tip, steps == self.pending.len())
            && was.seen + RENEW < now
        {
            let renewed = After { seen: now, ..was };
            shard.place = Place::After(renewed.clone());
            self.pending.moved(id, Place::After(renewed));
        }
        if ended {
            shard.place = Place::Ended;
            self.pending.moved(id, Place::Ended);
            self.shards.list_again();
        }
    }

    fn give(&mut self) -> Result<Next> {
        let requests = std::mem::take(&mut self.pending.requests);
        let Settings { format, batch_bytes, .. } = &self.settings;
        let documents = self.pending.give(&mut self.given, &self.info.locator, format, *batch_bytes);
        let mut batch = SourceBatch::new(documents, self.given.position()?);
        for id in requests {
            batch = batch.with_request(Request { id: Some(id), ..Request::default() });
        }
        Ok(Next::Batch(batch))
    }
}

fn first(start: Start) -> Place {
    match start {
        Start::Horizon => Place::Horizon,
        Start::Latest => Place::Time(Utc::now().timestamp_millis()),
        Start::At(time) => Place::Time(time.timestamp_millis()),
    }
}

#[async_trait]
impl Source for KinesisSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    async fn next_batch(&mut self) -> Result<Next> {
        let began = Instant::now();
        loop {
            if !self.pending.is_empty() {
                return self.give();
            }
            if self.shards.must_be_listed() {
                self.list().await?;
                continue;
            }
            let now = Instant::now();
            let mut awake: Vec<(Instant, String)> = self
                .shards
                .open()
                .filter(|(_, shard)| !shard.rests(began))
                .map(|(id, shard)| (shard.ready, id.clone()))
                .collect();
            awake.sort();
            let Some(next) = awake.first().map(|(ready, _)| *ready) else {
                let next = self.shards.open().map(|(_, shard)| shard.ready).min();
                let wait = next.map_or(self.settings.poll_every, |next| next.saturating_duration_since(now));
                return Ok(Next::Idle(wait));
            };
            let ready = awake.into_iter().take_while(|(ready, _)| *ready <= now);
            let ready: Vec<String> = ready.take(self.settings.shards_at_once).map(|(_, id)| id).collect();
            if !ready.is_empty() {
                self.read(ready).await?;
                continue;
            }
            if next > began + WAIT {
                return Ok(Next::Idle(next.saturating_duration_since(now)));
            }
            sleep_until(next).await;
        }
    }

    fn remaining(&self) -> Remaining {
        Remaining { behind: self.shards.behind(), ..Remaining::default() }
    }

    async fn seek(&mut self, position: Option<&Position>) -> Result<()> {
        let (given, first) = match position {
            Some(position) => (Places::parse(position, &self.stream.name)?, None),
            None => (Places::new(&self.stream.name), Some(first(self.settings.start))),
        };
        self.shards = Shards::at(&given);
        self.given = given;
        self.first = first;
        self.pending.clear();
        Ok(())
    }
}

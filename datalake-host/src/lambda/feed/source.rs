//! The source that gives what invocations bring.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use datalake_core::{
    Document, Format, Next, Position, Remaining, Result, Source, SourceBatch, SourceInfo, async_trait,
};
use serde::{Deserialize, Serialize};

use super::super::delivery::Item;
use super::Feed;
use super::objects::Objects;
use super::queue::Ready;

const SCHEMA: &str = "lambda.invocation/1";
/// How many documents and bytes a batch holds.
const DOCUMENTS: usize = 10_000;
const BYTES: usize = 4 << 20;
/// How long a run outside of Lambda rests between looks.
const PAUSE: Duration = Duration::from_secs(1);

/// Gives what invocations bring: every record of a stream, message of a queue or object of a bucket is a document,
/// under the id by which its service knows it.
///
/// It cannot go back: what is not committed when the invocation is over is reported as not landed, and comes again in
/// another. What comes again in the same process and was committed (of the last 20,000) is not landed twice.
pub struct InvocationSource {
    pub(super) info: SourceInfo,
    pub(super) feed: Feed,
    pub(super) format: Arc<Format>,
    pub(super) objects: Objects,
}

/// A position: a batch of one life of the process.
#[derive(Debug, Serialize, Deserialize)]
struct At {
    life: String,
    batch: u64,
}

impl InvocationSource {
    fn at(&self, batch: u64) -> Result<Position> {
        Position::new(SCHEMA, &At { life: self.feed.0.life.clone(), batch })
    }
}

#[async_trait]
impl Source for InvocationSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    async fn next_batch(&mut self) -> Result<Next> {
        let queue = &self.feed.0.queue;
        loop {
            let (batch, documents, request) = match queue.ready(DOCUMENTS, BYTES) {
                None => return Ok(Next::Idle(PAUSE)),
                Some(Ready::Here(batch, items, request)) => {
                    let document = |(item, bytes): (Item, bytes::Bytes)| {
                        Document::new(bytes, item.locator, Arc::clone(&self.format)).with_id(item.id)
                    };
                    (batch, items.into_iter().map(document).collect(), request)
                }
                Some(Ready::Object(item, object)) => match self.objects.fetch(&object, &item.locator).await {
                    Ok(document) => {
                        let Some((batch, request)) = queue.fetched(&item.key) else { continue };
                        (batch, vec![document.with_id(item.id)], request)
                    }
                    Err(error) if error.is_temporary() => return Err(error),
                    Err(error) => {
                        queue.lost(&item.key, error);
                        continue;
                    }
                },
            };
            let mut given = SourceBatch::new(documents, self.at(batch)?);
            given.requests.extend(request);
            return Ok(Next::Batch(given));
        }
    }

    async fn seek(&mut self, position: Option<&Position>) -> Result<()> {
        position.map_or(Ok(()), |position| position.decode::<At>(SCHEMA).map(drop))
    }

    async fn commit(&mut self, position: &Position) -> Result<()> {
        let at: At = position.decode(SCHEMA)?;
        if at.life == self.feed.0.life && at.batch <= self.feed.0.queue.last() {
            self.feed.0.queue.commit(at.batch);
        }
        Ok(())
    }

    fn remaining(&self) -> Remaining {
        let (items, bytes) = self.feed.0.queue.waiting();
        Remaining { bytes: Some(bytes), records: Some(items), behind: None }
    }
}

impl fmt::Debug for InvocationSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvocationSource").field("info", &self.info).finish_non_exhaustive()
    }
}

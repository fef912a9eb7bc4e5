//! The silo of the simulation, read by position, or a sender that sends again what was not answered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use datalake_core::testkit::Rng;
use datalake_core::{
    Dataset, Document, Error, ErrorKind, Next, Position, Result, Source, SourceBatch, SourceInfo, async_trait,
};
use serde::{Deserialize, Serialize};

use super::Bug;
use super::store::turn;
use super::world::{World, number};

const SCHEMA: &str = "sim/1";

#[derive(Serialize, Deserialize)]
enum At {
    /// After so many documents; the second number tells batches without documents apart.
    Document(usize, u64),
    /// After so many batches that a source has given.
    Batch(u64, u64),
}

/// One connection to the silo.
pub(crate) struct SimSource {
    info: SourceInfo,
    world: Arc<World>,
    rng: Rng,
    /// The number of this source, among all there ever were.
    id: u64,
    next: usize,
    told: usize,
    batches: u64,
    /// By batch, what a sender has sent and got no answer for.
    waiting: BTreeMap<u64, Vec<usize>>,
}

impl SimSource {
    pub(crate) fn new(world: Arc<World>, rng: Rng) -> Self {
        let scenario = &world.scenario;
        let mut info = SourceInfo::new("sim", Dataset::new("things").unwrap(), "sim:///");
        if !scenario.can_seek {
            info = info.without_seek();
        }
        if scenario.wants_commit {
            info = info.with_commit(Duration::from_millis(40));
        }
        if let Some(window) = scenario.window {
            info = info.with_window(window);
        }
        let id = world.next_source();
        Self { info, world, rng, id, next: 0, told: 0, batches: 0, waiting: BTreeMap::new() }
    }

    async fn trouble(&mut self) -> Result<()> {
        turn().await;
        let calm = self.world.state().calm;
        if !calm && self.rng.chance(self.world.scenario.source_trouble) {
            return Err(Error::new(ErrorKind::Unavailable, "the silo does not answer"));
        }
        Ok(())
    }

    fn under_way(&self) -> usize {
        if self.info.can_seek { self.next - self.told } else { self.waiting.values().map(Vec::len).sum() }
    }

    /// The next documents that nobody has, as far as they may be under way.
    fn take(&mut self, most: usize) -> Vec<Document> {
        let world = Arc::clone(&self.world);
        if self.info.can_seek {
            let to = (self.next + most).min(world.documents.len());
            let documents = world.documents[self.next..to].to_vec();
            self.next = to;
            return documents;
        }
        let mut state = world.state();
        let free = (0..world.documents.len()).filter(|&n| state.given[n].is_none() && !state.answered[n]);
        let taken: Vec<usize> = free.take(most).collect();
        for &n in &taken {
            state.given[n] = Some(self.id);
            state.deliveries[n] += 1;
        }
        self.waiting.insert(self.batches + 1, taken.clone());
        taken.into_iter().map(|n| world.documents[n].clone()).collect()
    }

    fn nothing(&self) -> Next {
        let state = self.world.state();
        let all = if self.info.can_seek {
            self.next == self.world.documents.len()
        } else {
            state.answered.iter().all(|answered| *answered)
        };
        if all { Next::End } else { Next::Idle(Duration::from_millis(20)) }
    }
}

impl Drop for SimSource {
    /// The connections break, and the sender sends again.
    fn drop(&mut self) {
        let mut state = self.world.state();
        state.given.iter_mut().for_each(|given| {
            given.take_if(|id| *id == self.id);
        });
    }
}

#[async_trait]
impl Source for SimSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    async fn next_batch(&mut self) -> Result<Next> {
        self.trouble().await?;
        if self.rng.chance(0.1) {
            tokio::time::sleep(Duration::from_millis(self.rng.within(1..100) as u64)).await;
        }
        let calm = self.world.state().calm;
        if !calm && self.rng.chance(0.05) {
            return Ok(Next::Idle(Duration::from_millis(10)));
        }
        let room = self.info.window.map_or(usize::MAX, |window| window.saturating_sub(self.under_way()));
        let most = self.rng.within(1..self.world.scenario.batch + 1).min(room);
        let most = if self.rng.chance(0.1) { 0 } else { most };
        let empty = most == 0 && room > 0;
        let documents = self.take(most);
        if documents.is_empty() && !empty {
            return Ok(self.nothing());
        }
        if self.world.bug(Bug::CancelLosesBatch) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.batches += 1;
        if self.world.bug(Bug::AckOnRead) {
            self.world.told(documents.iter().map(|document| number(document.id().unwrap())));
        }
        let at = if self.info.can_seek {
            At::Document(self.next, self.batches)
        } else {
            At::Batch(self.id, self.batches)
        };
        Ok(Next::Batch(SourceBatch::new(documents, Position::new(SCHEMA, &at)?)))
    }

    async fn seek(&mut self, position: Option<&Position>) -> Result<()> {
        self.trouble().await?;
        let at = position.map(|position| position.decode::<At>(SCHEMA)).transpose()?;
        match at {
            _ if self.world.bug(Bug::SeekIsIgnored) && self.batches > 0 => {}
            Some(At::Document(next, _)) => {
                let late = usize::from(self.world.bug(Bug::SeekIsOneTooFar) && self.batches > 0);
                (self.next, self.told) = ((next + late).min(self.world.documents.len()), next);
            }
            None if self.info.can_seek => (self.next, self.told) = (0, 0),
            _ => {}
        }
        Ok(())
    }

    async fn commit(&mut self, position: &Position) -> Result<()> {
        let told = match position.decode::<At>(SCHEMA)? {
            At::Document(next, _) => {
                self.told = self.told.max(next);
                (0..next).collect()
            }
            At::Batch(id, batch) if id == self.id => {
                let later = self.waiting.split_off(&(batch + 1));
                let told = std::mem::replace(&mut self.waiting, later);
                told.into_values().flatten().collect()
            }
            At::Batch(..) => {
                self.world.wrong("a source was told of a batch of another");
                Vec::new()
            }
        };
        let told: Vec<usize> = told;
        self.world.note(|| format!("source {} is told of {told:?}", self.id));
        self.world.told(told);
        self.trouble().await
    }
}

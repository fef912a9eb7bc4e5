//! The ledger of the simulation: the real one, unless a mistake is planted.

use std::fmt;
use std::sync::{Arc, Mutex};

use datalake_core::ledger::{Appended, Commit, Entry, Ledger, Manifest, StoreLedger};
use datalake_core::store::{ObjectStore, PutOptions};
use datalake_core::{PipelineId, Position, Result, Sha256, async_trait};
use futures::stream::BoxStream;

use super::Bug;
use super::store::SimStore;
use super::world::World;

const BESIDE: &str = "_ledger/p/beside.json";

/// The ledger of the simulation.
pub(crate) struct SimLedger {
    world: Arc<World>,
    inner: StoreLedger,
    store: SimStore,
    later: Mutex<Option<Commit>>,
}

impl SimLedger {
    pub(crate) fn new(world: Arc<World>, inner: StoreLedger, store: SimStore) -> Self {
        Self { world, inner, store, later: Mutex::default() }
    }

    async fn in_next_slot(&self, commit: &Commit) -> Result<Appended> {
        let mut commit = commit.clone();
        commit.seq += 1;
        self.inner.append(&commit).await
    }
}

impl fmt::Debug for SimLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimLedger").field("inner", &self.inner).finish_non_exhaustive()
    }
}

#[async_trait]
impl Ledger for SimLedger {
    async fn head(&self, pipeline: &PipelineId) -> Result<Option<Entry>> {
        match self.world.scenario.bug {
            Bug::CheckpointApart => {
                let beside = self.store.get(BESIDE).await;
                let position = beside.ok().and_then(|bytes| serde_json::from_slice::<Position>(&bytes).ok());
                let head = self.inner.head(pipeline).await?;
                Ok(head.map(|mut head| {
                    head.commit.to = position.unwrap_or(head.commit.to);
                    head
                }))
            }
            Bug::HintIsHead => match self.store.get(BESIDE).await {
                Ok(hint) => {
                    self.inner.entry(pipeline, serde_json::from_slice(&hint).unwrap_or(1)).await.map(Some)
                }
                Err(_) => Ok(None),
            },
            _ => self.inner.head(pipeline).await,
        }
    }

    async fn append(&self, commit: &Commit) -> Result<Appended> {
        let late = self.later.lock().unwrap().take();
        if let Some(late) = late {
            self.inner.append(&late).await?;
        }
        if self.world.bug(Bug::AckBeforeDurable) {
            *self.later.lock().unwrap() = Some(commit.clone());
            return Ok(Appended::Mine(Sha256::of(b"")));
        }
        let done = self.inner.append(commit).await;
        let put = |bytes: Vec<u8>| self.store.put(BESIDE, bytes.into(), PutOptions::default());
        match (self.world.scenario.bug, done) {
            (Bug::NewSlotOnTimeout, Err(error)) if error.is_temporary() => self.in_next_slot(commit).await,
            (Bug::LostIsNextSlot, Ok(Appended::Lost)) => self.in_next_slot(commit).await,
            (Bug::LostIsMine, Ok(Appended::Lost)) => Ok(Appended::Mine(Sha256::of(b""))),
            (Bug::CheckpointApart, Ok(done @ Appended::Mine(_))) => {
                put(serde_json::to_vec(&commit.to).unwrap_or_default()).await?;
                Ok(done)
            }
            (Bug::HintIsHead, Ok(done @ Appended::Mine(_))) if commit.seq % 2 == 1 => {
                put(commit.seq.to_string().into_bytes()).await.ok();
                Ok(done)
            }
            (Bug::SlotsAreDeleted, Ok(done @ Appended::Mine(_))) if commit.seq > 1 => {
                let before = format!("_ledger/p/commits/{:020}.json", commit.seq - 1);
                self.store.delete(&before).await.ok();
                Ok(done)
            }
            (_, done) => done,
        }
    }

    fn entries(&self, pipeline: &PipelineId, after: u64) -> BoxStream<'_, Result<Entry>> {
        self.inner.entries(pipeline, after)
    }

    async fn entry(&self, pipeline: &PipelineId, seq: u64) -> Result<Entry> {
        self.inner.entry(pipeline, seq).await
    }

    async fn manifest(&self, commit: &Commit) -> Result<Manifest> {
        self.inner.manifest(commit).await
    }
}

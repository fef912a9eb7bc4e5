//! Following the ledgers.

use std::collections::VecDeque;
use std::time::Duration;

use datalake_core::lake::{Lake, Zone};
use datalake_core::ledger::{Entry, Ledger};
use datalake_core::{
    Dataset, Document, Error, ErrorKind, Next, PipelineId, Position, Result, Sha256, Source, SourceBatch,
    SourceInfo, async_trait,
};

use super::builder::LakeSourceBuilder;
use super::cut::{self, Piece};
use super::plan::{self, Of, Plan};
use super::position::{At, Part, Standing};
use super::{SCHEMA, SYSTEM};

/// How many documents a batch holds at most.
const DOCUMENTS: usize = 4096;
/// From how many commits without anything to read on the position is moved over them.
const SKIPPED: u64 = 100;

/// Reads a zone of a lake through its ledger. The [module](super) tells how.
#[derive(Debug)]
pub struct LakeSource {
    lake: Lake,
    info: SourceInfo,
    settings: Settings,
    at: At,
    /// What is being read, after `at`.
    open: Option<Open>,
    /// Commits passed over since the last batch.
    skipped: u64,
}

#[derive(Debug)]
pub(super) struct Settings {
    pub(super) zone: Zone,
    pub(super) from: Dataset,
    pub(super) pipelines: Vec<PipelineId>,
    pub(super) poll_every: Duration,
    pub(super) batch_bytes: usize,
}

/// A commit that is being read, or a lane as a commit left it.
#[derive(Debug)]
struct Open {
    pipeline: PipelineId,
    entry: Entry,
    /// The commit after which the lane goes on, with its digest.
    ends: (u64, Sha256),
    standing: Option<Standing>,
    plan: Plan,
    pieces: VecDeque<Piece>,
    /// The next object to load, and the byte in it.
    next: (usize, u64),
}

impl LakeSource {
    /// A source of a zone of a lake: what the pipelines that fill a dataset have committed to it.
    pub fn builder(lake: &Lake, zone: Zone, from: Dataset) -> LakeSourceBuilder {
        LakeSourceBuilder::new(lake.clone(), zone, from)
    }

    pub(super) fn new(lake: Lake, info: SourceInfo, settings: Settings) -> Self {
        let at = At::beginning(settings.zone, settings.from.clone());
        Self { lake, info, settings, at, open: None, skipped: 0 }
    }

    fn of(&self) -> Of<'_> {
        Of { zone: self.settings.zone, dataset: &self.settings.from, locator: &self.info.locator }
    }

    /// A batch of what is loaded. No await, so that nothing is lost when a call is dropped.
    fn take(&mut self) -> Result<Option<SourceBatch>> {
        let Some(open) = self.open.as_mut().filter(|open| !open.pieces.is_empty()) else { return Ok(None) };
        let (mut documents, mut objects, mut bytes) = (Vec::<Document>::new(), Vec::new(), 0);
        let mut next = open.next;
        while let Some(piece) = open.pieces.front() {
            let more = bytes + piece.document.len();
            if !documents.is_empty() && (more > self.settings.batch_bytes || documents.len() == DOCUMENTS) {
                break;
            }
            bytes = more;
            let Some(piece) = open.pieces.pop_front() else { break };
            next = piece.next;
            documents.push(piece.document);
            objects.push(piece.of);
        }
        self.moved(next);
        let batch = SourceBatch::new(documents, self.position()?);
        Ok(Some(objects.into_iter().fold(batch, SourceBatch::derived_from)))
    }

    /// Moves the position to a place in what is open, and closes it at its end.
    fn moved(&mut self, next: (usize, u64)) {
        let Some(open) = &self.open else { return };
        let lane = self.at.lanes.entry(open.pipeline.clone()).or_default();
        self.at.last = Some(open.pipeline.clone());
        if next.0 < open.plan.len() {
            lane.part = Some(Part { object: next.0, offset: next.1, standing: open.standing });
            return;
        }
        lane.part = None;
        (lane.seq, lane.sha256) = (open.ends.0, Some(open.ends.1));
        self.open = None;
        self.skipped = 0;
    }

    fn position(&self) -> Result<Position> {
        Position::new(SCHEMA, &self.at)
    }

    /// Loads the next object, or opens the next commit. `false` if there is none.
    async fn load(&mut self) -> Result<bool> {
        let Some(open) = &self.open else { return self.next_commit().await };
        let (index, offset) = open.next;
        if index >= open.plan.len() {
            self.moved(open.next);
            return Ok(true);
        }
        let loaded = match &open.plan {
            Plan::Documents(manifest, of) => {
                let documents = self.lake.documents(manifest).await?;
                let rows = manifest.documents.rows().zip(documents).enumerate().skip(index);
                let location = manifest.raw.as_ref().map(|raw| raw.location.as_str()).unwrap_or_default();
                let piece = |(n, (row, document)): (usize, (_, Document))| {
                    let row: datalake_core::ledger::DocumentRow = row;
                    let here = Document::new(document.bytes().clone(), location, row.format).at(row.content);
                    let here = match row.id {
                        Some(id) => here.with_id(id),
                        None => here,
                    };
                    let document = match row.properties {
                        Some(properties) => here.with_properties(properties),
                        None => here,
                    };
                    Piece { document, of: of.clone(), next: (n + 1, 0) }
                };
                Ok((rows.map(piece).collect(), manifest.documents.len()))
            }
            Plan::Objects(objects) => {
                let reading = &objects[index];
                let of = plan::derived(&self.lake, &open.pipeline, &reading.object);
                self.lake.content(&reading.object).await.map(|content| {
                    let bytes = self.settings.batch_bytes;
                    let pieces =
                        cut::lines(&content, &reading.object, &of, (index, offset), bytes, reading.from);
                    (pieces, index + 1)
                })
            }
        };
        match loaded {
            Ok((pieces, next)) => {
                if let Some(open) = &mut self.open {
                    open.pieces = pieces.into();
                    open.next = (next, 0);
                }
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::NotFound && open.standing.is_none() => {
                let (entry, pipeline) = (open.entry.clone(), open.pipeline.clone());
                let standing = plan::jump(&self.lake, &entry.commit, &self.at.lane(&pipeline)).await?;
                tracing::warn!(commit = %entry.commit.name(), up_to = standing.seq,
                    "an object was superseded and is gone; the lane is read as it stands");
                self.open = Some(self.standing(pipeline, entry, standing).await?);
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let message = "an object was removed while the lane was being read as it stood";
                Err(Error::new(ErrorKind::PositionInvalid, message).caused_by(error))
            }
            Err(error) => Err(error),
        }
    }

    /// Opens the next commit with something to read: of the lane after the one read last, in turns.
    async fn next_commit(&mut self) -> Result<bool> {
        for pipeline in self.lanes().await? {
            loop {
                let lane = self.at.lane(&pipeline);
                let entry = match self.lake.ledger().entry(&pipeline, lane.seq + 1).await {
                    Ok(entry) => entry,
                    Err(error) if error.kind() == ErrorKind::NotFound => break,
                    Err(error) => return Err(error),
                };
                if let Some(standing) = lane.part.as_ref().and_then(|part| part.standing) {
                    self.open = Some(self.standing(pipeline, entry, standing).await?);
                    return Ok(true);
                }
                if let Some(plan) = self.of().plan(&self.lake, &entry.commit).await? {
                    let next = lane.part.map_or((0, 0), |part| (part.object, part.offset));
                    let (ends, pieces) = ((entry.commit.seq, entry.sha256), VecDeque::new());
                    self.open = Some(Open { pipeline, entry, ends, standing: None, plan, pieces, next });
                    return Ok(true);
                }
                let lane = self.at.lanes.entry(pipeline.clone()).or_default();
                (lane.seq, lane.sha256) = (entry.commit.seq, Some(entry.sha256));
                self.skipped += 1;
            }
        }
        Ok(false)
    }

    /// A lane as a commit left it, to go on in where the position says.
    async fn standing(&self, pipeline: PipelineId, entry: Entry, standing: Standing) -> Result<Open> {
        let lane = self.at.lane(&pipeline);
        let plan = self.of().standing(&self.lake, &pipeline, lane.seq, standing).await?;
        let last = self.lake.ledger().entry(&pipeline, standing.seq).await?;
        let next = lane.part.map_or((0, 0), |part| (part.object, part.offset));
        let (ends, pieces) = ((standing.seq, last.sha256), VecDeque::new());
        Ok(Open { pipeline, entry, ends, standing: Some(standing), plan, pieces, next })
    }

    /// The lanes, beginning with the one whose turn it is.
    async fn lanes(&self) -> Result<Vec<PipelineId>> {
        let mut lanes = match self.settings.pipelines.is_empty() {
            true => self.lake.pipelines().await?,
            false => self.settings.pipelines.clone(),
        };
        lanes.sort();
        lanes.dedup();
        let first = match &self.at.last {
            // What was begun is read to its end first.
            Some(last) if self.at.lane(last).part.is_some() => lanes.partition_point(|lane| lane < last),
            Some(last) => lanes.partition_point(|lane| lane <= last),
            None => 0,
        };
        lanes.rotate_left(first);
        Ok(lanes)
    }

    async fn check(&self, at: &At) -> Result<()> {
        let foreign = |message: &'static str| Error::new(ErrorKind::PositionInvalid, message);
        if at.zone != self.settings.zone || at.dataset != self.settings.from {
            return Err(foreign("the position is of another zone or dataset")
                .with("zone", at.zone)
                .with("dataset", &at.dataset));
        }
        for (pipeline, lane) in at.lanes.iter().filter(|(_, lane)| lane.seq > 0) {
            let found = match self.lake.ledger().entry(pipeline, lane.seq).await {
                Ok(entry) => Some(entry.sha256),
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Err(error) => return Err(error),
            };
            if found.is_none() || found != lane.sha256 {
                return Err(foreign("the ledger is not the one that was read")
                    .with("pipeline", pipeline)
                    .with("commit", lane.seq));
            }
        }
        Ok(())
    }
}

/// The error as the engine is told of it, which tries again what the lake has given up for now.
fn told(error: Error) -> Error {
    let error = error.component(SYSTEM);
    if error.is_temporary() { error.retryable() } else { error }
}

#[async_trait]
impl Source for LakeSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    async fn next_batch(&mut self) -> Result<Next> {
        loop {
            if let Some(batch) = self.take()? {
                return Ok(Next::Batch(batch));
            }
            if self.load().await.map_err(told)? {
                continue;
            }
            if self.skipped >= SKIPPED {
                self.skipped = 0;
                return Ok(Next::Batch(SourceBatch::new(Vec::new(), self.position()?)));
            }
            return Ok(Next::Idle(self.settings.poll_every));
        }
    }

    async fn seek(&mut self, position: Option<&Position>) -> Result<()> {
        let at = match position {
            Some(position) => position.decode(SCHEMA).map_err(|error| error.component(SYSTEM))?,
            None => At::beginning(self.settings.zone, self.settings.from.clone()),
        };
        self.check(&at).await.map_err(told)?;
        (self.at, self.open, self.skipped) = (at, None, 0);
        Ok(())
    }
}

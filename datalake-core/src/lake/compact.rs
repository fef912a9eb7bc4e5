//! Joining small objects.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde_json::json;
use tokio::time::Instant;

use super::format::{Piece, kept};
use super::view::{Object, View};
use super::{Lake, Zone, layout};
use crate::Result;
use crate::ambient::Ambient;
use crate::codec::Compression;
use crate::envelope::{Acquired, Envelope, Hop, Origin, Worker, config_digest};
use crate::id::{AttemptId, Dataset, PipelineId};
use crate::ledger::{
    Appended, Commit, CommitKind, Ledger, LostInARow, Manifest, ManifestAt, Part, StoreLedger, check_age,
};
use crate::records::Counts;
use crate::retry::Retry;
use crate::sink::Output;
use crate::store::{Payload, PutOptions};

/// How many lines of JSON are compressed at once, bytes.
const FRAME: usize = 8 << 20;

/// Joins small objects of the curated zone, those of one partition into one.
///
/// Every round is one commit that names the joined objects and retires those they were joined out of. A reader of the
/// lake sees either the ones or the others, whenever it looks and wherever a crash happens; what was retired is for
/// [`clean`](super::clean()) to remove. Every record keeps its id, and so leads back to its raw bytes as before. The
/// order within a partition is kept.
///
/// Workers may go on meanwhile: if one takes the slot, the commit takes the next; if one rebuilds what is being joined,
/// the join is dropped and done anew.
///
/// Memory holds the objects of one join and the object they become, which is about twice the target, and for lines of
/// JSON one object at a time.
#[derive(Debug, Clone)]
pub struct Compaction {
    worker: Arc<Worker>,
    target_bytes: u64,
    small_bytes: u64,
    commit_bytes: u64,
    ambient: Ambient,
    retry: Retry,
}

/// What a compaction did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compacted {
    /// The pipeline.
    pub pipeline: PipelineId,
    /// The commits made.
    pub commits: u64,
    /// The objects that were joined.
    pub joined: u64,
    /// The objects they became.
    pub into: u64,
    /// The records in them.
    pub records: u64,
    /// The bytes of the objects before, as stored.
    pub bytes_before: u64,
    /// The bytes of the objects after.
    pub bytes_after: u64,
    /// How often another worker took the slot.
    pub lost_slots: u64,
}

/// Objects that become one.
struct Group {
    partition: Option<String>,
    objects: Vec<Object>,
}

/// What a round wrote.
struct Joined {
    since: Instant,
    attempt: AttemptId,
    manifest: Manifest,
    inputs: Vec<Object>,
    envelope: Envelope,
}

impl Compaction {
    /// A compaction by a worker, which lineage names: objects of less than 32 MiB, as stored, become ones of about
    /// 64 MiB.
    #[must_use]
    pub fn new(worker: Worker) -> Self {
        Self {
            worker: Arc::new(worker),
            target_bytes: 64 << 20,
            small_bytes: 32 << 20,
            commit_bytes: 1 << 30,
            ambient: Ambient::system(),
            retry: Retry::default(),
        }
    }

    /// Sets how many bytes, as stored, a joined object should have. Objects of less than half of it are joined.
    #[must_use]
    pub fn target_bytes(mut self, bytes: u64) -> Self {
        self.target_bytes = bytes;
        self.small_bytes = bytes / 2;
        self
    }

    /// Sets the size, as stored, from which on an object is left as it is.
    #[must_use]
    pub fn small_bytes(mut self, bytes: u64) -> Self {
        self.small_bytes = bytes;
        self
    }

    /// Replaces time, randomness and processors, for simulations.
    #[must_use]
    pub fn ambient(mut self, ambient: Ambient) -> Self {
        self.ambient = ambient;
        self
    }

    /// Sets how often a request is tried again, whatever the [policy](Lake::with_retry) of the lake.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Joins what is small of a pipeline, until nothing is left to join.
    ///
    /// **Cancellation**: the future may be dropped at any await. What was committed stays; what was not is invisible.
    ///
    /// # Errors
    /// The store fails, the ledger or an object is damaged, a format is [unknown](Lake::with_format), writing took hours, or
    /// another worker took the slot too often. What was committed stays.
    pub async fn run(&self, lake: &Lake, pipeline: &PipelineId) -> Result<Compacted> {
        let lake = &lake.clone().with_retry(self.retry.clone(), self.ambient.clone());
        let ledger = lake.ledger();
        let mut done = Compacted {
            pipeline: pipeline.clone(),
            commits: 0,
            joined: 0,
            into: 0,
            records: 0,
            bytes_before: 0,
            bytes_after: 0,
            lost_slots: 0,
        };
        let mut view = View::read(ledger, pipeline, u64::MAX).await?;
        let mut lost = LostInARow::default();
        while let Some((dataset, groups)) = self.next_round(&view) {
            let joined = self.join(lake, pipeline, &dataset, groups).await?;
            loop {
                if self.commit(ledger, &view, &joined, &mut done).await? {
                    lost = LostInARow::default();
                    view = View::read(ledger, pipeline, u64::MAX).await?;
                    break;
                }
                done.lost_slots += 1;
                lost.add(pipeline)?;
                view = View::read(ledger, pipeline, u64::MAX).await?;
                let stands = |object: &Object| view.object(&object.location) == Some(object);
                if !joined.inputs.iter().all(stands) {
                    break;
                }
            }
        }
        Ok(done)
    }

    /// The next objects to join, of one dataset. `None` if there is nothing to join.
    fn next_round(&self, view: &View) -> Option<(Dataset, Vec<Group>)> {
        type Alike = (Dataset, Option<String>, Option<String>, &'static str);
        let mut small: BTreeMap<Alike, Vec<&Object>> = BTreeMap::new();
        for object in view.objects() {
            if object.zone == Zone::Curated && object.bytes < self.small_bytes {
                let (partition, format) = (object.partition.clone(), object.format.clone());
                let alike = (object.dataset.clone(), partition, format, object.compression.extension());
                small.entry(alike).or_default().push(object);
            }
        }
        let mut round: Option<(Dataset, Vec<Group>)> = None;
        let mut bytes = 0;
        for ((dataset, partition, ..), objects) in small {
            if round.as_ref().is_some_and(|(first, _)| *first != dataset) || bytes >= self.commit_bytes {
                break;
            }
            for objects in self.cut(objects) {
                bytes += objects.iter().map(|object| object.bytes).sum::<u64>();
                let (_, groups) = round.get_or_insert_with(|| (dataset.clone(), Vec::new()));
                groups.push(Group { partition: partition.clone(), objects });
                if bytes >= self.commit_bytes {
                    break;
                }
            }
        }
        round
    }

    /// Objects that follow one another, as many as make up the target; two at the least.
    fn cut(&self, objects: Vec<&Object>) -> Vec<Vec<Object>> {
        let mut groups: Vec<(u64, Vec<Object>)> = Vec::new();
        for object in objects {
            match groups.last_mut() {
                Some((bytes, group)) if *bytes + object.bytes <= self.target_bytes => {
                    *bytes += object.bytes;
                    group.push(object.clone());
                }
                _ => groups.push((object.bytes, vec![object.clone()])),
            }
        }
        groups.into_iter().map(|(_, group)| group).filter(|group| group.len() > 1).collect()
    }

    /// Writes the joined objects, one after the other.
    async fn join(
        &self,
        lake: &Lake,
        pipeline: &PipelineId,
        dataset: &Dataset,
        groups: Vec<Group>,
    ) -> Result<Joined> {
        let (start, since) = (self.ambient.now(), Instant::now());
        let attempt = self.ambient.attempt();
        let mut manifest = Manifest::default();
        let mut inputs = Vec::new();
        for (n, group) in groups.into_iter().enumerate() {
            let payload = self.payload(lake, &group.objects).await?;
            let first = &group.objects[0];
            let extension =
                format!(".{}{}", first.format.as_deref().unwrap_or("ndjson"), first.compression.extension());
            let partition = group.partition.as_deref().unwrap_or_default();
            let location = layout::joined(dataset, partition, pipeline, first.batch, &attempt, n, &extension);
            let (bytes, sha256) = (payload.len() as u64, payload.sha256());
            let options = PutOptions {
                sha256: Some(sha256),
                content_type: None,
                metadata: [("lake-pipeline", pipeline.to_string()), ("lake-attempt", attempt.to_string())]
                    .into(),
            };
            lake.patient().put(&location, payload, options).await?;
            let parts = parts(&group.objects);
            manifest.outputs.push(Output {
                sink: "lake.compact".into(),
                location: location.clone(),
                bytes,
                records: parts.iter().map(|part| part.records).sum(),
                sha256: Some(sha256),
                format: first.format.clone(),
                compression: first.compression,
                partition: group.partition.clone(),
            });
            manifest.parts.insert(location, parts);
            manifest.retired.extend(group.objects.iter().map(|object| object.location.clone()));
            inputs.extend(group.objects);
        }
        let end = self.ambient.now();
        let records = manifest.outputs.iter().map(|output| output.records).sum();
        let config = json!({ "target_bytes": self.target_bytes, "small_bytes": self.small_bytes });
        let hop = Hop {
            n: 1,
            name: "compact".into(),
            version: "1".into(),
            config: config_digest(&config),
            start,
            end,
            records_in: records,
            records_out: records,
            filtered: 0,
            rejected: 0,
        };
        let envelope = Envelope {
            origin: Origin {
                system: "lake.compact".into(),
                dataset: dataset.clone(),
                locator: format!("{}/{dataset}", Zone::Curated),
                requests: Vec::new(),
            },
            acquired: Acquired { start, end },
            worker: Arc::clone(&self.worker),
            run: attempt.to_string(),
            hops: vec![hop],
            derived_from: Vec::new(),
        };
        Ok(Joined { since, attempt, manifest, inputs, envelope })
    }

    /// The bytes of the joined object.
    async fn payload(&self, lake: &Lake, objects: &[Object]) -> Result<Payload> {
        let format = Arc::clone(lake.format(&objects[0])?);
        if format.name() != "ndjson" {
            let mut pieces = Vec::with_capacity(objects.len());
            for object in objects {
                pieces.push(Piece { bytes: lake.stored(object).await?, rows: object.rows() });
            }
            return self.ambient.cpu().run(move || format.join(&pieces)).await?.map(Payload::from);
        }
        let compression = objects[0].compression;
        let mut frames = Frames { compression, lines: Vec::new(), payload: Payload::new() };
        for object in objects {
            let (lines, rows) = (lake.stored(object).await?, object.rows());
            frames = self.ambient.cpu().run(move || frames.add(&lines, &rows)).await??;
        }
        self.ambient.cpu().run(move || frames.finish()).await?
    }

    /// Puts the commit into the slot after the view. `false` if another worker took it.
    async fn commit(
        &self,
        ledger: &StoreLedger,
        view: &View,
        joined: &Joined,
        done: &mut Compacted,
    ) -> Result<bool> {
        let head = ledger.entry(&view.pipeline, view.seq).await?;
        let sum = |outputs: &[Output]| outputs.iter().map(|output| output.records).sum::<u64>();
        let records = sum(&joined.manifest.outputs);
        let commit = Commit {
            schema: Commit::SCHEMA.into(),
            pipeline: view.pipeline.clone(),
            seq: view.seq + 1,
            kind: CommitKind::Compact,
            batch: 0,
            batches: head.commit.batches,
            attempt: joined.attempt.clone(),
            previous: Some(head.sha256),
            committed_at: self.ambient.now(),
            from: Some(head.commit.to.clone()),
            to: head.commit.to,
            envelope: joined.envelope.clone(),
            counts: Counts { read: records, written: records, ..Counts::default() },
            bytes_in: joined.inputs.iter().map(|object| object.bytes).sum(),
            bytes_out: joined.manifest.outputs.iter().map(|output| output.bytes).sum(),
            reasons: BTreeMap::new(),
            manifest: ManifestAt::Here(joined.manifest.clone()),
        };
        check_age(&commit, joined.since)?;
        if ledger.append(&commit).await? == Appended::Lost {
            return Ok(false);
        }
        done.commits += 1;
        done.joined += joined.inputs.len() as u64;
        done.into += joined.manifest.outputs.len() as u64;
        done.records += records;
        done.bytes_before += commit.bytes_in;
        done.bytes_after += commit.bytes_out;
        Ok(true)
    }
}

/// Whose records the joined object holds, in order.
fn parts(objects: &[Object]) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for (part, _) in objects.iter().flat_map(Object::live) {
        match parts.last_mut() {
            Some(last) if (last.batch, last.seq) == (part.batch, part.seq) => last.records += part.records,
            _ => parts.push(part),
        }
    }
    parts
}

/// Lines of JSON, compressed a few megabytes at a time.
struct Frames {
    compression: Compression,
    lines: Vec<u8>,
    payload: Payload,
}

impl Frames {
    fn add(mut self, lines: &Bytes, rows: &[Range<u64>]) -> Result<Self> {
        self.lines.extend_from_slice(&kept(lines, rows));
        if self.lines.len() >= FRAME { self.flush() } else { Ok(self) }
    }

    fn flush(mut self) -> Result<Self> {
        let lines = Bytes::from(std::mem::take(&mut self.lines));
        self.payload.push(self.compression.frame(self.compression.level(), &[lines])?);
        Ok(self)
    }

    fn finish(self) -> Result<Payload> {
        let all = if self.lines.is_empty() { self } else { self.flush()? };
        Ok(all.payload)
    }
}

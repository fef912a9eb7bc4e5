//! Batches and records to test sinks and transforms with.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use serde_json::json;

use super::Rng;
use super::clock::epoch;
use crate::batch::Batch;
use crate::document::Document;
use crate::envelope::{Acquired, Envelope, Hop, Origin, Worker, config_digest};
use crate::format::{Content, Format};
use crate::id::{AttemptId, BatchId, Dataset, PipelineId};
use crate::record::{Record, RecordRef};
use crate::records::{Records, Step};
use crate::{Error, Result};

/// Begins a batch with records of these bodies.
///
/// ```
/// use datalake_core::testkit::batch;
///
/// let batch = batch([r#"{"n":1}"#, r#"{"n":2}"#]).pipeline("orders").number(17).build()?;
/// assert_eq!(batch.records[1].origin().id(&batch.id).to_string(), "orders/17/1");
/// assert_eq!(batch.documents.len(), 1);
/// # Ok::<(), datalake_core::Error>(())
/// ```
pub fn batch(bodies: impl IntoIterator<Item = impl Into<Bytes>>) -> BatchBuilder {
    BatchBuilder {
        bodies: bodies.into_iter().map(Into::into).collect(),
        content: None,
        pipeline: "things".into(),
        dataset: "things".into(),
        number: 1,
        attempt: 1,
    }
}

/// Records of these bodies, as a transform gets them. Documents are made up as by [`batch`].
pub fn records(bodies: impl IntoIterator<Item = impl Into<Bytes>>) -> Records {
    let bodies: Vec<Bytes> = bodies.into_iter().map(Into::into).collect();
    let content = content_of(&bodies);
    let (documents, records) = lay_out(&bodies, content);
    let step = Step { n: 1, name: "testkit".into(), version: "1".into() };
    Records::new(documents, records, Arc::new(step))
}

/// A batch being made by [`batch`].
#[derive(Debug, Clone)]
pub struct BatchBuilder {
    bodies: Vec<Bytes>,
    content: Option<Content>,
    pipeline: String,
    dataset: String,
    number: u64,
    attempt: u64,
}

impl BatchBuilder {
    /// Says what the bodies are. Without it they are JSON if every one of them is a JSON value.
    #[must_use]
    pub fn content(mut self, content: Content) -> Self {
        self.content = Some(content);
        self
    }

    /// Names the pipeline; `things` without it.
    #[must_use]
    pub fn pipeline(mut self, pipeline: impl Into<String>) -> Self {
        self.pipeline = pipeline.into();
        self
    }

    /// Names the dataset; `things` without it.
    #[must_use]
    pub fn dataset(mut self, dataset: impl Into<String>) -> Self {
        self.dataset = dataset.into();
        self
    }

    /// Numbers the batch; 1 without it.
    #[must_use]
    pub fn number(mut self, number: u64) -> Self {
        self.number = number;
        self
    }

    /// Says which try it is; 1 without it. Another number gives another attempt id.
    #[must_use]
    pub fn attempt(mut self, attempt: u64) -> Self {
        self.attempt = attempt;
        self
    }

    /// The batch. Acquired on 2026-11-22 at 10:00 UTC.
    ///
    /// # Errors
    /// [`ConfigInvalid`](crate::ErrorKind::ConfigInvalid) for a bad name.
    pub fn build(self) -> Result<Batch> {
        let content = self.content.unwrap_or_else(|| content_of(&self.bodies));
        let (documents, records) = lay_out(&self.bodies, content);
        let dataset = Dataset::new(&self.dataset)?;
        let count = records.len() as u64;
        let hop = Hop {
            n: 1,
            name: "as-it-is".into(),
            version: "1".into(),
            config: config_digest(&json!({ "change": "nothing" })),
            start: epoch(),
            end: epoch(),
            records_in: count,
            records_out: count,
            filtered: 0,
            rejected: 0,
        };
        let envelope = Envelope {
            origin: Origin {
                system: "testkit.batch".into(),
                dataset: dataset.clone(),
                locator: "memory:///".into(),
                requests: Vec::new(),
            },
            acquired: Acquired { start: epoch(), end: epoch() },
            worker: Arc::new(Worker::new("testkit", "1.0.0")),
            run: attempt_id(0).as_str().into(),
            hops: vec![hop],
            derived_from: Vec::new(),
        };
        Ok(Batch {
            id: BatchId { pipeline: PipelineId::new(&self.pipeline)?, number: self.number },
            attempt: attempt_id(self.attempt),
            dataset,
            documents,
            records: Arc::new(records),
            envelope: Arc::new(envelope),
        })
    }
}

fn attempt_id(n: u64) -> AttemptId {
    let mut random = [0; 10];
    random.copy_from_slice(&Rng::new(n).bytes(10));
    AttemptId::new(epoch().timestamp_millis().unsigned_abs() + n, random)
}

fn content_of(bodies: &[Bytes]) -> Content {
    let json = |body: &Bytes| serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok();
    if !bodies.is_empty() && bodies.iter().all(json) { Content::Json } else { Content::Opaque }
}

/// One document of lines, or one a record if a body has a line end in it.
fn lay_out(bodies: &[Bytes], content: Content) -> (Arc<[Document]>, Vec<Record>) {
    let json = content == Content::Json;
    let at = |document: usize, offset: usize, ordinal: usize, body: &Bytes| {
        let origin = RecordRef {
            ordinal: ordinal as u32,
            offset: offset as u32,
            length: body.len() as u32,
            document: document as u16,
            child: 0,
        };
        Record::new(body.clone(), origin, content)
    };
    if bodies.len() <= usize::from(u16::MAX) && bodies.iter().any(|body| body.contains(&b'\n')) {
        let format = Arc::new(if json { Format::Json } else { Format::Whole });
        let documents = bodies
            .iter()
            .enumerate()
            .map(|(n, body)| Document::new(body.clone(), format!("memory:///{n}"), Arc::clone(&format)));
        let records = bodies.iter().enumerate().map(|(n, body)| at(n, 0, n, body));
        return (documents.collect(), records.collect());
    }
    let (mut lines, mut records) = (BytesMut::new(), Vec::with_capacity(bodies.len()));
    for (n, body) in bodies.iter().enumerate() {
        records.push(at(0, lines.len(), n, body));
        lines.extend_from_slice(body);
        lines.extend_from_slice(b"\n");
    }
    let format = if json { Format::Ndjson } else { Format::Lines };
    (Arc::new([Document::new(lines.freeze(), "memory:///0", format)]), records)
}

/// What a transform made of records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transformed {
    /// The ids of the records within the batch, `4` or `4.2`, and their bodies, in order.
    pub records: Vec<(String, Bytes)>,
    /// The ordinals of the records that were refused, and why.
    pub rejected: Vec<(u32, crate::RecordError)>,
    /// How many records were left out on purpose.
    pub filtered: u64,
}

impl Transformed {
    fn of(records: &Records) -> Self {
        let id = BatchId {
            pipeline: PipelineId::new("x").unwrap_or_else(|_| unreachable!("a good name")),
            number: 1,
        };
        Self {
            records: records.iter().map(|r| (r.origin().id(&id).local(), r.body().clone())).collect(),
            rejected: records.rejected().iter().map(|r| (r.origin.ordinal, r.error.clone())).collect(),
            filtered: records.filtered,
        }
    }

    /// The bodies, as text.
    #[must_use]
    pub fn bodies(&self) -> Vec<String> {
        self.records.iter().map(|(_, body)| String::from_utf8_lossy(body).into_owned()).collect()
    }
}

/// Applies a transform to records of these bodies, checks the books, and, unless it leaves something behind for the
/// next batch, that a second try gives the same.
///
/// # Errors
/// As the transform fails; [`Unexpected`](crate::ErrorKind::Unexpected) if a record is unaccounted for or the second
/// try gives something else.
pub async fn transformed(
    transform: &dyn crate::transform::Transform,
    bodies: impl IntoIterator<Item = impl Into<Bytes>>,
) -> Result<Transformed> {
    let before = records(bodies);
    let after = transform.apply(before.clone()).await?;
    let left = after.len() as u64 + after.filtered + after.rejected.len() as u64 + after.merged;
    if before.len() as u64 + after.expanded != left {
        return Err(Error::unexpected("a record is unaccounted for")
            .with("in", before.len())
            .with("expanded", after.expanded)
            .with("out", after.len())
            .with("filtered", after.filtered)
            .with("rejected", after.rejected.len()));
    }
    let once = Transformed::of(&after);
    if !transform.ordered() {
        let again = Transformed::of(&transform.apply(before).await?);
        if again != once {
            return Err(Error::unexpected("the same records gave others the second time"));
        }
    }
    Ok(once)
}

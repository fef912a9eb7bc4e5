//! The transforms of a pipeline alone, for who brings the records and takes them back.

use std::fmt;
use std::sync::Arc;

use futures::future::try_join_all;
use serde_json::Value;
use tokio::sync::Mutex;

use super::chain::{Chain, Means, Transformed, Untouched};
use crate::ambient::Ambient;
use crate::document::Document;
use crate::envelope::{Acquired, Hop, Worker, config_digest};
use crate::id::PipelineId;
use crate::position::Position;
use crate::record::Record;
use crate::records::{Counts, Records, Rejected};
use crate::retry::Retry;
use crate::{Error, Result};

/// The least bytes of documents for which another thread pays.
const SHARE: usize = 128 << 10;
/// The most documents that one part may hold.
const DOCUMENTS: usize = u16::MAX as usize;

/// The transforms of a pipeline without its source, its sinks and its ledger: for a platform that brings records,
/// wants them back changed, and keeps them itself. Made with
/// [`PipelineBuilder::reshaper`](super::PipelineBuilder::reshaper) or [`Pipeline::reshaper`](super::Pipeline::reshaper).
///
/// ```
/// use datalake_core::transform::json::drop_fields;
/// use datalake_core::{Document, Format, Pipeline};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> datalake_core::Result<()> {
/// let reshaper = Pipeline::builder("orders").transform(drop_fields("no-notes", ["/note"])?).reshaper()?;
/// let order = Document::new(r#"{"id":1,"note":"x"}"#, "memory:///1", Format::Json);
/// let reshaped = reshaper.apply(vec![order]).await?;
/// let bodies: Vec<_> = reshaped.outcomes().flat_map(|outcome| outcome.records).map(|r| r.body()).collect();
/// assert_eq!(bodies, [r#"{"id":1}"#]);
/// # Ok(())
/// # }
/// ```
pub struct Reshaper {
    id: PipelineId,
    worker: Arc<Worker>,
    chain: Chain,
    retry: Retry,
    ambient: Ambient,
    /// Held while transforms run that leave something behind for the next batch.
    turn: Mutex<()>,
}

impl Reshaper {
    pub(super) fn new(id: PipelineId, worker: &Worker, chain: Chain, retry: Retry, ambient: Ambient) -> Self {
        let worker = Arc::new(Worker { config: config_digest(&chain.describe()), ..worker.clone() });
        Self { id, worker, chain, retry, ambient, turn: Mutex::new(()) }
    }

    /// The name of the pipeline.
    #[must_use]
    pub fn id(&self) -> &PipelineId {
        &self.id
    }

    /// The program, with the digest of the transforms as its configuration.
    #[must_use]
    pub fn worker(&self) -> &Arc<Worker> {
        &self.worker
    }

    /// Time, randomness and processors of the pipeline.
    #[must_use]
    pub fn ambient(&self) -> &Ambient {
        &self.ambient
    }

    /// The names, versions and settings of the transforms, in order.
    #[must_use]
    pub fn describe(&self) -> Value {
        self.chain.describe()
    }

    /// Whether a transform remembers what came before, so that documents must not be shared out over several calls.
    #[must_use]
    pub fn is_ordered(&self) -> bool {
        self.chain.ordered()
    }

    /// Cuts documents into records and runs the transforms over them. Large sets go side by side over the processors.
    ///
    /// **Order**: outcomes come in the order of the documents. **Alone**: every call begins anew; what a transform
    /// such as `dedupe` remembers reaches from the first to the last document of the call and no further, so that the
    /// same documents, sent again, give the same outcomes. **Concurrency**: calls run side by side, unless a
    /// transform is ordered: then one after the other. **Cancellation**: the future may be dropped at any await.
    ///
    /// # Errors
    /// A transform failed and no record is to blame, after all the tries the policy allows; or a document is longer
    /// than 4 GiB.
    pub async fn apply(&self, documents: Vec<Document>) -> Result<Reshaped> {
        let parts = if self.chain.ordered() {
            let _turn = self.turn.lock().await;
            self.chain.reset();
            let mut parts = Vec::new();
            for part in cut(documents, usize::MAX) {
                parts.push(self.part(part).await?);
            }
            parts
        } else {
            try_join_all(cut(documents, SHARE).into_iter().map(|part| self.part(part))).await?
        };
        Ok(Reshaped::new(parts))
    }

    /// Whether every transform works on one record at a time, so that there is nothing to wait for.
    #[must_use]
    pub fn is_immediate(&self) -> bool {
        self.chain.is_immediate()
    }

    /// As [`apply`](Self::apply), in this thread and at once, for who has a thread of the processors already and wants
    /// to go on with what it has near.
    ///
    /// # Errors
    /// A document is longer than 4 GiB; or [`Unexpected`](crate::ErrorKind::Unexpected) if it is not
    /// [immediate](Self::is_immediate).
    pub fn apply_here(&self, documents: Vec<Document>) -> Result<Reshaped> {
        if !self.is_immediate() {
            return Err(
                Error::unexpected("a transform wants whole batches and may wait").with("pipeline", &self.id)
            );
        }
        let parts = cut(documents, usize::MAX).into_iter();
        let parts = parts.map(|part| self.chain.begin(&self.ambient, self.batch(part)?));
        Ok(Reshaped::new(parts.collect::<Result<_>>()?))
    }

    async fn part(&self, documents: Vec<Document>) -> Result<Transformed> {
        let means = Means { id: &self.id, retry: &self.retry, ambient: &self.ambient };
        self.chain.apply(means, self.batch(documents)?).await
    }

    fn batch(&self, documents: Vec<Document>) -> Result<Untouched> {
        let now = self.ambient.now();
        Ok(Untouched {
            documents,
            acquired: Acquired { start: now, end: now },
            requests: Vec::new(),
            derived_from: Vec::new(),
            position: Position::new("none/1", &Value::Null)?,
        })
    }
}

/// Parts of at least so many bytes, of not too many documents.
fn cut(documents: Vec<Document>, bytes: usize) -> Vec<Vec<Document>> {
    let mut parts = Vec::new();
    let (mut part, mut held) = (Vec::new(), 0);
    for document in documents {
        held += document.len();
        part.push(document);
        if held >= bytes || part.len() == DOCUMENTS {
            parts.push(std::mem::take(&mut part));
            held = 0;
        }
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

/// What the transforms made of some documents.
#[derive(Debug)]
pub struct Reshaped {
    parts: Vec<Part>,
    hops: Vec<Hop>,
    counts: Counts,
}

#[derive(Debug)]
struct Part {
    records: Records,
    /// The records of each document: those of document `n` are `ends[n - 1]..ends[n]`.
    ends: Vec<usize>,
    /// The refused records, in the order of their documents.
    rejected: Vec<Rejected>,
}

/// What became of one document.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Outcome<'a> {
    /// The document.
    pub document: &'a Document,
    /// The records that came out of it, in order. Empty if all were filtered or refused, or if it held none.
    pub records: &'a [Record],
    /// The records of it that were refused.
    pub rejected: &'a [Rejected],
}

impl Reshaped {
    fn new(transformed: Vec<Transformed>) -> Self {
        let mut reshaped = Self {
            parts: Vec::with_capacity(transformed.len()),
            hops: Vec::new(),
            counts: Counts::default(),
        };
        for Transformed { cut, mut records, hops, .. } in transformed {
            let counts = &mut reshaped.counts;
            counts.read += cut.iter().map(|&n| u64::from(n)).sum::<u64>();
            counts.expanded += records.expanded;
            counts.filtered += records.filtered;
            counts.merged += records.merged;
            counts.quarantined += records.rejected.len() as u64;
            counts.written += records.len() as u64;
            if reshaped.hops.is_empty() {
                reshaped.hops = hops;
            } else {
                reshaped.hops.iter_mut().zip(&hops).for_each(|(mine, next)| mine.absorb(next));
            }
            let mut rejected = std::mem::take(&mut records.rejected);
            rejected.sort_by_key(|rejected| (rejected.origin.ordinal, rejected.origin.child));
            let mut ends = vec![0; cut.len()];
            records.iter().for_each(|record| ends[usize::from(record.origin().document)] += 1);
            ends.iter_mut().fold(0, |sum, end| {
                *end += sum;
                *end
            });
            reshaped.parts.push(Part { records, ends, rejected });
        }
        reshaped
    }

    /// What became of each document, in order.
    pub fn outcomes(&self) -> impl Iterator<Item = Outcome<'_>> {
        self.parts.iter().flat_map(Part::outcomes)
    }

    /// The transforms, and what each did with all the records.
    #[must_use]
    pub fn hops(&self) -> &[Hop] {
        &self.hops
    }

    /// How many records went where: `written` are those that came out, `quarantined` those that were refused.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }
}

impl Part {
    fn outcomes(&self) -> impl Iterator<Item = Outcome<'_>> {
        let (mut start, mut refused) = (0, 0);
        self.ends.iter().zip(self.records.documents().iter()).enumerate().map(move |(n, (&end, document))| {
            let records = &self.records.records[start..end];
            start = end;
            let rest = &self.rejected[refused..];
            let own = rest.iter().take_while(|rejected| usize::from(rejected.origin.document) == n).count();
            refused += own;
            Outcome { document, records, rejected: &rest[..own] }
        })
    }
}

impl fmt::Debug for Reshaper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reshaper").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::json::mask;
    use crate::transform::{Pointer, dedupe, filter, flat_map};
    use crate::{Format, Pipeline};

    fn documents(bodies: &[&str]) -> Vec<Document> {
        let format = Arc::new(Format::Ndjson);
        let document = |body: &&str| Document::new(body.to_string(), "test:///", Arc::clone(&format));
        bodies.iter().map(document).collect()
    }

    /// The bodies and the reasons of refusal, by document.
    fn told(reshaped: &Reshaped) -> Vec<(Vec<String>, Vec<String>)> {
        let body = |record: &Record| String::from_utf8_lossy(record.body()).into_owned();
        let told = reshaped.outcomes().map(|outcome| {
            let reasons = outcome.rejected.iter().map(|rejected| rejected.error.reason.to_string());
            (outcome.records.iter().map(body).collect(), reasons.collect())
        });
        told.collect()
    }

    fn said(bodies: &[&str], reasons: &[&str]) -> (Vec<String>, Vec<String>) {
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        (own(bodies), own(reasons))
    }

    #[tokio::test]
    async fn each_document_is_told_what_became_of_it() {
        let keep = Pointer::parse("/keep").unwrap();
        let reshaper = Pipeline::builder("p")
            .transform(mask("mask", "/email").unwrap())
            .transform(filter("keep", "1", move |draft| Ok(draft.field(&keep)? != Some("false"))))
            .transform(flat_map("twice", "1", |record| {
                let times = if record.body().starts_with(b"{\"twice") { 2 } else { 1 };
                Ok(vec![record.body().clone(); times])
            }))
            .reshaper()
            .unwrap();
        let given = [
            "{\"a\":1}",
            "{\"keep\":false}",
            "no json",
            "",
            "{\"twice\":1}\n{\"b\":2}\n{",
            "{\"email\":\"a\"}",
        ];
        let reshaped = reshaper.apply(documents(&given)).await.unwrap();
        assert_eq!(
            told(&reshaped),
            [
                said(&["{\"a\":1}"], &[]),
                said(&[], &[]),
                said(&[], &["json"]),
                said(&[], &[]),
                said(&["{\"twice\":1}", "{\"twice\":1}", "{\"b\":2}"], &["json"]),
                said(&["{\"email\":\"***\"}"], &[]),
            ]
        );
        assert!(reshaped.counts().balance());
        assert_eq!(
            reshaped.hops().iter().map(|hop| hop.name.as_str()).collect::<Vec<_>>(),
            ["parse", "mask", "keep", "twice"]
        );
        assert_eq!(reshaped.hops()[0].records_in, reshaped.counts().read);
    }

    #[tokio::test]
    async fn what_is_done_here_is_what_is_done_elsewhere() {
        let reshaper = Pipeline::builder("p").transform(mask("mask", "/email").unwrap()).reshaper().unwrap();
        assert!(reshaper.is_immediate());
        let given = documents(&["{\"a\":1}", "no json", "", "{\"email\":\"a\"}\n{\"b\":2}"]);
        let here = reshaper.apply_here(given.clone()).unwrap();
        let elsewhere = reshaper.apply(given).await.unwrap();
        assert_eq!((told(&here), here.counts()), (told(&elsewhere), elsewhere.counts()));
        assert_eq!(here.hops()[1].records_in, 3);
    }

    #[test]
    fn transforms_of_whole_batches_are_not_done_here() {
        for waits in [
            Pipeline::builder("p").transform(dedupe("once", ["/id"], 10).unwrap()),
            Pipeline::builder("p").transform(flat_map("same", "1", |record| Ok(vec![record.body().clone()]))),
        ] {
            let reshaper = waits.reshaper().unwrap();
            assert!(!reshaper.is_immediate());
            assert_eq!(reshaper.apply_here(Vec::new()).unwrap_err().kind(), crate::ErrorKind::Unexpected);
        }
    }

    #[tokio::test]
    async fn any_number_of_documents_keeps_its_order() {
        let reshaper = Pipeline::builder("p").reshaper().unwrap();
        let bodies: Vec<String> = (0..150_000).map(|n| n.to_string()).collect();
        let texts: Vec<&str> = bodies.iter().map(String::as_str).collect();
        let reshaped = reshaper.apply(documents(&texts)).await.unwrap();
        let came: Vec<_> = reshaped.outcomes().flat_map(|outcome| outcome.records).collect();
        assert!(came.iter().zip(&bodies).all(|(record, body)| record.body() == body.as_bytes()));
        assert_eq!((came.len(), reshaped.hops()[0].records_in), (150_000, 150_000));
    }

    #[tokio::test]
    async fn the_same_documents_sent_again_are_no_duplicates() {
        let reshaper =
            Pipeline::builder("p").transform(dedupe("once", ["/id"], 10).unwrap()).reshaper().unwrap();
        for _ in 0..2 {
            let reshaped = reshaper.apply(documents(&["{\"id\":1}", "{\"id\":1}"])).await.unwrap();
            assert_eq!(told(&reshaped), [said(&["{\"id\":1}"], &[]), said(&[], &[])]);
        }
    }
}

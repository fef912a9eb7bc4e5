//! The transform.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use serde_json::{Value, json};

use super::births::Births;
use super::message::records;
use super::topic::Topic;
use datalake_core::transform::Transform;
use datalake_core::{Content, Document, Error, RecordError, Records, Result, Sha256, async_trait};

/// Makes JSON of Sparkplug B payloads. The [module](super) says how.
///
/// **Order**: batches go through one after the other, since a birth is for what comes after it; within a batch records
/// are taken in order. **State**: births in memory. A batch that comes again starts from where it started before;
/// [`reset`](Transform::reset) forgets everything but what was given beforehand.
pub struct Sparkplug {
    name: String,
    each_metric: bool,
    given: Births,
    /// A digest of what was given, for lineage.
    digest: Sha256,
    kept: Mutex<Kept>,
}

struct Kept {
    now: Births,
    /// As it was before the last batch.
    before: Births,
    /// The documents of that batch, to know it when it comes again.
    documents: Weak<[Document]>,
}

impl Kept {
    fn new(births: &Births) -> Self {
        let documents = Weak::<[Document; 0]>::new();
        Self { now: births.clone(), before: births.clone(), documents }
    }
}

impl Sparkplug {
    /// A step of a name, which makes one record of each message.
    pub fn new(name: impl Into<String>) -> Self {
        let given = Births::default();
        let kept = Mutex::new(Kept::new(&given));
        Self { name: name.into(), each_metric: false, given, digest: Sha256::of(b""), kept }
    }

    /// Makes a record of each metric instead, which says of its message what is needed; `sent` is the time of the
    /// message. A message without metrics is a record without a name.
    #[must_use]
    pub fn each_metric(mut self) -> Self {
        self.each_metric = true;
        self
    }

    /// Knows a birth beforehand, by the topic and the payload of a message `NBIRTH` or `DBIRTH`; the one of an edge
    /// node goes before those of its devices. Numbers are not counted from it.
    ///
    /// # Errors
    /// [`ConfigInvalid`](datalake_core::ErrorKind::ConfigInvalid) if it is no such message.
    pub fn birth(mut self, topic: &str, payload: impl Into<Bytes>) -> Result<Self> {
        let payload = payload.into();
        let refused =
            |why: &str| Error::config("this is no birth").with("topic", topic).caused_by(why.to_owned());
        let parsed = Topic::parse(topic).ok_or_else(|| refused("the topic is none of Sparkplug B"))?;
        if !matches!(&parsed, Topic::Node { kind, .. } if kind.is_birth()) {
            return Err(refused("the topic is of another kind"));
        }
        records(&mut self.given, &parsed, &payload, false).map_err(|error| refused(&error.message))?;
        self.given.forget_numbers();
        self.digest = Sha256::of_parts([&self.digest.as_bytes()[..], topic.as_bytes(), b"\0", &payload]);
        self.kept = Mutex::new(Kept::new(&self.given));
        Ok(self)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Transform for Sparkplug {
    fn name(&self) -> &str {
        &self.name
    }

    fn version(&self) -> &str {
        "1"
    }

    fn config(&self) -> Value {
        json!({ "step": "sparkplug", "each_metric": self.each_metric, "births": self.digest.to_string() })
    }

    fn ordered(&self) -> bool {
        true
    }

    fn reset(&self) {
        *self.kept() = Kept::new(&self.given);
    }

    async fn apply(&self, mut batch: Records) -> Result<Records> {
        let mut kept = self.kept();
        let documents = Arc::clone(batch.documents());
        let this = Arc::downgrade(&documents);
        if kept.documents.ptr_eq(&this) {
            kept.now = kept.before.clone();
        } else {
            kept.before = kept.now.clone();
            kept.documents = this;
        }
        batch.try_flat_map(|record| {
            let document = &documents[usize::from(record.origin().document)];
            let topic = Topic::of(document).ok_or_else(|| {
                RecordError::new("sparkplug-topic", "the topic of the message is none of Sparkplug B")
            })?;
            records(&mut kept.now, &topic, record.body(), self.each_metric)
        });
        batch.try_map(|record| Ok(record.with_content(Content::Json)));
        Ok(batch)
    }
}

impl fmt::Debug for Sparkplug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sparkplug")
            .field("name", &self.name)
            .field("each_metric", &self.each_metric)
            .finish_non_exhaustive()
    }
}

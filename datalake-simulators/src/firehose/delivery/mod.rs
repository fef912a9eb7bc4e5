//! The delivery side of Firehose: buffers, the transformation by a function, and objects in a bucket.
//!
//! [`Delivery`] takes records as the service does and does with them what the service does: it gathers them for the
//! function, calls it with the very event of the service, believes its answer only if every record id is in it once,
//! gathers what came out by its prefix, and puts objects. What failed lands under the error prefix as lines of JSON.
//!
//! Time passes only when it is told to, so a test waits for nothing:
//!
//! ```
//! use std::time::Duration;
//!
//! use datalake_simulators::firehose::delivery::{Delivery, Memory};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let bucket = Memory::default();
//! let mut delivery = Delivery::builder("orders", bucket.clone()).prefix("orders/").build()?;
//! delivery.put(["{\"id\":1}\n", "{\"id\":2}\n"]).await?;
//! assert!(bucket.objects().is_empty());
//! delivery.advance(Duration::from_secs(300)).await?;
//! let objects = bucket.objects();
//! assert_eq!(objects.values().next().map(|body| &body[..]), Some(&b"{\"id\":1}\n{\"id\":2}\n"[..]));
//! # Ok(())
//! # }
//! ```
//!
//! # What it does as the service does
//!
//! * The event of DirectPut and of a Kinesis source, at most 6 MB long; a new `invocationId` for each try and the same
//!   `recordId`s.
//! * A function that fails, answers too late or with more than 6 MB is called again, three times unless set. Then its
//!   records have failed, each with its bytes as they came.
//! * A record whose id is not answered, or twice, has failed; the others have not.
//! * `Ok` goes on, `Dropped` is gone, `ProcessingFailed` goes to the error prefix.
//! * `!{timestamp:…}`, `!{firehose:random-string}`, `!{firehose:error-output-type}`, `!{partitionKeyFromLambda:…}`. The date
//!   `yyyy/MM/dd/HH/` is added to a prefix without expressions.
//! * Dynamic partitioning with its limit of 500 active partitions.
//! * Buffers by size and time for the function and for the bucket, GZIP, a raw backup.
//! * A bucket that does not answer is tried again with the next step of time, and nothing is lost.
//!
//! # What it does not
//!
//! Formats other than text, other processors than the function, and other destinations than a bucket. It puts each
//! object once; the service may do so twice.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};

mod answer;
mod buffer;
mod builder;
mod destination;
mod event;
mod failed;
mod function;
mod prefix;
#[cfg(test)]
mod tests;

pub use builder::{Builder, Wrong};
pub use destination::{Bucket, Destination, Memory};
pub use event::{Incoming, Metadata};
pub use function::{Failure, Function, function};

use answer::Verdict;
use buffer::Buffer;
use builder::Settings;
use prefix::Facts;

/// A delivery stream from its records to its objects.
#[derive(Debug)]
pub struct Delivery {
    settings: Settings,
    now: DateTime<Utc>,
    /// Records that the function has not seen, oldest first.
    waiting: Vec<Arriving>,
    /// The bytes of them.
    held: usize,
    /// What goes to the bucket, by evaluated prefix.
    ready: BTreeMap<String, Buffer>,
    backup: Buffer,
    /// Records and calls so far, of which ids are made.
    records: u64,
    calls: u64,
    objects: u64,
}

/// A record on its way.
#[derive(Debug, Clone)]
struct Arriving {
    id: String,
    arrived: DateTime<Utc>,
    data: Bytes,
    metadata: Option<Metadata>,
}

impl Delivery {
    /// A stream of a name, to a bucket.
    pub fn builder(stream: impl Into<String>, destination: impl Destination) -> Builder {
        Builder::new(stream.into(), Box::new(destination))
    }

    /// What time it is here.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// How often the function was called.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// Takes records. Buffers that are full go on.
    ///
    /// # Errors
    /// The bucket did not take an object. It is kept, and tried again with the next call of any method.
    pub async fn put<I>(&mut self, records: I) -> io::Result<()>
    where
        I: IntoIterator,
        I::Item: Into<Incoming>,
    {
        let mut failed = Ok(());
        for incoming in records {
            let Incoming { data, arrived, metadata } = incoming.into();
            self.records += 1;
            let id = event::record_id(self.records);
            let arrived = arrived.unwrap_or(self.now);
            if let Some(backup) = &self.settings.backup {
                let key = backup.evaluate(&Facts::at(arrived, self.records), &self.settings.stream);
                self.backup.add(&key, &data, self.now);
            }
            self.held += data.len();
            self.waiting.push(Arriving { id, arrived, data, metadata });
            if self.held >= self.settings.gather.0 {
                self.transform().await;
                failed = failed.and(self.deliver(false).await);
            }
        }
        failed.and(self.deliver(false).await)
    }

    /// Lets time pass. Buffers that have waited long enough go on, in the order of their time.
    ///
    /// # Errors
    /// As for [`put`](Self::put).
    pub async fn advance(&mut self, time: Duration) -> io::Result<()> {
        let end = self.now + time;
        while let Some(due) = self.due().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            if self.waiting.first().is_some_and(|first| first.arrived + self.settings.gather.1 <= self.now) {
                self.transform().await;
            }
            self.deliver(false).await?;
        }
        self.now = end;
        self.deliver(false).await
    }

    /// Lets everything go on at once.
    ///
    /// # Errors
    /// As for [`put`](Self::put).
    pub async fn flush(&mut self) -> io::Result<()> {
        self.transform().await;
        self.deliver(true).await
    }

    /// When a buffer has waited long enough.
    fn due(&self) -> Option<DateTime<Utc>> {
        let gathered = self.waiting.first().map(|first| first.arrived + self.settings.gather.1);
        let ready = self.ready.values().filter_map(Buffer::since).min();
        let backup = self.backup.since();
        let delivered = [ready, backup].into_iter().flatten().min().map(|since| since + self.settings.hold.1);
        [gathered, delivered].into_iter().flatten().min()
    }

    /// Gives what waits to the function, and what comes back to the buffers of the bucket.
    async fn transform(&mut self) {
        let mut waiting = std::mem::take(&mut self.waiting);
        self.held = 0;
        let Some(function) = self.settings.function.clone() else {
            for record in waiting {
                self.keep(&record, &record.data, &BTreeMap::new());
            }
            return;
        };
        while !waiting.is_empty() {
            let rest = waiting.split_off(event::fitting(&self.settings, &waiting));
            self.call(&function, &waiting).await;
            waiting = rest;
        }
    }

    async fn call(&mut self, function: &Arc<dyn Function>, records: &[Arriving]) {
        let mut tries = 0;
        let verdicts = loop {
            self.calls += 1;
            tries += 1;
            let event = event::event(&self.settings, self.calls, records);
            let answered = match tokio::time::timeout(self.settings.deadline, function.invoke(event)).await {
                Ok(answered) => answered.and_then(|answer| answer::verdicts(records, &answer)),
                Err(_) => Err(Failure::new("Lambda.FunctionError", "The function did not answer in time")),
            };
            match answered {
                Ok(verdicts) => break verdicts,
                Err(failure) if tries > self.settings.retries => {
                    break records.iter().map(|_| Verdict::Failed(failure.clone())).collect();
                }
                Err(_) => {}
            }
        };
        for (record, verdict) in records.iter().zip(verdicts) {
            match verdict {
                Verdict::Ok { data, keys } => self.keep(record, &data, &keys),
                Verdict::Dropped => {}
                Verdict::Failed(failure) => self.fail(record, "processing-failed", &failure, tries),
            }
        }
    }

    /// Puts what came out of a record into the buffer of its prefix.
    fn keep(&mut self, record: &Arriving, data: &[u8], keys: &BTreeMap<String, String>) {
        let facts = Facts { keys, ..Facts::at(record.arrived, self.objects) };
        let missing = self.settings.prefix.keys().find(|key| keys.get(*key).is_none_or(String::is_empty));
        if let Some(key) = missing {
            let failure = Failure::new(
                "DynamicPartitioning.MetadataExtractionFailed",
                &format!("no value for the key {key}"),
            );
            return self.fail(record, "metadata-extraction-failed", &failure, 1);
        }
        // A buffer belongs to its partition and takes the time of its oldest record.
        let partition = self.settings.prefix.partition(keys);
        if self.settings.dynamic
            && !self.ready.contains_key(&partition)
            && self.ready.keys().filter(|key| !key.starts_with(failed::MARK)).count()
                >= self.settings.partitions
        {
            let failure = Failure::new(
                "DynamicPartitioning.ActivePartitionsLimitExceeded",
                "too many active partitions",
            );
            return self.fail(record, "active-partitions-exceeded", &failure, 1);
        }
        let key = self.settings.prefix.evaluate(&facts, &self.settings.stream);
        self.ready.entry(partition).or_default().add(&key, data, self.now);
    }

    fn fail(&mut self, record: &Arriving, kind: &str, failure: &Failure, tries: u32) {
        let line = failed::line(&self.settings, record, failure, tries, self.now);
        let facts = Facts { kind, ..Facts::at(record.arrived, self.objects) };
        let key = self.settings.errors.evaluate(&facts, &self.settings.stream);
        self.ready.entry(format!("{}{kind}", failed::MARK)).or_default().add(&key, &line, self.now);
    }

    /// Puts what is full or has waited long enough; everything if asked to.
    async fn deliver(&mut self, all: bool) -> io::Result<()> {
        let (size, time) = self.settings.hold;
        let now = self.now;
        let due = |buffer: &Buffer| {
            let waited = buffer.since().is_some_and(|since| since + time <= now);
            !buffer.is_empty() && (all || buffer.len() >= size || waited)
        };
        let partitions: Vec<String> = self
            .ready
            .iter()
            .filter(|(_, buffer)| due(buffer))
            .map(|(partition, _)| partition.clone())
            .collect();
        for partition in partitions {
            let Some(buffer) = self.ready.get(&partition) else { continue };
            self.objects += 1;
            let gzip = self.settings.gzip && !partition.starts_with(failed::MARK);
            let (key, body) = buffer.object(&self.settings, self.objects, now, gzip)?;
            self.settings.destination.put(&key, body).await?;
            self.ready.remove(&partition);
        }
        if due(&self.backup) {
            self.objects += 1;
            let (key, body) = self.backup.object(&self.settings, self.objects, now, false)?;
            let destination = self.settings.backup_to.as_ref().unwrap_or(&self.settings.destination);
            destination.put(&key, body).await?;
            self.backup = Buffer::default();
        }
        Ok(())
    }
}

//! From the event to the answer.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use datalake_core::lake::Partition;
use datalake_core::pipeline::Reshaped;
use datalake_core::{Content, Document, Error, Format, Result};
use futures::future::try_join_all;

use super::decode::{Decoded, Piece, decode};
use super::encode::Encoder;
use super::event::{Event, Given};
use super::hop::Hop;
use super::reply::{Reply, Said};
use super::{FirehoseTransform, log};

/// The bytes for which another thread pays.
const SHARE: usize = 512 << 10;

pub(super) async fn answer(transform: &FirehoseTransform, event: Bytes) -> Result<Bytes> {
    let ambient = transform.reshaper.ambient();
    let now = ambient.now();
    let event = Arc::new(ambient.cpu().run(move || Event::read(&event)).await??);
    let share = if transform.reshaper.is_ordered() { usize::MAX } else { SHARE };
    let hop = (!transform.bare).then(|| transform.worker.at(now, &event.invocation));
    let parts = parts(&event.records, share).into_iter().map(|records| {
        let part = Part {
            event: Arc::clone(&event),
            records,
            partitions: Arc::clone(&transform.partitions),
            hop: hop.clone(),
            now,
        };
        part.transform(transform)
    });
    let done = try_join_all(parts).await?;

    let limit = transform.limit;
    let write = move || {
        let (said, hops): (Vec<_>, Vec<_>) = done.into_iter().unzip();
        let mut reply = reply(&event.records, said.into_iter().flatten());
        reply.fit(limit)?;
        log::tell(&event, &reply, &hops);
        Ok::<_, Error>(Bytes::from(reply.write()))
    };
    ambient.cpu().run(write).await?
}

/// The records in parts that are worth a thread.
fn parts(records: &[Given], share: usize) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let (mut start, mut held) = (0, 0);
    for (n, given) in records.iter().enumerate() {
        held += given.data.as_ref().map_or(0, Bytes::len);
        if held >= share {
            parts.push(start..n + 1);
            (start, held) = (n + 1, 0);
        }
    }
    if start < records.len() {
        parts.push(start..records.len());
    }
    parts
}

fn documents(transform: &FirehoseTransform, event: &Event, decoded: &Decoded) -> Vec<Document> {
    let place: Arc<str> =
        if event.stream.is_empty() { "firehose:".into() } else { event.stream.as_str().into() };
    let (json, whole) = (Arc::new(Format::Json), Arc::new(Format::Whole));
    let document = |piece: &Piece| {
        let format = match &piece.opened {
            None => &transform.format,
            Some((Content::Json, _)) => &json,
            Some(_) => &whole,
        };
        Document::new(piece.body.clone(), Arc::clone(&place), Arc::clone(format))
    };
    decoded.pieces.iter().map(document).collect()
}

/// Some records on their way into the answer.
struct Part {
    event: Arc<Event>,
    records: Range<usize>,
    partitions: Arc<[Partition]>,
    hop: Option<Hop>,
    now: DateTime<Utc>,
}

/// What is said of a record, and whether its data was Base64.
type Told = (Said, bool);

impl Part {
    /// What is said of each record, and what the transforms did.
    async fn transform(self, transform: &FirehoseTransform) -> Result<(Vec<Told>, Vec<datalake_core::Hop>)> {
        let cpu = transform.reshaper.ambient().cpu();
        let (event, records) = (Arc::clone(&self.event), self.records.clone());
        let decoded = cpu.run(move || decode(&event.records[records])).await?;
        let reshaped = transform.reshaper.apply(documents(transform, &self.event, &decoded)).await?;
        let hops = reshaped.hops().to_vec();
        Ok((cpu.run(move || self.encode(&decoded, &reshaped)).await?, hops))
    }

    fn encode(self, decoded: &Decoded, reshaped: &Reshaped) -> Vec<Told> {
        let mut outcomes = reshaped.outcomes().zip(&decoded.pieces);
        let bytes =
            reshaped.outcomes().flat_map(|outcome| outcome.records).map(|record| record.body().len()).sum();
        let room = (decoded.records.len(), bytes);
        let mut encoder = Encoder::new(&self.partitions, self.hop.as_ref(), room);
        let mut own = Vec::new();
        let mut sound = Vec::with_capacity(decoded.records.len());
        for (given, pieces) in self.event.records[self.records].iter().zip(&decoded.records) {
            match pieces {
                Err(error) => encoder.refuse(error.clone()),
                Ok(pieces) => {
                    own.clear();
                    own.extend(outcomes.by_ref().take(*pieces));
                    encoder.encode(&own, given.arrival.unwrap_or(self.now));
                }
            }
            sound.push(pieces.as_ref().err().is_none_or(|error| error.reason != "base64"));
        }
        encoder.finish().zip(sound).collect()
    }
}

/// Puts together what is said. Of records that share an id the first is answered for all: as refused.
fn reply(records: &[Given], said: impl Iterator<Item = Told>) -> Reply {
    let mut reply = Reply::with_capacity(records.len());
    let ascend = records.is_sorted_by(|one, next| !one.id.is_empty() && one.id < next.id);
    let mut seen: HashMap<&[u8], usize> = HashMap::new();
    for (given, (said, sound)) in records.iter().zip(said) {
        // The service numbers the records of an event upwards; then no two share an id.
        if !ascend && !given.id.is_empty() {
            let next = reply.len();
            let first = *seen.entry(&given.id).or_insert(next);
            if first < next {
                reply.refuse_again(first);
                continue;
            }
        }
        // What is no Base64 may not even be a text that JSON can hold as it is.
        let came = given.data.as_ref().ok().filter(|_| sound).cloned().unwrap_or_default();
        reply.add(given.id.clone(), came, said);
    }
    reply
}

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
const SHARE: usize = 256 << 10;

pub(super) async fn answer(transform: &FirehoseTransform, event: Bytes) -> Result<Bytes> {
    let ambient = transform.reshaper.ambient();
    let now = ambient.now();
    let event = Arc::new(ambient.cpu().run(move || Event::read(&event)).await??);
    let parts = parts(&event.records);

    let decoded = try_join_all(parts.iter().cloned().map(|part| {
        let event = Arc::clone(&event);
        ambient.cpu().run(move || decode(&event.records[part]))
    }));
    let decoded = decoded.await?;
    let reshaped = Arc::new(transform.reshaper.apply(documents(transform, &event, &decoded)).await?);

    let hop = (!transform.bare).then(|| transform.worker.at(now, &event.invocation));
    let mut before = 0;
    let said = try_join_all(parts.into_iter().zip(decoded).map(|(records, decoded)| {
        let first = before;
        before += decoded.pieces.len();
        let part = Part {
            event: Arc::clone(&event),
            records,
            decoded,
            reshaped: Arc::clone(&reshaped),
            first,
            partitions: Arc::clone(&transform.partitions),
            hop: hop.clone(),
            now,
        };
        ambient.cpu().run(move || part.encode())
    }));
    let said: Vec<_> = said.await?.into_iter().flatten().collect();

    let limit = transform.limit;
    let write = move || {
        let mut reply = reply(&event.records, said);
        reply.fit(limit)?;
        log::tell(&event, &reply, &reshaped);
        Ok::<_, Error>(Bytes::from(reply.write()))
    };
    ambient.cpu().run(write).await?
}

/// The records in parts that are worth a thread.
fn parts(records: &[Given]) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let (mut start, mut held) = (0, 0);
    for (n, given) in records.iter().enumerate() {
        held += given.data.as_ref().map_or(0, Bytes::len);
        if held >= SHARE {
            parts.push(start..n + 1);
            (start, held) = (n + 1, 0);
        }
    }
    if start < records.len() {
        parts.push(start..records.len());
    }
    parts
}

fn documents(transform: &FirehoseTransform, event: &Event, decoded: &[Decoded]) -> Vec<Document> {
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
    decoded.iter().flat_map(|decoded| &decoded.pieces).map(document).collect()
}

/// Some records on their way into the answer.
struct Part {
    event: Arc<Event>,
    records: Range<usize>,
    decoded: Decoded,
    reshaped: Arc<Reshaped>,
    /// The number of the first piece among those of all parts.
    first: usize,
    partitions: Arc<[Partition]>,
    hop: Option<Hop>,
    now: DateTime<Utc>,
}

impl Part {
    /// What is said of each record, and whether its data was Base64.
    fn encode(self) -> Vec<(Said, bool)> {
        let mut outcomes = self.reshaped.outcomes().skip(self.first).zip(&self.decoded.pieces);
        let mut encoder = Encoder::new(&self.partitions, self.hop.as_ref());
        let mut own = Vec::new();
        let given = self.event.records[self.records.clone()].iter().zip(&self.decoded.records);
        let said = given.map(|(given, pieces)| match pieces {
            Err(error) => (Said::Failed(error.clone()), error.reason != "base64"),
            Ok(pieces) => {
                own.clear();
                own.extend(outcomes.by_ref().take(*pieces));
                (encoder.encode(&own, given.arrival.unwrap_or(self.now)), true)
            }
        });
        said.collect()
    }
}

/// Puts together what is said. Of records that share an id the first is answered for all: as refused.
fn reply(records: &[Given], said: Vec<(Said, bool)>) -> Reply {
    let mut reply = Reply::with_capacity(records.len());
    let mut seen: HashMap<&[u8], usize> = HashMap::with_capacity(records.len());
    for (given, (said, sound)) in records.iter().zip(said) {
        if !given.id.is_empty() {
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

//! From the event to the answer.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use datalake_core::lake::Partition;
use datalake_core::pipeline::{Reshaped, Reshaper};
use datalake_core::{BufferPool, Content, Document, Format, Hop, Result};
use futures::future::try_join_all;

use super::decode::{Decoded, NO_BASE64, Piece, decode};
use super::encode::{Encoder, Told};
use super::event::{Event, Given};
use super::hop::Hop as Lineage;
use super::reply::{Reply, Said};
use super::{FirehoseTransform, log};

/// The bytes for which another thread pays.
const SHARE: usize = 512 << 10;
/// The bytes that stay near while they are decoded, transformed and encoded.
const NEAR: usize = 512 << 10;

pub(super) async fn answer(transform: &FirehoseTransform, event: Bytes) -> Result<Bytes> {
    let ambient = transform.reshaper.ambient();
    let now = ambient.now();
    let event = Arc::new(ambient.cpu().run(move || Event::read(event)).await??);
    let alone = transform.reshaper.is_ordered() || ambient.cpu().width() == 1;
    let share = if alone { usize::MAX } else { SHARE };
    let lineage = (!transform.bare).then(|| transform.worker.at(now, &event.invocation));
    let parts = parts(&event, 0..event.records.len(), share).into_iter().map(|records| {
        let part = Part {
            event: Arc::clone(&event),
            records,
            format: Arc::clone(&transform.format),
            partitions: Arc::clone(&transform.partitions),
            lineage: lineage.clone(),
            now,
            pool: transform.pool.clone(),
        };
        part.transform(transform)
    });
    let done = try_join_all(parts).await?;
    let (limit, pool) = (transform.limit, transform.pool.clone());
    ambient.cpu().run(move || write(&event, done, limit, &pool)).await?
}

/// The answer, of what became of the parts.
fn write(event: &Event, done: Vec<(Told, Vec<Hop>)>, limit: usize, pool: &BufferPool) -> Result<Bytes> {
    let (told, hops): (Vec<_>, Vec<_>) = done.into_iter().unzip();
    let hops = hops.concat();
    let ids = || event.records.iter().map(|given| event.id(given));
    // The service numbers the records of an event upwards; then no two share an id.
    let ascend = ids().is_sorted_by(|one, next| !one.is_empty() && one < next);
    if ascend && Told::bytes(&told) <= limit {
        log::tell(event, ids().zip(told.iter().flat_map(Told::said)), &hops);
        return Ok(pool.lend(Told::together(told, pool)));
    }
    let said = told.iter().flat_map(|told| told.said().zip(told.sound()));
    let mut reply = reply(event, said);
    reply.fit(limit)?;
    log::tell(event, reply.said(), &hops);
    Ok(reply.write().into())
}

/// Records in parts of about so many bytes.
fn parts(event: &Event, records: Range<usize>, share: usize) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let (mut start, mut held) = (records.start, 0);
    for (n, given) in records.clone().zip(&event.records[records.clone()]) {
        held += event.data(given).map_or(0, <[u8]>::len);
        if held >= share {
            parts.push(start..n + 1);
            (start, held) = (n + 1, 0);
        }
    }
    if start < records.end {
        parts.push(start..records.end);
    }
    parts
}

/// Some records on their way into the answer.
struct Part {
    event: Arc<Event>,
    records: Range<usize>,
    format: Arc<Format>,
    partitions: Arc<[Partition]>,
    lineage: Option<Lineage>,
    now: DateTime<Utc>,
    pool: BufferPool,
}

impl Part {
    /// What became of each record, and what the transforms did.
    async fn transform(self, transform: &FirehoseTransform) -> Result<(Told, Vec<Hop>)> {
        let cpu = transform.reshaper.ambient().cpu();
        let reshaper = Arc::clone(&transform.reshaper);
        if reshaper.is_immediate() {
            return cpu.run(move || self.at_once(&reshaper)).await?;
        }
        let decode = move || {
            let decoded = decode(&self.event, &self.event.records[self.records.clone()]);
            (self, decoded)
        };
        let (part, mut decoded) = cpu.run(decode).await?;
        let reshaped = reshaper.apply(part.documents(&mut decoded)).await?;
        let encode = move || {
            let mut encoder = part.encoder();
            part.encode(&mut encoder, part.records.clone(), &decoded, &reshaped);
            (encoder.finish(), reshaped.hops().to_vec())
        };
        cpu.run(encode).await
    }

    /// As [`transform`](Self::transform), a few records at a time.
    fn at_once(&self, reshaper: &Reshaper) -> Result<(Told, Vec<Hop>)> {
        let (mut encoder, mut hops) = (self.encoder(), Vec::new());
        for records in parts(&self.event, self.records.clone(), NEAR) {
            let mut decoded = decode(&self.event, &self.event.records[records.clone()]);
            let reshaped = reshaper.apply_here(self.documents(&mut decoded))?;
            self.encode(&mut encoder, records, &decoded, &reshaped);
            hops.extend_from_slice(reshaped.hops());
        }
        Ok((encoder.finish(), hops))
    }

    fn encoder(&self) -> Encoder<'_> {
        let records = &self.event.records[self.records.clone()];
        let bytes =
            |given: &Given| self.event.id(given).len() + self.event.data(given).map_or(0, <[u8]>::len);
        let room = (records.len(), records.iter().map(bytes).sum());
        Encoder::new(&self.partitions, self.lineage.as_ref(), room, &self.pool)
    }

    fn documents(&self, decoded: &mut Decoded) -> Vec<Document> {
        let place: Arc<str> =
            if self.event.stream.is_empty() { "firehose:".into() } else { self.event.stream.as_str().into() };
        let (json, whole) = (Arc::new(Format::Json), Arc::new(Format::Whole));
        let document = |piece: &mut Piece| {
            let format = match &piece.opened {
                None => &self.format,
                Some((Content::Json, _)) => &json,
                Some(_) => &whole,
            };
            Document::new(std::mem::take(&mut piece.body), Arc::clone(&place), Arc::clone(format))
        };
        decoded.pieces.iter_mut().map(document).collect()
    }

    fn encode(
        &self,
        encoder: &mut Encoder<'_>,
        records: Range<usize>,
        decoded: &Decoded,
        reshaped: &Reshaped,
    ) {
        let mut outcomes = reshaped.outcomes().zip(&decoded.pieces);
        let mut own = Vec::new();
        for (given, pieces) in self.event.records[records].iter().zip(&decoded.records) {
            let (id, came) = (self.event.id(given), self.event.data(given));
            match pieces {
                Err(error) => {
                    encoder.refuse(id, came.filter(|_| error.reason != NO_BASE64), error.clone());
                }
                Ok(pieces) => {
                    own.clear();
                    own.extend(outcomes.by_ref().take(*pieces));
                    let came = came.unwrap_or_default();
                    encoder.encode((id, came), &own, given.arrival.unwrap_or(self.now));
                }
            }
        }
    }
}

/// Puts together what is said. Of records that share an id the first is answered for all: as refused.
fn reply<'a>(event: &'a Event, said: impl Iterator<Item = (Said<'a>, bool)>) -> Reply<'a> {
    let mut reply = Reply::with_capacity(event.records.len());
    let mut seen: HashMap<&[u8], usize> = HashMap::new();
    for (given, (said, sound)) in event.records.iter().zip(said) {
        let (id, next) = (event.id(given), reply.len());
        if !id.is_empty() {
            let first = *seen.entry(id).or_insert(next);
            if first < next {
                reply.refuse_again(first);
                continue;
            }
        }
        reply.add(id, event.data(given).filter(|_| sound).unwrap_or_default(), said);
    }
    reply
}

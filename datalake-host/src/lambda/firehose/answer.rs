//! From the event to the answer.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datalake_core::{Document, Error, RecordError, Result};
use futures::future::try_join_all;

use super::decode::decode;
use super::encode::Encoder;
use super::event::{Event, Given};
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
    let decoded: Arc<[_]> = decoded.await?.into_iter().flatten().collect();

    let place: Arc<str> =
        if event.stream.is_empty() { "firehose:".into() } else { event.stream.as_str().into() };
    let document =
        |data: &Bytes| Document::new(data.clone(), Arc::clone(&place), Arc::clone(&transform.format));
    let documents = decoded.iter().flatten().map(document).collect();
    let reshaped = Arc::new(transform.reshaper.apply(documents).await?);

    let hop = (!transform.bare).then(|| transform.worker.at(now, &event.invocation));
    let said = try_join_all(parts.into_iter().map(|part| {
        let (event, decoded, reshaped) = (Arc::clone(&event), Arc::clone(&decoded), Arc::clone(&reshaped));
        let (hop, partitions) = (hop.clone(), Arc::clone(&transform.partitions));
        ambient.cpu().run(move || {
            let before = decoded[..part.start].iter().flatten().count();
            let mut outcomes = reshaped.outcomes().skip(before);
            let mut encoder = Encoder::new(&partitions, hop.as_ref());
            let given = event.records[part.clone()].iter().zip(&decoded[part]);
            let said = given.map(|(given, data)| match data {
                Err(error) => Said::Failed(error.clone()),
                Ok(_) => match outcomes.next() {
                    Some(outcome) => encoder.encode(outcome, given.arrival.unwrap_or(now)),
                    None => {
                        Said::Failed(RecordError::new("lost", "the transforms did not answer for the record"))
                    }
                },
            });
            said.collect::<Vec<_>>()
        })
    }));
    let said: Vec<Said> = said.await?.into_iter().flatten().collect();

    let limit = transform.limit;
    let write = move || {
        let mut reply = reply(&event.records, &decoded, said);
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

/// Puts together what is said. Of records that share an id the first is answered for all: as refused.
fn reply(records: &[Given], decoded: &[Result<Bytes, RecordError>], said: Vec<Said>) -> Reply {
    let mut reply = Reply::with_capacity(records.len());
    let mut seen: HashMap<&[u8], usize> = HashMap::with_capacity(records.len());
    for ((given, data), said) in records.iter().zip(decoded).zip(said) {
        if !given.id.is_empty() {
            let next = reply.len();
            let first = *seen.entry(&given.id).or_insert(next);
            if first < next {
                reply.refuse(first, RecordError::new("duplicate-id", "several records have the same id"));
                continue;
            }
        }
        // What is no Base64 may not even be a text that JSON can hold as it is.
        let came = given.data.as_ref().ok().filter(|_| data.is_ok()).cloned().unwrap_or_default();
        reply.add(given.id.clone(), came, said);
    }
    reply
}

//! What a file of the spool is made of.
//!
//! A record is its length (4 bytes, little-endian), the CRC-32 of its body and the body. A body begins with what it is: a
//! message, or a state, which closes a group. A group counts if its state is there. The first record of a file is its header.

use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use chrono::DateTime;
use serde::{Deserialize, Serialize};

use super::super::packet::{Properties, Publish, Qos};
use super::super::position::At;
use super::super::session::Message;
use datalake_core::{Error, Result};

const MESSAGE: u8 = 1;
const STATE: u8 = 2;
const HEADER: u8 = 3;
/// Length and checksum.
pub(super) const HEAD: usize = 8;

/// What is in a record.
#[derive(Debug)]
pub(super) enum Record {
    Message(Message),
    State(At),
    Header(Header),
}

/// How a file begins.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Header {
    /// The number of the file before, and where it ended.
    pub(super) before: Option<(u64, u64)>,
    /// The state there.
    pub(super) at: Option<At>,
}

/// A group: messages, and the state after them.
pub(super) fn group(messages: &[Arc<Message>], at: &At) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(messages.iter().map(|message| message.bytes() + 128).sum());
    for message in messages {
        let publish = &message.publish;
        let said = publish.properties.as_deref().map(serde_json::to_vec).transpose().map_err(unwritable)?;
        frame(&mut out, |out| {
            out.push(MESSAGE);
            out.push(publish.qos.level() | u8::from(publish.retain) << 2 | u8::from(publish.dup) << 3);
            out.extend(message.received.timestamp_micros().to_le_bytes());
            for part in [publish.topic.as_bytes(), said.as_deref().unwrap_or_default()] {
                out.extend((part.len() as u32).to_le_bytes());
                out.extend(part);
            }
            out.extend(&publish.payload[..]);
        });
    }
    let state = serde_json::to_vec(at).map_err(unwritable)?;
    frame(&mut out, |out| {
        out.push(STATE);
        out.extend(state);
    });
    Ok(out)
}

/// The header of a file.
pub(super) fn header(header: &Header) -> Result<Vec<u8>> {
    let text = serde_json::to_vec(header).map_err(unwritable)?;
    let mut out = Vec::with_capacity(HEAD + 1 + text.len());
    frame(&mut out, |out| {
        out.push(HEADER);
        out.extend(text);
    });
    Ok(out)
}

fn unwritable(cause: serde_json::Error) -> Error {
    Error::unexpected("a message cannot be written to the spool").caused_by(cause)
}

fn frame(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend([0; HEAD]);
    body(out);
    let length = (out.len() - start - HEAD) as u32;
    let sum = crc32fast::hash(&out[start + HEAD..]);
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    out[start + 4..start + HEAD].copy_from_slice(&sum.to_le_bytes());
}

/// The record at the beginning of some bytes, and how many it takes. `None` if it is not there as a whole, or damaged.
pub(super) fn read(bytes: &Bytes) -> Option<(Record, usize)> {
    let mut head = bytes.get(..HEAD)?;
    let (length, sum) = (head.get_u32_le() as usize, head.get_u32_le());
    let end = HEAD.checked_add(length)?;
    bytes.get(HEAD..end).filter(|body| crc32fast::hash(body) == sum)?;
    Some((record(bytes.slice(HEAD..end))?, end))
}

/// The state at the beginning of some bytes, if there is one that is no longer than `longest`.
pub(super) fn state(bytes: &Bytes, longest: usize) -> Option<(At, usize)> {
    let length = bytes.get(..4)?.get_u32_le() as usize;
    if length > longest || bytes.get(HEAD) != Some(&STATE) {
        return None;
    }
    match read(bytes)? {
        (Record::State(at), length) => Some((at, length)),
        _ => None,
    }
}

fn record(mut body: Bytes) -> Option<Record> {
    match body.try_get_u8().ok()? {
        STATE => serde_json::from_slice(&body).ok().map(Record::State),
        HEADER => serde_json::from_slice(&body).ok().map(Record::Header),
        MESSAGE => {
            let flags = body.try_get_u8().ok()?;
            let received = DateTime::from_timestamp_micros(body.try_get_i64_le().ok()?)?;
            let mut part = || {
                let length = body.try_get_u32_le().ok()? as usize;
                (length <= body.len()).then(|| body.split_to(length))
            };
            let (topic, said) = (part()?, part()?);
            let properties: Option<Properties> = match said.is_empty() {
                true => None,
                false => Some(serde_json::from_slice(&said).ok()?),
            };
            let publish = Publish {
                topic: String::from_utf8(topic.to_vec()).ok()?,
                payload: body,
                qos: Qos::of(flags & 3)?,
                id: 0,
                retain: flags & 4 != 0,
                dup: flags & 8 != 0,
                properties: properties.map(Box::new),
            };
            Some(Record::Message(Message { publish, received, number: 0 }))
        }
        _ => None,
    }
}

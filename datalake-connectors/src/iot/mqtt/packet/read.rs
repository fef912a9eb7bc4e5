//! Packets out of bytes.

use bytes::{Buf as _, Bytes, BytesMut};

use super::property::{Body, Value};
use super::{ConnAck, Packet, Properties, Publish, Qos, Version};

/// Bytes that are no packet a broker may send, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// Takes the next packet off a buffer. `None` if it is not there as a whole. Total: any bytes give a packet, nothing yet,
/// or the reason why they are none. A packet longer than `longest` is refused before it is there.
pub(crate) fn read(
    buffer: &mut BytesMut,
    version: Version,
    longest: usize,
) -> Result<Option<Packet>, Malformed> {
    let Some((head, length)) = length(buffer)? else { return Ok(None) };
    if length > longest {
        return Err(Malformed("a packet is longer than allowed"));
    }
    if buffer.len() < head + length {
        buffer.reserve(head + length - buffer.len());
        return Ok(None);
    }
    let first = buffer[0];
    buffer.advance(head);
    let body = buffer.split_to(length).freeze();
    packet(first, body, version).map(Some)
}

/// How long the fixed header is, and what follows it.
fn length(buffer: &[u8]) -> Result<Option<(usize, usize)>, Malformed> {
    let mut length = 0;
    for n in 0..4 {
        let Some(&byte) = buffer.get(1 + n) else { return Ok(None) };
        length |= usize::from(byte & 0x7f) << (7 * n);
        if byte & 0x80 == 0 {
            return Ok(Some((2 + n, length)));
        }
    }
    Err(Malformed("a length has more than four bytes"))
}

fn packet(first: u8, body: Bytes, version: Version) -> Result<Packet, Malformed> {
    let mut body = Body(body);
    let is_5 = version == Version::V5;
    match (first >> 4, first & 0x0f) {
        (2, 0) => connack(&mut body, is_5),
        (3, flags) => publish(flags, body, is_5),
        // PUBREL.
        (6, 2) => Ok(Packet::PubRel(body.two()?)),
        (9, 0) => {
            let (id, mut reason) = (body.two()?, None);
            if is_5 {
                body.properties(|identifier, value| set_reason(&mut reason, identifier, value))?;
            }
            Ok(Packet::SubAck { id, codes: body.0.to_vec(), reason })
        }
        (13, 0) => Ok(Packet::PingResp),
        (14, 0) if is_5 => {
            let code = if body.0.is_empty() { 0 } else { body.byte()? };
            let mut reason = None;
            body.properties(|identifier, value| set_reason(&mut reason, identifier, value))?;
            Ok(Packet::Disconnect { code, reason })
        }
        _ => Err(Malformed("a packet of a kind that no subscriber is sent")),
    }
}

fn set_reason(reason: &mut Option<String>, identifier: u8, value: Value) -> Result<(), Malformed> {
    if let (0x1f, Value::Text(text)) = (identifier, value) {
        *reason = Some(text);
    }
    Ok(())
}

fn connack(body: &mut Body, is_5: bool) -> Result<Packet, Malformed> {
    let session_present = body.byte()? & 1 == 1;
    let mut answer = ConnAck { session_present, code: body.byte()?, ..ConnAck::default() };
    if is_5 {
        body.properties(|identifier, value| {
            match (identifier, value) {
                (0x11, Value::Four(seconds)) => answer.session_expiry = Some(seconds),
                (0x13, Value::Two(seconds)) => answer.keep_alive = Some(seconds),
                (0x1f, Value::Text(text)) => answer.reason = Some(text),
                (0x24, Value::Byte(qos)) => answer.highest_qos = Some(qos),
                (0x2a, Value::Byte(available)) => answer.shares = Some(available == 1),
                _ => {}
            }
            Ok(())
        })?;
    }
    Ok(Packet::ConnAck(answer))
}

fn publish(flags: u8, mut body: Body, is_5: bool) -> Result<Packet, Malformed> {
    let qos = Qos::of((flags >> 1) & 3).ok_or(Malformed("a message has a QoS of 3"))?;
    let topic = body.text()?;
    let id = if qos == Qos::AtMostOnce { 0 } else { body.two()? };
    if qos != Qos::AtMostOnce && id == 0 {
        return Err(Malformed("a message has the packet id 0"));
    }
    let properties = if is_5 { properties(&mut body)? } else { None };
    let (retain, dup) = (flags & 1 == 1, flags & 8 == 8);
    Ok(Packet::Publish(Publish { topic, payload: body.0, qos, id, retain, dup, properties }))
}

fn properties(body: &mut Body) -> Result<Option<Box<Properties>>, Malformed> {
    let mut found = Properties::default();
    body.properties(|identifier, value| {
        match (identifier, value) {
            (0x01, Value::Byte(byte)) => found.is_text = Some(byte == 1),
            (0x02, Value::Four(seconds)) => found.expiry = Some(seconds),
            (0x03, Value::Text(text)) => found.content_type = Some(text),
            (0x08, Value::Text(text)) => found.response_topic = Some(text),
            (0x09, Value::Binary(bytes)) => found.correlation = Some(bytes),
            (0x23, _) => return Err(Malformed("a topic has an alias, and none was allowed")),
            (0x26, Value::Pair(name, value)) => found.user.push((name, value)),
            _ => {}
        }
        Ok(())
    })?;
    Ok((found != Properties::default()).then(|| Box::new(found)))
}

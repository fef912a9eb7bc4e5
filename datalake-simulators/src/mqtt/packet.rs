//! The packets that a device writes and reads: MQTT 3.1.1, and 5 where a message says more than its payload.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// What a broker answers a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Connected { session_present: bool },
    Taken(u16),
    Received(u16),
    Complete(u16),
    Other,
}

pub(super) fn connect(client_id: &str, user: Option<(&str, &str)>) -> Vec<u8> {
    let mut body = text("MQTT");
    let flags = if user.is_some() { 0xc0 } else { 0 };
    // Version 5, a session that is kept for an hour, no keep alive.
    body.extend([5, flags, 0, 0, 5, 0x11, 0, 0, 0x0e, 0x10]);
    body.extend(text(client_id));
    if let Some((name, password)) = user {
        body.extend(text(name));
        body.extend(text(password));
    }
    frame(0x10, &body)
}

pub(super) fn publish(id: u16, dup: bool, message: &super::Message) -> Vec<u8> {
    let mut body = text(&message.topic);
    if message.qos > 0 {
        body.extend(id.to_be_bytes());
    }
    let mut properties = Vec::new();
    if let Some(content_type) = &message.content_type {
        properties.push(0x03);
        properties.extend(text(content_type));
    }
    for (name, value) in &message.user_properties {
        properties.push(0x26);
        properties.extend(text(name));
        properties.extend(text(value));
    }
    body.extend(number(properties.len()));
    body.extend(properties);
    body.extend(&message.payload);
    frame(0x30 | u8::from(dup && message.qos > 0) << 3 | message.qos << 1 | u8::from(message.retain), &body)
}

pub(super) fn release(id: u16) -> Vec<u8> {
    frame(0x62, &id.to_be_bytes())
}

pub(super) const DISCONNECT: [u8; 2] = [0xe0, 0];

/// The next packet: its first byte and what follows its length.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<(u8, Vec<u8>)> {
    let first = stream.read_u8().await?;
    let mut length = 0;
    for shift in [0, 7, 14, 21] {
        let byte = stream.read_u8().await?;
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok((first, body))
}

pub(super) fn answer(first: u8, body: &[u8]) -> io::Result<Answer> {
    let id = || u16::from_be_bytes([body[0], body[1]]);
    match (first >> 4, body.len()) {
        (2, 2..) if body[1] == 0 => Ok(Answer::Connected { session_present: body[0] & 1 == 1 }),
        (2, 2..) => Err(io::Error::other(format!("the broker refuses a device: {:#04x}", body[1]))),
        (4, 2..) => Ok(Answer::Taken(id())),
        (5, 2..) => Ok(Answer::Received(id())),
        (7, 2..) => Ok(Answer::Complete(id())),
        (14, _) => Err(io::Error::other("the broker ends the connection of a device")),
        _ => Ok(Answer::Other),
    }
}

fn text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    let mut bytes = length.to_be_bytes().to_vec();
    bytes.extend(&text.as_bytes()[..length.into()]);
    bytes
}

pub(super) fn frame(first: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    frame.extend(number(body.len()));
    frame.extend(body);
    frame
}

fn number(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

//! Packets into bytes.

use bytes::{BufMut as _, BytesMut};

use super::{Ack, Qos, Version};

/// What CONNECT says.
#[derive(Debug)]
pub(crate) struct Connect<'a> {
    pub(crate) version: Version,
    pub(crate) client_id: &'a str,
    pub(crate) clean: bool,
    pub(crate) keep_alive: u16,
    pub(crate) user: Option<&'a str>,
    pub(crate) password: Option<&'a [u8]>,
    /// Seconds. MQTT 5 only, as is what follows.
    pub(crate) session_expiry: u32,
    pub(crate) receive_maximum: u16,
    pub(crate) longest: Option<u32>,
}

/// One subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) filter: String,
    pub(crate) qos: Qos,
    /// MQTT 5: when retained messages are sent. 0 with every subscription, 1 with a new one, 2 never.
    pub(crate) retain_handling: u8,
}

pub(crate) fn connect(out: &mut BytesMut, connect: &Connect<'_>) {
    let is_5 = connect.version == Version::V5;
    let mut body = BytesMut::new();
    text(&mut body, b"MQTT");
    body.put_u8(if is_5 { 5 } else { 4 });
    let flag = |set: bool, bit: u8| if set { 1 << bit } else { 0_u8 };
    let user = connect.user.is_some();
    body.put_u8(flag(user, 7) | flag(connect.password.is_some(), 6) | flag(connect.clean, 1));
    body.put_u16(connect.keep_alive);
    if is_5 {
        let mut properties = BytesMut::new();
        properties.put_u8(0x11);
        properties.put_u32(connect.session_expiry);
        properties.put_u8(0x21);
        properties.put_u16(connect.receive_maximum);
        if let Some(longest) = connect.longest {
            properties.put_u8(0x27);
            properties.put_u32(longest);
        }
        number(&mut body, properties.len());
        body.extend_from_slice(&properties);
    }
    text(&mut body, connect.client_id.as_bytes());
    for part in [connect.user.map(str::as_bytes), connect.password].into_iter().flatten() {
        text(&mut body, part);
    }
    frame(out, 0x10, &body);
}

pub(crate) fn subscribe(out: &mut BytesMut, version: Version, id: u16, filters: &[Filter]) {
    let mut body = BytesMut::new();
    body.put_u16(id);
    if version == Version::V5 {
        body.put_u8(0);
    }
    for filter in filters {
        text(&mut body, filter.filter.as_bytes());
        // The broker's own flag is kept, so that what was retained can be told from what is new.
        let options = if version == Version::V5 { filter.retain_handling << 4 } else { 0 };
        body.put_u8(options | filter.qos.level());
    }
    frame(out, 0x82, &body);
}

pub(crate) fn ack(out: &mut BytesMut, ack: Ack) {
    let (first, id) = match ack {
        Ack::Taken(id) => (0x40, id),
        Ack::Received(id) => (0x50, id),
        Ack::Complete(id) => (0x70, id),
    };
    out.put_u8(first);
    out.put_u8(2);
    out.put_u16(id);
}

pub(crate) fn ping(out: &mut BytesMut) {
    out.extend_from_slice(&[0xc0, 0]);
}

pub(crate) fn disconnect(out: &mut BytesMut) {
    out.extend_from_slice(&[0xe0, 0]);
}

fn frame(out: &mut BytesMut, first: u8, body: &[u8]) {
    out.put_u8(first);
    number(out, body.len());
    out.extend_from_slice(body);
}

/// A text or bytes with their length. The builder has checked that it can be said in two bytes.
fn text(out: &mut BytesMut, bytes: &[u8]) {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    out.put_u16(length);
    out.extend_from_slice(&bytes[..length.into()]);
}

fn number(out: &mut BytesMut, mut number: usize) {
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            return out.put_u8(low);
        }
        out.put_u8(low | 0x80);
    }
}

use bytes::{Bytes, BytesMut};

use super::*;

fn all(bytes: &[u8], version: Version) -> Result<Vec<Packet>, Malformed> {
    let mut buffer = BytesMut::from(bytes);
    let mut packets = Vec::new();
    while let Some(packet) = read(&mut buffer, version, 1 << 20)? {
        packets.push(packet);
    }
    Ok(packets)
}

#[test]
fn a_message_of_version_5_says_what_is_beside_it() {
    let bytes = b"\x3b\x25\x00\x03a/b\x00\x0a\x14\x03\x00\x01j\x26\x00\x01k\x00\x01v\x26\x00\x01k\x00\x01w\x01\x01{\"n\":1}";
    let mut bytes = bytes.to_vec();
    bytes[1] = (bytes.len() - 2) as u8;
    let packets = all(&bytes, Version::V5).unwrap();
    let [Packet::Publish(message)] = &packets[..] else { panic!("{packets:?}") };
    assert_eq!((message.topic.as_str(), message.id, message.retain, message.dup), ("a/b", 10, true, true));
    assert_eq!((message.qos, message.payload.as_ref()), (Qos::AtLeastOnce, &b"{\"n\":1}"[..]));
    let said = message.properties.as_deref().unwrap();
    assert_eq!((said.content_type.as_deref(), said.is_text), (Some("j"), Some(true)));
    assert_eq!(said.user, [("k".into(), "v".into()), ("k".into(), "w".into())]);
}

#[test]
fn a_packet_that_is_not_there_as_a_whole_waits() {
    let bytes = b"\x32\x07\x00\x01a\x00\x01xy\x62\x02\x00\x01";
    for end in 0..bytes.len() {
        let found = all(&bytes[..end], Version::V3).unwrap();
        assert_eq!(found.len(), usize::from(end >= 9), "{end}");
    }
    assert_eq!(all(bytes, Version::V3).unwrap().len(), 2);
}

#[test]
fn what_no_broker_may_send_is_refused() {
    for bytes in [
        &b"\x36\x03\x00\x01a"[..],
        b"\x32\x05\x00\x01a\x00\x00",
        b"\x30\x01\x00",
        b"\x30\x80\x80\x80\x80\x01",
        b"\x10\x00",
        b"\x60\x02\x00\x01",
        b"\x30\xff\xff\xff\x7f",
    ] {
        assert!(all(bytes, Version::V3).is_err(), "{bytes:?}");
    }
    // An alias of a topic, and a property that does not exist.
    for bytes in [&b"\x30\x07\x00\x01a\x03\x23\x00\x01"[..], b"\x30\x05\x00\x01a\x01\x7f"] {
        assert!(all(bytes, Version::V5).is_err(), "{bytes:?}");
    }
}

#[test]
fn a_topic_that_is_no_text_is_still_a_message() {
    let packets = all(b"\x30\x04\x00\x01\xff!", Version::V3).unwrap();
    assert!(matches!(&packets[..], [Packet::Publish(message)] if message.topic == "\u{fffd}"));
}

#[test]
fn any_bytes_are_packets_or_a_reason() {
    let mut state = 7_u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    for _ in 0..20_000 {
        let first = [0x20, 0x30, 0x32, 0x34, 0x62, 0x90, 0xd0, 0xe0][usize::from(random() % 8)];
        let length = random() % 40;
        let mut bytes = vec![first, length];
        bytes.extend((0..length).map(|_| if random() % 2 == 0 { random() % 48 } else { random() }));
        for version in [Version::V3, Version::V5] {
            all(&bytes, version).ok();
        }
    }
}

#[test]
fn what_is_written_is_what_the_protocol_says() {
    let mut out = BytesMut::new();
    let mut said = Connect {
        version: Version::V3,
        client_id: "c",
        clean: false,
        keep_alive: 30,
        user: Some("u"),
        password: Some(b"p"),
        session_expiry: 9,
        receive_maximum: 20,
        longest: Some(7),
    };
    connect(&mut out, &said);
    assert_eq!(&out[..], b"\x10\x13\x00\x04MQTT\x04\xc0\x00\x1e\x00\x01c\x00\x01u\x00\x01p");
    said = Connect { version: Version::V5, clean: true, user: None, password: None, ..said };
    out.clear();
    connect(&mut out, &said);
    assert_eq!(
        &out[..],
        b"\x10\x1b\x00\x04MQTT\x05\x02\x00\x1e\x0d\x11\x00\x00\x00\x09\x21\x00\x14\x27\x00\x00\x00\x07\x00\x01c"
    );
    out.clear();
    let filter = Filter { filter: "a/#".into(), qos: Qos::ExactlyOnce, retain_handling: 1 };
    subscribe(&mut out, Version::V5, 3, std::slice::from_ref(&filter));
    subscribe(&mut out, Version::V3, 3, &[filter]);
    assert_eq!(&out[..], b"\x82\x09\x00\x03\x00\x00\x03a/#\x12\x82\x08\x00\x03\x00\x03a/#\x02");
    out.clear();
    for answer in [Ack::Taken(1), Ack::Received(2), Ack::Complete(3)] {
        ack(&mut out, answer);
    }
    assert_eq!(Bytes::from(out), b"\x40\x02\x00\x01\x50\x02\x00\x02\x70\x02\x00\x03"[..]);
}

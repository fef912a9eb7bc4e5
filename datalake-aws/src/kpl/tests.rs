use bytes::Bytes;

use super::{Aggregate, Part, disaggregate, hash_key};

fn sample(records: usize) -> (Aggregate, Vec<Part>) {
    let (mut aggregate, mut parts) = (Aggregate::new(), Vec::new());
    for n in 0..records {
        let key = format!("key-{}", n % 300);
        let explicit = (n % 3 == 0).then_some(u128::MAX - (n % 200) as u128);
        let data = Bytes::from(vec![n as u8; n * 7 % 400]);
        let foreseen = aggregate.len_with(&key, explicit, data.len());
        aggregate.push(&key, explicit, data.clone());
        assert_eq!(aggregate.len(), foreseen);
        parts.push(Part { partition_key: key, explicit_hash_key: explicit.map(|key| key.to_string()), data });
    }
    (aggregate, parts)
}

#[test]
fn what_was_put_together_comes_apart_and_the_length_is_foreseen() {
    for records in [1, 2, 127, 128, 129, 2_000] {
        let (aggregate, parts) = sample(records);
        let (length, held) = (aggregate.len(), aggregate.records());
        let bytes = aggregate.finish();
        assert_eq!((bytes.len(), held), (length, records));
        assert_eq!(disaggregate(&bytes).unwrap(), parts);
    }
}

#[test]
fn a_known_aggregate_has_known_bytes() {
    let mut aggregate = Aggregate::new();
    aggregate.push("a", Some(7), "x".into());
    let expected = b"\xf3\x89\x9a\xc2\x0a\x01a\x12\x017\x1a\x07\x08\x00\x10\x00\x1a\x01x";
    assert_eq!(aggregate.finish()[..expected.len()], expected[..]);
}

#[test]
fn whatever_is_no_aggregate_is_a_plain_record() {
    let (aggregate, _) = sample(3);
    let bytes = aggregate.finish();
    for n in 0..bytes.len() {
        let mut damaged = bytes.to_vec();
        damaged[n] ^= 1;
        assert_eq!(disaggregate(&damaged.into()), None, "byte {n} changed");
        assert_eq!(disaggregate(&bytes.slice(..n)), None, "cut to {n} bytes");
    }
    let beyond = b"\x0a\x01a\x1a\x05\x08\x01\x1a\x01x";
    let sealed = [&super::MAGIC[..], beyond, &super::digest(beyond)].concat();
    assert_eq!(disaggregate(&sealed.into()), None, "a key that is not in the table");
}

#[test]
fn an_explicit_hash_key_counts_in_place_of_the_partition_key() {
    assert_eq!(hash_key("a"), 0x0cc1_75b9_c0f1_b6a8_31c3_99e2_6977_2661);
    let part = |explicit: Option<&str>| Part {
        partition_key: "a".into(),
        explicit_hash_key: explicit.map(Into::into),
        data: Bytes::new(),
    };
    assert_eq!(part(None).hash_key(), hash_key("a"));
    assert_eq!(part(Some("12")).hash_key(), 12);
    assert_eq!(part(Some("twelve")).hash_key(), hash_key("a"));
}

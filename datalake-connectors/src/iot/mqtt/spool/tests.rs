use std::fs;
use std::path::Path;

use bytes::Bytes;
use chrono::DateTime;

use super::super::packet::{Properties, Publish, Qos};
use super::super::session::Message;
use super::*;

fn message(number: u64) -> Arc<Message> {
    let properties = Properties {
        content_type: Some("text".into()),
        user: vec![("k".into(), "v".into())],
        ..Properties::default()
    };
    let publish = Publish {
        topic: format!("plant/{number}"),
        payload: Bytes::from(number.to_string().repeat(number as usize % 40)),
        qos: Qos::ExactlyOnce,
        id: 0,
        retain: number.is_multiple_of(2),
        dup: number.is_multiple_of(3),
        properties: number.is_multiple_of(5).then(|| Box::new(properties)),
    };
    let received = DateTime::from_timestamp_micros(1_795_000_000_000_000 + number as i64).unwrap();
    Arc::new(Message { publish, received, number: 0 })
}

fn state(batch: u64) -> super::super::position::At {
    super::super::position::At {
        client: "lake".into(),
        boot: "b".into(),
        batch,
        held: Default::default(),
        released: Default::default(),
    }
}

/// A process that is being started has our files for a moment.
fn open(folder: &Path, longest: u64) -> Opened {
    loop {
        match Files::open(folder, longest) {
            Err(error) if error.kind() == ErrorKind::Conflict => std::thread::yield_now(),
            opened => return opened.unwrap(),
        }
    }
}

/// Every message that counts, in order, and the batch of the last state.
fn content(folder: &Path) -> (Vec<Message>, Option<u64>) {
    let opened = open(folder, 4096);
    let mut found = Vec::new();
    for (number, end) in &opened.files.ends {
        let mut bytes = Files::read(folder, *number, 0, *end).unwrap();
        while let Some((record, length)) = record::read(&bytes) {
            bytes = bytes.slice(length..);
            if let Record::Message(message) = record {
                found.push(message);
            }
        }
        assert!(bytes.is_empty(), "what counts can be read");
    }
    (found, opened.at.map(|at| at.batch))
}

/// Groups of one, two and three messages, over several files.
fn filled(folder: &Path) -> Vec<Arc<Message>> {
    let mut opened = open(folder, 4096);
    let mut all = Vec::new();
    for batch in 0..60 {
        let group: Vec<_> = (0..=batch % 3).map(|n| message(batch * 3 + n)).collect();
        opened.files.append(&record::group(&group, &state(batch)).unwrap()).unwrap();
        all.extend(group);
    }
    assert!(opened.files.ends.len() > 2);
    all
}

fn same(found: &Message, expected: &Message) -> bool {
    found.publish == expected.publish && found.received == expected.received
}

#[test]
fn what_was_written_is_read_by_another_process() {
    let folder = tempfile::tempdir().unwrap();
    let all = filled(folder.path());
    let (found, batch) = content(folder.path());
    assert!(
        found.len() == all.len() && found.iter().zip(&all).all(|(found, expected)| same(found, expected))
    );
    assert_eq!(batch, Some(59));
}

#[test]
fn a_write_that_was_torn_anywhere_costs_only_its_group() {
    let folder = tempfile::tempdir().unwrap();
    let mut opened = open(folder.path(), 1 << 20);
    let first = vec![message(1), message(2)];
    opened.files.append(&record::group(&first, &state(1)).unwrap()).unwrap();
    let path = folder.path().join(format!("{:020}.spool", 1));
    let whole = fs::metadata(&path).unwrap().len() as usize;
    opened.files.append(&record::group(&[message(3), message(4)], &state(2)).unwrap()).unwrap();
    drop(opened);
    let bytes = fs::read(&path).unwrap();
    let mut damaged = bytes.clone();
    for length in whole..bytes.len() {
        fs::write(&path, &bytes[..length]).unwrap();
        assert_eq!((content(folder.path()).0.len(), content(folder.path()).1), (2, Some(1)), "{length}");
        // A block that was never written is zeros, or what was there before.
        damaged[length] ^= 0x5a;
        fs::write(&path, &damaged).unwrap();
        assert_eq!(content(folder.path()).0.len(), 2, "{length}");
        damaged[length] ^= 0x5a;
    }
    fs::write(&path, &bytes).unwrap();
    assert_eq!(content(folder.path()).0.len(), 4);
}

#[test]
fn files_go_when_they_are_in_the_lake_but_for_the_one_being_written() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    let mut opened = open(folder.path(), 4096);
    let last = *opened.files.ends.keys().next_back().unwrap();
    let before = opened.files.bytes();
    opened.files.remove(2, 0, u64::MAX).unwrap();
    assert!(opened.files.bytes() < before && opened.files.ends.len() as u64 == last - 1);
    opened.files.remove(last, 0, u64::MAX).unwrap();
    assert_eq!(opened.files.ends.keys().copied().collect::<Vec<_>>(), [last]);
    // A file that fills the spool alone makes room too.
    opened.files.append(&record::group(&[message(39)], &state(60)).unwrap()).unwrap();
    opened.files.remove(last, opened.files.bytes(), 1).unwrap();
    assert_eq!(opened.files.ends.into_iter().collect::<Vec<_>>(), [(last + 1, 0)]);
}

#[test]
fn a_spool_is_used_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let opened = open(folder.path(), 4096);
    let error = Files::open(folder.path(), 4096).unwrap_err();
    assert!(error.kind() == ErrorKind::Conflict && error.is_retryable());
    drop(opened);
    open(folder.path(), 4096);
}

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

fn append(opened: &mut Opened, group: &[Arc<Message>], batch: u64) {
    let at = state(batch);
    opened.files.append(&record::group(group, &at).unwrap(), &at).unwrap();
}

fn file(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:020}.spool"))
}

/// Every message that counts, in order, and the batch of the last state.
fn content(folder: &Path) -> (Vec<Message>, Option<u64>) {
    let opened = open(folder, 4096);
    let mut found = Vec::new();
    for (number, span) in &opened.files.spans {
        let mut bytes = Files::read(folder, *number, span.start, span.end).unwrap();
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
        append(&mut opened, &group, batch);
        all.extend(group);
    }
    assert!(opened.files.spans.len() > 2);
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
    append(&mut opened, &first, 1);
    let path = file(folder.path(), 1);
    let whole = fs::metadata(&path).unwrap().len() as usize;
    append(&mut opened, &[message(3), message(4)], 2);
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
    let last = *opened.files.spans.keys().next_back().unwrap();
    let before = opened.files.bytes();
    opened.files.remove(2, 0, u64::MAX).unwrap();
    assert!(opened.files.bytes() < before && opened.files.spans.len() as u64 == last - 1);
    opened.files.remove(last, 0, u64::MAX).unwrap();
    assert_eq!(opened.files.spans.keys().copied().collect::<Vec<_>>(), [last]);
    // A file that fills the spool alone makes room too.
    append(&mut opened, &[message(39)], 60);
    opened.files.remove(last, opened.files.bytes(), 1).unwrap();
    let left: Vec<_> = opened.files.spans.into_iter().collect();
    assert!(left.len() == 1 && left[0].0 == last + 1 && left[0].1.start == left[0].1.end, "{left:?}");
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

#[test]
fn damage_before_the_last_group_is_told_from_a_write_that_was_torn() {
    let folder = tempfile::tempdir().unwrap();
    let mut opened = open(folder.path(), 1 << 20);
    let path = file(folder.path(), 1);
    let mut last = 0;
    for batch in 1..=4 {
        last = fs::metadata(&path).unwrap().len() as usize;
        append(&mut opened, &[message(2 * batch), message(5 * batch)], batch);
    }
    drop(opened);
    let mut bytes = fs::read(&path).unwrap();
    for at in 0..bytes.len() {
        bytes[at] ^= 0x5a;
        fs::write(&path, &bytes).unwrap();
        match Files::open(folder.path(), 1 << 20) {
            Ok(opened) => {
                assert!(at >= last, "what was acknowledged is gone: byte {at}");
                assert_eq!(opened.at.map(|at| at.batch), Some(3));
                fs::remove_file(file(folder.path(), 2)).unwrap();
            }
            Err(error) if error.kind() == ErrorKind::Corrupt => assert!(at < last, "byte {at}: {error}"),
            Err(error) => panic!("{error}"),
        }
        bytes[at] ^= 0x5a;
    }
    fs::write(&path, &bytes).unwrap();
    assert_eq!(content(folder.path()).0.len(), 8);
    // The next file knows where this one ended, so that its last group is no longer the last.
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    assert_eq!(Files::open(folder.path(), 1 << 20).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn a_file_that_fills_a_spool_alone_goes_after_a_restart_and_the_state_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut opened = open(folder.path(), 1 << 20);
    append(&mut opened, &[message(39), message(38)], 7);
    let (number, span) = opened.files.spans.pop_first().unwrap();
    drop(opened);
    let most = span.end;
    let mut opened = open(folder.path(), 1 << 20);
    assert!(opened.files.bytes() >= most && opened.at.is_some());
    opened.files.remove(number, span.end, most).unwrap();
    assert!(opened.files.bytes() < most, "nothing more can be written, although all of it is in the lake");
    drop(opened);
    let mut opened = open(folder.path(), 1 << 20);
    assert_eq!(opened.at.as_ref().map(|at| at.batch), Some(7), "after all that had it is removed");

    append(&mut opened, &[message(39)], 8);
    let (number, span) = opened.files.spans.pop_last().unwrap();
    opened.files.spans.insert(number, span);
    opened.files.remove(number, span.end, 1).unwrap();
    assert!(!file(folder.path(), number).exists());
    drop(opened);
    assert_eq!(open(folder.path(), 1 << 20).at.map(|at| at.batch), Some(8));
}

#[test]
fn a_file_that_could_not_be_made_is_made_later() {
    let folder = tempfile::tempdir().unwrap();
    let mut opened = open(folder.path(), 1);
    append(&mut opened, &[message(39)], 1);
    let next = file(folder.path(), 2);
    fs::create_dir(&next).unwrap();
    let at = state(2);
    let group = record::group(&[message(38)], &at).unwrap();
    opened.files.append(&group, &at).unwrap_err();
    fs::remove_dir(&next).unwrap();
    // A try that got as far as a file.
    fs::write(&next, "x".repeat(1000)).unwrap();
    opened.files.append(&group, &at).unwrap();
    drop(opened);
    assert_eq!((content(folder.path()).0.len(), content(folder.path()).1), (2, Some(2)));
}

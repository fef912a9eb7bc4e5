//! Frames as documents and places, wherever they are cut and wherever reading goes on.

use bytes::Bytes;
use datalake_core::testkit::Rng;
use datalake_core::{Document, ErrorKind};

use super::decoding::{BEGINNING, pieces};
use super::frames::*;
use crate::sql::cdc::assembly::Assembly;
use crate::sql::cdc::lsn::Lsn;
use crate::sql::cdc::position::Log;

/// What a server would send: transactions, each with the end of its commit.
fn history(random: &mut Rng) -> Vec<(u64, Vec<Vec<u8>>)> {
    let mut at = 100;
    let transactions = 1 + random.below(4);
    (0..transactions)
        .map(|n| {
            let changes = random.below(5);
            let (commit_at, end) = (at + 10, at + 20);
            at = end;
            let mut messages = vec![begin(commit_at, u32::try_from(n).unwrap())];
            for change in 0..changes {
                let table = u32::try_from(random.below(2)).unwrap();
                let text = format!("{n}.{change}");
                messages.push(insert(table, &[Some("1"), Some(&text)]));
            }
            messages.push(commit(commit_at, end));
            (end, messages)
        })
        .collect()
}

/// Describes tables where a server would: before their first change of the session.
fn described(messages: &[Vec<u8>], known: &mut [bool; 2]) -> Vec<Bytes> {
    let mut frames = Vec::new();
    for message in messages {
        if message[0] == b'I' {
            let table = usize::from(message[4]);
            if !std::mem::replace(&mut known[table], true) {
                let columns = [("id", 23, true), ("text", 25, false)];
                let id = u32::try_from(table).unwrap();
                frames.push(frame(1, &relation(id, &format!("t{table}"), b'd', &columns)));
            }
        }
        frames.push(frame(2, message));
    }
    frames
}

/// Reads on after a place, as a server would send it, for some frames only. Gives documents with the places after them.
fn read(history: &[(u64, Vec<Vec<u8>>)], from: Log, most: usize, frames: usize) -> Vec<(Document, Log)> {
    let mut assembly = Assembly::new("db".into(), "slot", most, from);
    let mut known = [false; 2];
    let mut found = Vec::new();
    let rest = history.iter().filter(|(end, _)| Lsn(*end) > from.lsn);
    let all: Vec<Bytes> = rest.flat_map(|(_, messages)| described(messages, &mut known)).collect();
    for frame in all.into_iter().take(frames) {
        assembly.push(frame).unwrap();
        let documents = assembly.take();
        let last = documents.len().saturating_sub(1);
        for (n, document) in documents.into_iter().enumerate() {
            assert_eq!(n, last, "one frame, one document");
            found.push((document, assembly.log()));
        }
    }
    found
}

fn records<'a>(documents: impl IntoIterator<Item = &'a Document>) -> Vec<(u64, Bytes)> {
    let records = documents.into_iter().flat_map(|document| {
        let of = |piece: datalake_core::split::Piece| {
            assert!(piece.error.is_none(), "{:?}", piece.error);
            (document.offset() + piece.range.start as u64, piece.body)
        };
        pieces(document).into_iter().map(of)
    });
    records.collect()
}

#[test]
fn reading_goes_on_after_every_place_with_the_same_records_at_the_same_places() {
    let mut random = Rng::new(11);
    for _ in 0..1_000 {
        let history = history(&mut random);
        let whole = read(&history, BEGINNING, 1 << 20, usize::MAX);
        let all = records(whole.iter().map(|(document, _)| document));
        let cut = random.below(whole.len() + 1);
        let (before, from) = match cut.checked_sub(1) {
            Some(last) => (records(whole[..cut].iter().map(|(document, _)| document)), whole[last].1),
            None => (Vec::new(), BEGINNING),
        };
        let rest = read(&history, from, 1, usize::MAX);
        let rest = records(rest.iter().map(|(document, _)| document));
        assert_eq!([before, rest].concat(), all);
    }
}

#[test]
fn a_transaction_without_a_change_leaves_nothing_but_the_place_after_it() {
    let mut assembly = Assembly::new("db".into(), "slot", 1 << 20, BEGINNING);
    assembly.push(frame(1, &begin(10, 1))).unwrap();
    assert!(assembly.is_within());
    assert!(!assembly.sent(Lsn(15)), "a place within a transaction is none");
    assembly.push(frame(2, &commit(10, 20))).unwrap();
    assert!(assembly.take().is_empty());
    assert_eq!(assembly.log(), Log { lsn: Lsn(20), ..BEGINNING });
    assert!(assembly.sent(Lsn(30)) && !assembly.sent(Lsn(30)) && !assembly.sent(Lsn(25)));
    assert_eq!(assembly.log(), Log { lsn: Lsn(30), ..BEGINNING });
}

#[test]
fn a_transaction_that_does_not_come_again_is_an_alarm() {
    let part = Some(crate::sql::cdc::position::Part { commit: Lsn(10), changes: 2 });
    let mut assembly = Assembly::new("db".into(), "slot", 1 << 20, Log { part, ..BEGINNING });
    let error = assembly.push(frame(1, &begin(12, 1))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PositionInvalid);
}

#[test]
fn a_stream_that_breaks_its_own_rules_is_an_error() {
    for message in [insert(1, &[Some("1")]), commit(1, 2), b"B".to_vec(), b"Rxx".to_vec()] {
        let mut assembly = Assembly::new("db".into(), "slot", 1 << 20, BEGINNING);
        assert_eq!(assembly.push(frame(1, &message)).unwrap_err().kind(), ErrorKind::Unexpected);
    }
}

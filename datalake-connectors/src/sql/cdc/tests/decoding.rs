//! Frames as records.

use datalake_core::split::{Decoder, Piece};
use datalake_core::testkit::Rng;
use datalake_core::{Cut, Document, Format};
use serde_json::{Value, json};

use super::frames::*;
use crate::sql::cdc::assembly::Assembly;
use crate::sql::cdc::lsn::Lsn;
use crate::sql::cdc::position::Log;
use crate::sql::cdc::{PgLoadDecoder, PgOutputDecoder};

pub(super) const BEGINNING: Log = Log { lsn: Lsn(0), offset: 0, part: None };

pub(super) fn pieces(document: &Document) -> Vec<Piece> {
    let Format::Decoded { settings, .. } = &**document.format() else { panic!("no decoder") };
    let mut pieces = Vec::new();
    PgOutputDecoder.decode(document, settings, &mut |piece| pieces.push(piece));
    pieces
}

fn documents(messages: &[Vec<u8>]) -> Vec<Document> {
    let mut assembly = Assembly::new("db".into(), "slot", 1 << 20, BEGINNING);
    for (n, message) in messages.iter().enumerate() {
        assembly.push(frame(100 + n as u64, message)).unwrap();
    }
    assembly.take()
}

fn records(messages: &[Vec<u8>]) -> Vec<Value> {
    let documents = documents(messages);
    documents.iter().flat_map(pieces).map(|piece| serde_json::from_slice(&piece.body).unwrap()).collect()
}

#[test]
fn every_change_is_one_record() {
    let columns = &[("id", 20, true), ("name", 25, false), ("doc", 3802, false)];
    let found = records(&[
        begin(0x1_0000_00AA, 77),
        relation(5, "shops", b'd', columns),
        insert(5, &[Some("9007199254740993"), Some("a\"b"), Some("{\"x\": 1.10}")]),
        update(5, None, &[Some("9007199254740993"), None, Some("\0")]),
        update(5, Some((b'K', &[Some("1"), None, None])), &[Some("2"), Some("x"), Some("\0")]),
        delete(5, b'K', &[Some("2"), None, None]),
        truncate(&[5], 3),
        commit(0x1_0000_00AA, 0x1_0000_00FF),
    ]);
    let rest = |seq: u64, lsn: &str| {
        json!({ "schema": "public", "table": "shops", "xid": 77, "commit": "1/AA", "seq": seq,
            "time": "2024-05-06T07:08:09.000010Z", "lsn": lsn })
    };
    let expected = [
        json!({ "op": "insert", "key": { "id": 9_007_199_254_740_993_u64 },
            "after": { "id": 9_007_199_254_740_993_u64, "name": "a\"b", "doc": { "x": 1.10 } } }),
        json!({ "op": "update", "key": { "id": 9_007_199_254_740_993_u64 },
            "after": { "id": 9_007_199_254_740_993_u64, "name": null }, "unchanged": ["doc"] }),
        json!({ "op": "update", "before": { "id": 1 }, "key": { "id": 2 },
            "after": { "id": 2, "name": "x" }, "unchanged": ["doc"] }),
        json!({ "op": "delete", "key": { "id": 2 } }),
        json!({ "op": "truncate", "cascade": true, "restart_identity": true }),
    ];
    assert_eq!(found.len(), expected.len());
    for (n, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let mut all = rest(n as u64, &format!("0/{:X}", 102 + n));
        all.as_object_mut().unwrap().extend(expected.as_object().unwrap().clone());
        assert_eq!(*found, all);
    }
}

#[test]
fn a_whole_old_row_is_the_row_before() {
    let found = records(&[
        begin(1, 1),
        relation(5, "t", b'f', &[("id", 23, true), ("name", 25, true)]),
        update(5, Some((b'O', &[Some("1"), Some("a")])), &[Some("1"), Some("b")]),
        delete(5, b'O', &[Some("1"), None]),
        commit(1, 2),
    ]);
    assert_eq!(found[0]["before"], json!({ "id": 1, "name": "a" }));
    assert_eq!(found[0]["after"], json!({ "id": 1, "name": "b" }));
    assert_eq!(found[1]["before"], json!({ "id": 1, "name": null }));
    assert!(found.iter().all(|record| record.get("key").is_none()));
}

#[test]
fn what_was_sent_of_before_stands_for_what_did_not_change() {
    let found = records(&[
        begin(1, 1),
        relation(5, "t", b'f', &[("id", 23, true), ("doc", 25, true)]),
        update(5, Some((b'O', &[Some("1"), Some("long")])), &[Some("2"), Some("\0")]),
        relation(6, "u", b'd', &[("name", 25, true), ("doc", 25, false), ("n", 23, false)]),
        update(6, Some((b'K', &[Some("long"), None, None])), &[Some("\0"), Some("\0"), Some("2")]),
        commit(1, 2),
    ]);
    assert_eq!(found[0]["after"], json!({ "id": 2, "doc": "long" }));
    assert!(found[0].get("unchanged").is_none());
    assert_eq!(found[1]["key"], json!({ "name": "long" }));
    assert_eq!(found[1]["after"], json!({ "name": "long", "n": 2 }));
    assert_eq!(found[1]["unchanged"], json!(["doc"]));
}

#[test]
fn a_table_that_changes_is_read_as_it_was_each_time() {
    let found = records(&[
        begin(1, 1),
        relation(5, "t", b'd', &[("id", 23, true)]),
        insert(5, &[Some("1")]),
        relation(5, "t", b'd', &[("id", 23, true), ("more", 25, false)]),
        insert(5, &[Some("2"), Some("x")]),
        commit(1, 2),
    ]);
    assert_eq!(found[0]["after"], json!({ "id": 1 }));
    assert_eq!(found[1]["after"], json!({ "id": 2, "more": "x" }));
}

#[test]
fn truncated_tables_have_records_at_places_of_their_own() {
    let found = documents(&[
        begin(1, 1),
        relation(5, "a", b'd', &[("id", 23, true)]),
        relation(6, "b", b'd', &[("id", 23, true)]),
        truncate(&[5, 6], 0),
        commit(1, 2),
    ]);
    let found = pieces(&found[0]);
    assert_eq!(found.len(), 2);
    assert!(found[0].range.end <= found[1].range.start);
}

#[test]
fn a_message_that_cannot_be_read_costs_no_other() {
    let columns = &[("id", 23, true), ("flag", 16, false)];
    let good = insert(5, &[Some("1"), Some("t")]);
    let bad: Vec<(Vec<u8>, &str)> = vec![
        (good[..good.len() - 1].to_vec(), "ends early"),
        ([&good[..], b"x"].concat(), "follow the end"),
        (insert(9, &[Some("1")]), "not described"),
        (insert(5, &[Some("1")]), "number of columns"),
        (insert(5, &[Some("1"), Some("perhaps")]), "boolean"),
        (b"Q???".to_vec(), "known"),
        (b"I\0\0\0\x05X\0\0".to_vec(), "new row"),
        (b"D\0\0\0\x05N\0\0".to_vec(), "old row"),
        (b"T\0\0\0\x02\0\0\0\0\x05".to_vec(), "another length"),
        (b"I\0\0\0\x05N\0\x01b\0\0\0\0".to_vec(), "binary"),
        (b"I\0\0\0\x05N\0\x01?".to_vec(), "no kind"),
        (b"I\0\0\0\x05N\0\x01t\0\0\0\x02\xff\xfe".to_vec(), "UTF-8"),
    ];
    for (bad, why) in bad {
        let messages =
            [begin(1, 1), relation(5, "t", b'd', columns), good.clone(), bad, good.clone(), commit(1, 2)];
        let found = documents(&messages);
        let found: Vec<Piece> = found.iter().flat_map(pieces).collect();
        assert_eq!(found.len(), 3, "{why}");
        let error = found[1].error.as_ref().unwrap_or_else(|| panic!("no error, where {why:?} was expected"));
        assert!(error.message.contains(why), "{error} for {why}");
        assert!(found[0].error.is_none() && found[2].error.is_none(), "{why}");
        assert!(String::from_utf8_lossy(&found[2].body).contains("\"seq\":2"), "{why}");
    }
}

#[test]
fn bytes_that_are_no_frames_are_one_error() {
    let settings = json!({ "relations": { "5": { "schema": "public", "table": "t", "identity": "d",
        "columns": [{ "name": "id", "kind": "number", "key": true }] } } });
    let format = Format::Decoded { decoder: "postgres.pgoutput".into(), settings, cut: Cut::Whole };
    let bytes = [&frame(1, &begin(1, 1))[..], &frame(2, &insert(5, &[Some("1")]))[..], b"d\0\0\0"].concat();
    let found = pieces(&Document::new(bytes.clone(), "db", format.clone()));
    assert_eq!(found.len(), 2);
    assert!(found[0].error.is_none());
    assert_eq!(found[1].range, bytes.len() - 4..bytes.len());
    let found = pieces(&Document::new("nonsense", "db", format));
    assert_eq!((found.len(), found[0].range.clone()), (1, 0..8));
}

#[test]
fn settings_that_cannot_be_read_are_an_error_of_the_document() {
    for settings in [json!(3), json!({ "relations": 4 })] {
        let format = Format::Decoded { decoder: "x".into(), settings: settings.clone(), cut: Cut::Whole };
        let document = Document::new("abc", "db", format);
        let mut found = Vec::new();
        PgLoadDecoder.decode(&document, &settings, &mut |piece| found.push(piece));
        PgOutputDecoder.decode(&document, &settings, &mut |piece| found.push(piece));
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|piece| piece.error.is_some() && piece.range == (0..3)));
    }
}

#[test]
fn any_bytes_give_records_or_reasons() {
    let columns = &[("id", 23, true), ("name", 25, false)];
    let whole = documents(&[
        begin(1, 1),
        relation(5, "t", b'd', columns),
        insert(5, &[Some("1"), Some("abc")]),
        update(5, Some((b'K', &[Some("1"), None])), &[Some("2"), Some("\0")]),
        truncate(&[5], 0),
        delete(5, b'K', &[Some("2"), None]),
        commit(1, 2),
    ]);
    let whole = &whole[0];
    let mut random = Rng::new(5);
    for _ in 0..1_000 {
        let mut bytes = whole.bytes().to_vec();
        for _ in 0..=random.below(3) {
            let at = random.below(bytes.len());
            match random.below(3) {
                0 => bytes[at] = u8::try_from(random.below(256)).unwrap(),
                1 => drop(bytes.remove(at)),
                _ => bytes.truncate(at.max(1)),
            }
        }
        let length = bytes.len();
        let document = Document::new(bytes, "db", std::sync::Arc::clone(whole.format()));
        for piece in pieces(&document) {
            assert!(piece.range.end <= length);
            assert!(piece.error.is_some() || serde_json::from_slice::<Value>(&piece.body).is_ok());
        }
    }
}

#[test]
fn rows_of_a_first_load_are_read_as_copy_writes_them() {
    let settings = json!({ "is": "rows", "lsn": "0/AA", "relation": { "schema": "s", "table": "t", "identity": "d",
        "columns": [{ "name": "id", "kind": "number", "key": true }, { "name": "text", "kind": "text" }] } });
    let format = Format::Decoded {
        decoder: "postgres.pgoutput.load".into(),
        settings: settings.clone(),
        cut: Cut::Lines,
    };
    let text = "1\ta\\tb\\\\c\\n\n2\t\\N\n3\n4\tx\\q\n5\t\\\\N\n";
    let document = Document::new(text, "db", format);
    let mut found = Vec::new();
    PgLoadDecoder.decode(&document, &settings, &mut |piece| found.push(piece));
    let good: Vec<Option<Value>> = found
        .iter()
        .map(|piece| piece.error.is_none().then(|| serde_json::from_slice(&piece.body).unwrap()))
        .collect();
    let read = |id: u64, text: Value| {
        Some(json!({ "op": "read", "schema": "s", "table": "t", "key": { "id": id },
            "after": { "id": id, "text": text }, "lsn": "0/AA" }))
    };
    let expected = [read(1, "a\tb\\c\n".into()), read(2, Value::Null), None, None, read(5, "\\N".into())];
    assert_eq!(good, expected);
}

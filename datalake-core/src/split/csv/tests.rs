use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::dialect::CsvRules;
use crate::document::Document;
use crate::format::Format;
use crate::split::{Cutter, split};

fn ruled(change: impl FnOnce(&mut CsvRules)) -> Csv {
    let mut rules = CsvRules::default();
    change(&mut rules);
    Csv::new(';').with_rules(rules)
}

fn read(bytes: impl AsRef<[u8]>, csv: &Csv) -> Vec<Value> {
    let document = Document::new(Bytes::copy_from_slice(bytes.as_ref()), "test", Format::Csv(csv.clone()));
    let mut found = Vec::new();
    split(&document, |piece| match piece.error {
        None => found.push(serde_json::from_slice(&piece.body).unwrap()),
        Some(error) => found.push(json!(error.message)),
    });
    found
}

fn utf16(text: &str, big: bool) -> Vec<u8> {
    let bytes = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
    text.encode_utf16().flat_map(bytes).collect()
}

#[test]
fn utf_16_is_read_with_and_without_its_mark() {
    for big in [false, true] {
        let csv = ruled(|rules| rules.encoding = if big { Encoding::UTF_16BE } else { Encoding::UTF_16LE });
        for mark in ["", "\u{feff}"] {
            let text = format!("{mark}Straße;\"x;\ny\"\r\nÄ;𝄞\"\nऊ;\"\"\"Ċ\"\n");
            let found = read(utf16(&text, big), &csv);
            let expected = [("Ä", "𝄞\""), ("ऊ", "\"Ċ")];
            assert_eq!(found, expected.map(|(street, other)| json!({ "Straße": street, "x;\ny": other })));
        }
    }
}

#[test]
fn half_a_character_of_utf_16_costs_its_own_row_only() {
    let csv = ruled(|rules| rules.encoding = Encoding::UTF_16LE);
    let mut bytes = utf16("a\n1\n", false);
    bytes.extend([0x00, 0xd8]);
    bytes.extend(utf16("\n2\n3", false));
    bytes.push(b'x');
    assert_eq!(
        read(&bytes, &csv),
        [json!({"a": "1"}), json!("not UTF-16LE"), json!({"a": "2"}), json!("not UTF-16LE")]
    );
}

#[test]
fn single_bytes_and_bytes_of_east_asia_become_text() {
    let latin = ruled(|rules| rules.encoding = Encoding::WINDOWS_1252);
    assert_eq!(read(b"Gr\xf6\xdfe\n\x80 5", &latin), [json!({"Größe": "€ 5"})]);
    let japan = ruled(|rules| rules.encoding = "shift_jis".parse().unwrap());
    let bytes = encoding_rs::SHIFT_JIS.encode("表;値\n表;ソ\n").0.into_owned();
    assert_eq!(read(&bytes, &japan), [json!({"表": "表", "値": "ソ"})]);
    assert_eq!(read([&bytes[..], b"\x81;1"].concat(), &japan)[1], json!("not Shift_JIS"));
}

#[test]
fn ragged_rows_are_kept_with_what_they_have_too_many_and_too_few() {
    let csv = ruled(|rules| rules.ragged = Ragged::Keep);
    assert_eq!(
        read("a;b\n1\n1;2;3;\"4;\"\n", &csv),
        [json!({"a": "1", "b": null}), json!({"a": "1", "b": "2", "_extra": ["3", "4;"]})]
    );
    assert_eq!(read("a;_extra\n1;2;3\n", &csv), [json!({"a": "1", "_extra": "2", "_extra_2": ["3"]})]);
    assert_eq!(read("a;b\n1\n", &Csv::new(';')), [json!("1 fields under 2 columns")]);
}

#[test]
fn only_a_token_without_quotes_is_null() {
    let csv = ruled(|rules| rules.nulls = vec!["NULL".into(), "".into()]);
    assert_eq!(
        read("a;b;c;d\nNULL;\"NULL\";;\"\"\n", &csv),
        [json!({"a": null, "b": "NULL", "c": null, "d": ""})]
    );
}

#[test]
fn a_footer_is_no_record_and_a_word_that_goes_on_is_none() {
    let csv = ruled(|rules| rules.footers = vec!["Total".into(), "#".into()]);
    let text = "item;n\n#remark;\nTotally new;1\n;TOTAL\nTotal:;1\ntotal;2\nTotal\nx;1\n";
    assert_eq!(read(text, &csv), [json!({"item": "Totally new", "n": "1"}), json!({"item": "x", "n": "1"})]);
}

#[test]
fn another_quote_or_none() {
    let single = ruled(|rules| rules.quote = Some('\''));
    assert_eq!(read("a;b\n'x;''y''';\"z\"\n", &single), [json!({"a": "x;'y'", "b": "\"z\""})]);
    let none = ruled(|rules| rules.quote = None);
    assert_eq!(read("a;b\n\"x;y\n", &none), [json!({"a": "\"x", "b": "y"})]);
}

#[test]
fn the_header_is_found_below_a_preamble() {
    let text = "Report \"of the day\n\"from: 1.1.\n\nid;name\n1;x\n";
    let csv = Csv::new(';');
    for place in [HeaderPlace::After(2), HeaderPlace::With(vec!["name".into()])] {
        let found = find_csv_header(text.as_bytes(), &csv, &place, true).unwrap();
        assert_eq!((found.names, found.start, found.end), (vec!["id".to_owned(), "name".into()], 32, 39));
        let csv = ruled(|rules| rules.preamble = found.start as u64);
        assert_eq!(read(text, &csv), [json!({"id": "1", "name": "x"})]);
    }
    let missing = HeaderPlace::With(vec!["total".into()]);
    assert_eq!(find_csv_header(text.as_bytes(), &csv, &missing, true), None);
    assert_eq!(find_csv_header(b"x\ny", &csv, &HeaderPlace::After(3), true), None);
}

#[test]
fn the_dialect_is_found_by_the_rows_that_are_alike() {
    for (text, delimiter, quote) in [
        ("a,b;c\n1,2;3\n", ',', '"'),
        ("Amount, net;Day\n1,5;Mon\n2;Tue\n", ';', '"'),
        ("a|b|c\n1|2,5|3\n", '|', '"'),
        ("a\tb\n1,1\t2\n", '\t', '"'),
        ("Report of today\na;b\n1;2\n", ';', '"'),
        ("\"x,y\",b\n1,2\n", ',', '"'),
        ("'x;y';b\n'1';'2;3'\n", ';', '\''),
        ("a;b\n'tis;'x'\n'y';z\n", ';', '"'),
        ("one\ntwo\n", ',', '"'),
        ("", ',', '"'),
    ] {
        let found = detect_csv(text.as_bytes(), true);
        assert_eq!((found.delimiter, found.rules.quote), (delimiter, Some(quote)), "{text:?}");
        let wide = detect_csv(&utf16(&format!("\u{feff}{text}"), true), true);
        assert_eq!((wide.delimiter, wide.rules.encoding), (delimiter, Encoding::UTF_16BE), "{text:?}");
    }
}

#[test]
fn a_long_file_is_cut_as_it_is_read_in_every_dialect() {
    let tokens = ["ä", ";", "\"", "\n", "\r\n", "'", "'b'", "a;b\n", "1;\"x\ny\"\n", "\r", "Total", "𝄞"];
    let mut seed = 7_u64;
    let mut roll = |most: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % most
    };
    for round in 0..1_500 {
        let encoding =
            [Encoding::UTF_8, Encoding::UTF_16LE, Encoding::UTF_16BE, Encoding::WINDOWS_1252][round % 4];
        let mark = if roll(2) == 0 { "\u{feff}" } else { "" };
        let text: String =
            std::iter::once(mark).chain((0..roll(40)).map(|_| tokens[roll(tokens.len())])).collect();
        let file = match encoding.width() {
            2 => utf16(&text, encoding == Encoding::UTF_16BE),
            _ if encoding == Encoding::UTF_8 => text.into_bytes(),
            _ => encoding_rs::WINDOWS_1252.encode(&text).0.into_owned(),
        };
        let mut csv = ruled(|rules| {
            rules.encoding = encoding;
            rules.quote = [Some('"'), Some('\''), None][round % 3];
            rules.ragged = if round % 2 == 0 { Ragged::Keep } else { Ragged::Refuse };
            rules.footers = vec!["Total".into()];
        });
        let place = HeaderPlace::After(roll(3));
        let Some(header) = find_csv_header(&file, &csv, &place, true) else { continue };
        csv = Csv { header: header.names.into(), ..csv };
        let mut rules = csv.rules.as_ref().clone();
        rules.preamble = header.start as u64;
        let csv = csv.with_rules(rules);
        let format = Format::Csv(csv.clone());
        let told = |documents: &[Document]| {
            let mut told = Vec::new();
            for document in documents {
                split(document, |piece| {
                    let at = document.offset() as usize + piece.range.start;
                    assert_eq!(piece.range.len(), document.bytes()[piece.range].len());
                    told.push((at, piece.body, piece.error.map(|error| error.message)));
                });
            }
            told
        };
        let (mut documents, mut start, mut end) = (Vec::new(), 0, 0);
        let mut cutter = Cutter::new(&format, 0);
        while end < file.len() {
            end = (end + 1 + roll(9)).min(file.len());
            let mut cut = cutter.find(&file[start..end]);
            if end == file.len() {
                cut = end - start;
            } else if roll(3) > 0 || cut == 0 {
                continue;
            } else {
                cutter.taken(cut);
            }
            let csv = Csv { has_header: start < header.end, ..csv.clone() };
            let bytes = Bytes::copy_from_slice(&file[start..start + cut]);
            documents.push(Document::new(bytes, "test", Format::Csv(csv)).at(start as u64));
            start += cut;
        }
        let whole = Document::new(file.clone(), "test", format);
        assert_eq!(told(&documents), told(&[whole]), "{:?} {place:?}", String::from_utf8_lossy(&file));
    }
}

#[test]
fn rules_that_are_not_there_leave_a_format_as_it_was() {
    let plain = serde_json::to_value(Csv::new(',')).unwrap();
    assert_eq!(plain, json!({"delimiter": ",", "header": [], "has_header": true}));
    let old: Csv = serde_json::from_value(plain).unwrap();
    assert!(old.rules.are_default());
    let ruled = ruled(|rules| (rules.encoding, rules.quote) = (Encoding::UTF_16LE, None));
    let again: Csv = serde_json::from_value(serde_json::to_value(&ruled).unwrap()).unwrap();
    assert_eq!(again, ruled);
}

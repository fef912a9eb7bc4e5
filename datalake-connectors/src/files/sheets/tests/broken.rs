use super::*;

fn one(bytes: impl Into<Bytes>) -> String {
    let mut found = records(bytes, &Sheets::new());
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn good() -> Vec<u8> {
    texts(&[&["a", "b"], &["1", "2"], &["3", "4"], &["5", "6"]])
}

#[test]
fn what_is_no_workbook_goes_to_quarantine_whole() {
    for bytes in [&b""[..], b"PK", b"a,b\n1,2\n", b"%PDF-1.7"] {
        assert!(one(bytes.to_vec()).starts_with("!workbook: these bytes are no workbook"));
    }
    let error = one(packed(&[("hello.txt", b"hello")]));
    assert!(error.starts_with("!workbook: the workbook cannot be read"), "{error}");
}

#[test]
fn a_workbook_that_is_cut_off_anywhere_is_never_taken_for_whole() {
    let good = good();
    for end in (1..good.len()).step_by(97) {
        let error = one(good[..end].to_vec());
        assert!(error.starts_with("!workbook: "), "{end}: {error}");
    }
}

#[test]
fn a_damaged_byte_never_changes_a_record_in_silence() {
    let good = good();
    let expected = records(good.clone(), &Sheets::new());
    for at in (0..good.len()).step_by(31) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x55;
        let found = records(bytes, &Sheets::new());
        assert!(found == expected || found.iter().any(|record| record.starts_with('!')), "{at}: {found:?}");
    }
}

#[test]
fn a_workbook_with_a_password_says_so() {
    let mut compound = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
    compound.resize(1024, 0);
    compound.extend("EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes));
    compound.resize(4096, 0);
    assert_eq!(one(compound.clone()), "!encrypted: the workbook has a password");
    compound.truncate(1024);
    assert!(one(compound).starts_with("!workbook: "));
}

#[test]
fn a_workbook_that_unpacks_too_far_is_not_unpacked() {
    let zeros = vec![b' '; 4 << 20];
    let bytes = packed(&[("xl/workbook.xml", b"<workbook/>"), ("xl/worksheets/sheet1.xml", &zeros)]);
    assert!(bytes.len() < 16 << 10);
    let found = records(bytes, &Sheets::new().max_bytes(1 << 20));
    assert_eq!(found, ["!too-large: the workbook unpacks to more than 1048576 bytes"]);
}

#[test]
fn records_that_grow_too_far_end_with_what_is_missing() {
    let long = "x".repeat(10_000);
    let rows: Vec<Vec<&str>> = std::iter::once(vec!["a"]).chain((0..400).map(|_| vec![&*long])).collect();
    let rows: Vec<&[&str]> = rows.iter().map(|row| &row[..]).collect();
    let found = records(texts(&rows), &Sheets::new().max_bytes(1 << 20));
    assert_eq!(found.len(), 105);
    assert_eq!(
        found.last().unwrap(),
        "!too-large: the records of the workbook have more than 1048576 bytes; from sheet \"S\" on they are missing"
    );
}

#[test]
fn a_cell_that_cannot_be_read_costs_its_row_and_no_other() {
    let bytes = changed(&good(), "xl/worksheets/sheet1.xml", |text| {
        text.replace("<c r=\"A3\" t=\"s\"><v>4</v>", "<c r=\"A3\" t=\"s\"><v>99</v>")
            .replace("<c r=\"B4\" t=\"s\"><v>7</v>", "<c r=\"B4\" t=\"b\"><v>perhaps</v>")
    });
    let found = records(bytes, &Sheets::new());
    assert_eq!(found[0], r#"{"a":"1","b":"2","_sheet":"S","_row":2}"#);
    assert!(found[1].starts_with("!row: the sheet \"S\", row 3: the cell A3 cannot be read"), "{found:?}");
    assert!(found[2].starts_with("!row: the sheet \"S\", row 4: the cell B4 cannot be read"), "{found:?}");
    assert_eq!(found.len(), 3);
}

#[test]
fn a_sheet_that_breaks_off_says_from_where_on_rows_are_missing() {
    let bytes = changed(&good(), "xl/worksheets/sheet1.xml", |text| {
        let at = text.find("<c r=\"B4\"").unwrap();
        text[..at].to_owned()
    });
    let found = records(bytes, &Sheets::new());
    assert_eq!(found.len(), 3, "{found:?}");
    assert_eq!(found[1], r#"{"a":"3","b":"4","_sheet":"S","_row":3}"#);
    assert!(found[2].starts_with("!workbook: the sheet \"S\" after row 3: "), "{found:?}");
}

#[test]
fn settings_of_another_time_are_refused() {
    let settings = serde_json::json!({ "colour": "red" });
    let format = Format::Decoded { decoder: NAME.into(), settings: settings.clone(), cut: Cut::Whole };
    let document = Document::new(good(), "memory:///report", format);
    let mut found = Vec::new();
    SheetsDecoder.decode(&document, &settings, &mut |piece| found.push(piece.error.unwrap().reason));
    assert_eq!(found, ["settings"]);
}

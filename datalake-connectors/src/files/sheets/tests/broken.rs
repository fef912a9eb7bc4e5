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

#[test]
fn a_workbook_that_boasts_of_its_strings_or_formulas_makes_no_room_for_them() {
    let boasts = changed(&good(), "xl/sharedStrings.xml", |text| {
        let (head, rest) = text.split_once("uniqueCount=\"").unwrap();
        format!("{head}uniqueCount=\"100000000000{rest}")
    });
    let error = one(boasts);
    assert!(error.starts_with("!workbook: the part xl/sharedStrings.xml of the workbook says"), "{error}");
    let wrong = changed(&good(), "xl/sharedStrings.xml", |text| {
        let (head, rest) = text.split_once("uniqueCount=\"").unwrap();
        format!("{head}uniqueCount=\"9{rest}")
    });
    assert_eq!(records(wrong, &Sheets::new()).len(), 3);
    let bytes = changed(&good(), "xl/worksheets/sheet1.xml", |text| {
        text.replace("<c r=\"A3\" t=\"s\"><v>4</v>", "<c r=\"A3\" t=\"s\"><v>99</v>").replace(
            "<c r=\"B4\" t=\"s\">",
            "<c r=\"B4\" t=\"s\"><f t=\"shared\" ref=\"B4\" si=\"100000000000\">1</f>",
        )
    });
    let found = records(bytes, &Sheets::new());
    assert_eq!(
        found,
        ["!workbook: the sheet \"S\" after row 1: a cell cannot be read, and it cannot be told which"]
    );
}

#[test]
fn a_row_that_shares_one_long_text_in_all_its_cells_is_refused_and_no_other() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet().set_name("S").unwrap();
    sheet.write_string(0, 0, "a").unwrap();
    sheet.write_string(1, 0, "long").unwrap();
    sheet.write_string(2, 0, "ok").unwrap();
    let bytes = book.save_to_buffer().unwrap();
    let long = "x".repeat(1 << 20);
    let bytes = changed(&bytes, "xl/sharedStrings.xml", |text| text.replace("long", &long));
    let cell = "<c r=\"A2\" t=\"s\"><v>1</v></c>";
    let bytes = changed(&bytes, "xl/worksheets/sheet1.xml", |text| text.replace(cell, &cell.repeat(16_384)));
    assert_eq!(
        records(bytes, &Sheets::new()),
        [
            "!row: the sheet \"S\", row 2: it has more than 16777216 bytes",
            r#"{"a":"ok","_sheet":"S","_row":3}"#
        ]
    );
}

#[test]
fn merged_cells_cannot_make_a_row_or_a_sheet_of_one_long_text() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet().set_name("S").unwrap();
    let plain = Shown::new();
    sheet.write_string(0, 0, "a").unwrap();
    sheet.write_string(0, 99, "b").unwrap();
    sheet.merge_range(1, 0, 1, 99, "long", &plain).unwrap();
    for column in 0..20 {
        let first = if column < 10 { 2 } else { 3 };
        sheet.merge_range(first, column, 4, column, &format!("tall{column}"), &plain).unwrap();
    }
    sheet.write_string(4, 50, "below").unwrap();
    sheet.write_string(5, 0, "ok").unwrap();
    let bytes = book.save_to_buffer().unwrap();
    let long = "x".repeat(1 << 20);
    let bytes =
        changed(&bytes, "xl/sharedStrings.xml", |text| text.replace("long", &long).replace("tall", &long));
    let found = records(bytes, &Sheets::new().fill_merged(true));
    let short: Vec<&str> = found.iter().map(|record| &record[..record.len().min(70)]).collect();
    assert_eq!(found.len(), 5, "{short:?}");
    assert_eq!(found[0], "!row: the sheet \"S\", row 2: it has more than 16777216 bytes");
    assert!(found[1].starts_with(r#"{"a":"xxx"#), "{short:?}");
    assert!(found[2].starts_with("!row: the sheet \"S\", row 4: its merged cells have"), "{short:?}");
    assert!(found[3].starts_with("!row: the sheet \"S\", row 5: its merged cells have"), "{short:?}");
    assert!(found[4].starts_with(r#"{"a":"ok""#), "{short:?}");
}

#[test]
fn what_may_be_the_footer_of_a_sheet_that_breaks_off_is_given() {
    let bytes = changed(&good(), "xl/worksheets/sheet1.xml", |text| {
        let at = text.find("<c r=\"B4\"").unwrap();
        text[..at].to_owned()
    });
    let found = records(bytes.clone(), &Sheets::new().footer(9));
    assert_eq!(found, records(bytes, &Sheets::new()));
    assert_eq!(found.len(), 3, "{found:?}");
    let broken = changed(&good(), "xl/worksheets/sheet1.xml", |text| {
        text.replace("<c r=\"A3\" t=\"s\"><v>4</v>", "<c r=\"A3\" t=\"s\"><v>99</v>")
    });
    let found = records(broken, &Sheets::new().footer(1));
    assert!(found[1].starts_with("!row: the sheet \"S\", row 3: "), "{found:?}");
}

use super::*;

fn of(rows: &[&[&str]], sheets: Sheets) -> Vec<String> {
    let strip = |record: String| record.replace(",\"_sheet\":\"S\"", "");
    records(texts(rows), &sheets).into_iter().map(strip).collect()
}

#[test]
fn a_table_begins_where_its_header_is() {
    let rows: &[&[&str]] = &[&["Report"], &[], &["a", "b"], &["1", "2"], &[], &["3", "4"]];
    assert_eq!(
        of(rows, Sheets::new().header(SheetHeader::Row(3))),
        [r#"{"a":"1","b":"2","_row":4}"#, r#"{"a":"3","b":"4","_row":6}"#]
    );
    assert_eq!(of(&rows[1..], Sheets::new())[1], r#"{"a":"3","b":"4","_row":5}"#);
    assert_eq!(of(&rows[3..4], Sheets::new().header(SheetHeader::None)), [r#"{"A":"1","B":"2","_row":1}"#]);
    let empty = Sheets::new().header(SheetHeader::Row(2));
    assert_eq!(of(&rows[..4], empty)[0], r#"{"column_1":"a","column_2":"b","_row":3}"#);
}

#[test]
fn columns_have_names_of_their_own_also_beyond_the_header() {
    let rows: &[&[&str]] = &[&["a", "", "a", "_row"], &["1", "2", "3", "4", "5"], &["6"]];
    assert_eq!(
        of(rows, Sheets::new()),
        [
            r#"{"a":"1","column_2":"2","a_2":"3","_row_2":"4","column_5":"5","_row":2}"#,
            r#"{"a":"6","column_2":null,"a_2":null,"_row_2":null,"column_5":null,"_row":3}"#
        ]
    );
}

#[test]
fn what_is_below_a_table_is_no_record_where_it_is_said() {
    let rows: &[&[&str]] = &[&["a"], &["1"], &["2"], &["Total"], &[], &["checked by Ada"]];
    let all = |sheets| of(rows, sheets).len();
    assert_eq!(all(Sheets::new()), 4);
    assert_eq!(all(Sheets::new().ends_at_blank(true)), 3);
    assert_eq!(of(rows, Sheets::new().ends_at_blank(true).footer(1))[1], r#"{"a":"2","_row":3}"#);
    assert_eq!(all(Sheets::new().footer(9)), 0);
}

#[test]
fn sheets_are_chosen_by_name_pattern_and_whether_they_are_shown() {
    let mut book = Workbook::new();
    for (name, hidden) in [("Sales 1", false), ("Sales 2", false), ("Notes", false), ("Sales 3", true)] {
        let sheet = book.add_worksheet().set_name(name).unwrap().set_hidden(hidden);
        sheet.write_string(0, 0, "a").unwrap();
        sheet.write_string(1, 0, name).unwrap();
    }
    let bytes = book.save_to_buffer().unwrap();
    let of = |sheets| -> Vec<String> {
        let name =
            |record: String| serde_json::from_str::<Value>(&record).map(|record| record["a"].to_string());
        records(bytes.clone(), &sheets).into_iter().map(|r| name(r.clone()).unwrap_or(r)).collect()
    };
    assert_eq!(of(Sheets::new()), ["\"Sales 1\"", "\"Sales 2\"", "\"Notes\""]);
    assert_eq!(of(Sheets::new().named("Sales ?")), ["\"Sales 1\"", "\"Sales 2\""]);
    assert_eq!(of(Sheets::new().named("Sales *").hidden(true)).len(), 3);
    assert_eq!(of(Sheets::new().named("Notes").named("Sales 2")), ["\"Sales 2\"", "\"Notes\""]);
    let missing = of(Sheets::new().named("Costs"));
    assert!(missing[0].starts_with("!sheet: there is no sheet \"Costs\", only [\"Sales 1\""), "{missing:?}");
}

#[test]
fn merged_cells_have_their_value_once_or_everywhere() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet().set_name("S").unwrap();
    for (column, name) in ["region", "month", "b", "c"].iter().enumerate() {
        sheet.write_string(0, column as u16, *name).unwrap();
    }
    let plain = Shown::new();
    sheet.merge_range(1, 0, 3, 0, "North", &plain).unwrap();
    sheet.merge_range(2, 2, 2, 3, "both", &plain).unwrap();
    for (row, month) in ["Jan", "Feb", "Mar", "Apr"].iter().enumerate() {
        sheet.write_string(row as u32 + 1, 1, *month).unwrap();
    }
    let bytes = book.save_to_buffer().unwrap();
    let of = |fill| -> Vec<String> {
        let strip = |record: String| record.replace(",\"_sheet\":\"S\"", "");
        records(bytes.clone(), &Sheets::new().fill_merged(fill)).into_iter().map(strip).collect()
    };
    assert_eq!(of(false)[1], r#"{"region":null,"month":"Feb","b":"both","c":null,"_row":3}"#);
    assert_eq!(
        of(true),
        [
            r#"{"region":"North","month":"Jan","b":null,"c":null,"_row":2}"#,
            r#"{"region":"North","month":"Feb","b":"both","c":"both","_row":3}"#,
            r#"{"region":"North","month":"Mar","b":null,"c":null,"_row":4}"#,
            r#"{"region":null,"month":"Apr","b":null,"c":null,"_row":5}"#
        ]
    );
}

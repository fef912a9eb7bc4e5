use super::*;

const STYLES: &str = r#"<office:automatic-styles>
<number:date-style style:name="N1"><number:day/><number:text>.</number:text><number:month/><number:year/></number:date-style>
<number:date-style style:name="N2"><number:day/><number:month/><number:year/><number:hours/><number:minutes/></number:date-style>
<number:time-style style:name="N3" number:truncate-on-overflow="false"><number:hours/><number:minutes/></number:time-style>
<number:time-style style:name="N4"><number:hours/><number:minutes/></number:time-style>
<style:style style:name="day" style:family="table-cell" style:data-style-name="N1"/>
<style:style style:name="moment" style:family="table-cell" style:data-style-name="N2"/>
<style:style style:name="elapsed" style:family="table-cell" style:data-style-name="N3"/>
<style:style style:name="time" style:family="table-cell" style:data-style-name="N4"/>
<style:style style:name="bold" style:family="table-cell" style:parent-style-name="moment"/>
<style:style style:name="gone" style:family="table"><style:table-properties table:display="false"/></style:style>
</office:automatic-styles>"#;

/// A spreadsheet with these tables.
fn book(tables: &str) -> Vec<u8> {
    let content = format!(
        "<?xml version=\"1.0\"?><office:document-content>{STYLES}<office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body></office:document-content>"
    );
    packed(&[
        ("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"),
        ("content.xml", content.as_bytes()),
        ("META-INF/manifest.xml", b"<manifest:manifest/>"),
    ])
}

fn cell(text: &str) -> String {
    format!("<table:table-cell office:value-type=\"string\"><text:p>{text}</text:p></table:table-cell>")
}

fn row(cells: &str) -> String {
    format!("<table:table-row>{cells}</table:table-row>")
}

fn sheet(name: &str, rows: &str) -> String {
    format!("<table:table table:name=\"{name}\">{rows}</table:table>")
}

fn head(names: &[&str]) -> String {
    row(&names.iter().map(|name| cell(name)).collect::<String>())
}

#[test]
fn each_kind_of_value_of_an_opendocument_spreadsheet_is_what_it_is() {
    let names = ["f", "p", "yes", "day", "moment", "bold", "elapsed", "time", "error", "text", "column"];
    let value = |kind: &str, value: &str, style: &str| {
        let attribute = match kind {
            "date" => "date-value",
            "time" => "time-value",
            "boolean" => "boolean-value",
            _ => "value",
        };
        format!(
            "<table:table-cell table:style-name=\"{style}\" office:value-type=\"{kind}\" office:{attribute}=\"{value}\"><text:p>shown</text:p></table:table-cell>"
        )
    };
    let cells = [
        value("float", "1200", ""),
        value("percentage", "0.25", ""),
        value("boolean", "true", ""),
        value("date", "2024-01-31", "day"),
        value("date", "2024-01-31", "moment"),
        value("date", "2024-01-31T12:00:00.500000000", "bold"),
        value("time", "PT18H00M00S", "elapsed"),
        value("time", "PT18H00M00S", "time"),
        "<table:table-cell office:value-type=\"string\" calcext:value-type=\"error\" office:string-value=\"\"><text:p>#N/A</text:p></table:table-cell>".to_owned(),
        "<table:table-cell office:value-type=\"string\"><office:annotation><text:p>note</text:p></office:annotation><text:p>a<text:s text:c=\"2\"/>b <text:span>&amp;&#233;</text:span><text:tab/>c</text:p><text:p>  line\n two</text:p></table:table-cell>".to_owned(),
        "<table:table-cell office:value-type=\"date\" office:date-value=\"2024-01-31\"/>".to_owned(),
    ];
    let columns = "<table:table-column table:number-columns-repeated=\"10\" table:default-cell-style-name=\"Default\"/><table:table-column table:number-columns-repeated=\"1014\" table:default-cell-style-name=\"moment\"/>";
    let found =
        records(book(&sheet("S", &[columns, &head(&names), &row(&cells.concat())].concat())), &Sheets::new());
    assert_eq!(
        found,
        [concat!(
            r#"{"f":1200,"p":0.25,"yes":true,"day":"2024-01-31","moment":"2024-01-31T00:00:00","#,
            r#""bold":"2024-01-31T12:00:00.500","elapsed":"PT18H","time":"18:00:00","error":null,"#,
            r#""text":"a  b &é\tc\n  line\n two","column":"2024-01-31T00:00:00","#,
            r##""_errors":{"error":"#N/A"},"_sheet":"S","_row":2}"##
        )]
    );
}

#[test]
fn rows_and_cells_that_are_repeated_are_there_as_often() {
    let twice = format!("<table:table-row table:number-rows-repeated=\"2\">{}</table:table-row>", cell("x"));
    let empty = "<table:table-row table:number-rows-repeated=\"3\"><table:table-cell table:number-columns-repeated=\"1024\"/></table:table-row>";
    let wide = row(
        "<table:table-cell office:value-type=\"float\" office:value=\"7\" table:number-columns-repeated=\"2\"/>",
    );
    let rest = "<table:table-row table:number-rows-repeated=\"1048000\"><table:table-cell table:number-columns-repeated=\"1024\"/></table:table-row>";
    let rows = format!(
        "<table:table-header-rows>{}</table:table-header-rows>{twice}{empty}{wide}{rest}",
        head(&["a", "b"])
    );
    assert_eq!(
        records(book(&sheet("S", &rows)), &Sheets::new()),
        [
            r#"{"a":"x","b":null,"_sheet":"S","_row":2}"#,
            r#"{"a":"x","b":null,"_sheet":"S","_row":3}"#,
            r#"{"a":7,"b":7,"_sheet":"S","_row":7}"#
        ]
    );
}

#[test]
fn a_small_spreadsheet_cannot_become_a_large_one() {
    let long = "x".repeat(30_000);
    let wide =
        cell(&long).replace("<table:table-cell", "<table:table-cell table:number-columns-repeated=\"16384\"");
    let rows = [head(&["a"]), row(&wide), row(&cell("ok"))].concat();
    let found = records(book(&sheet("S", &rows)), &Sheets::new());
    assert!(
        found[0].contains("row 2 cannot be read: a text of 30000 bytes is in 16384 cells"),
        "{}",
        &found[0][..200]
    );
    assert!(found[1].starts_with(r#"{"a":"ok""#));
    let several = cell(&long[..20_000])
        .replace("<table:table-cell", "<table:table-cell table:number-columns-repeated=\"54\"");
    let spaces = cell(&"<text:s text:c=\"32767\"/>".repeat(600));
    let rows = [head(&["a"]), row(&several.repeat(300)), row(&spaces), row(&cell("ok"))].concat();
    let found = records(book(&sheet("S", &rows)), &Sheets::new());
    for (n, found) in found[..2].iter().enumerate() {
        let why = format!("row {} cannot be read: it has more than 16777216 bytes", n + 2);
        let short = &found[..found.len().min(200)];
        assert!(found.contains(&why) || found.contains("in 1 cells"), "{short}");
    }
    assert!(found[2].starts_with(r#"{"a":"ok""#));
    let tall = row(&cell(&long))
        .replace("<table:table-row", "<table:table-row table:number-rows-repeated=\"1000000\"");
    let found =
        records(book(&sheet("S", &[head(&["a"]), tall].concat())), &Sheets::new().max_bytes(10 << 20));
    assert!(found.last().unwrap().starts_with("!too-large"));
    assert!(found.len() < 400);
}

#[test]
fn merged_hidden_and_foreign_sheets_are_known() {
    let merged = row(&[
        cell("North").replace(
            "<table:table-cell",
            "<table:table-cell table:number-rows-spanned=\"2\" table:number-columns-spanned=\"1\"",
        ),
        cell("Jan"),
    ]
    .concat());
    let covered = row(&format!("<table:covered-table-cell/>{}", cell("Feb")));
    let shown = sheet("S", &[head(&["region", "month"]), merged, covered].concat());
    let hidden = sheet("H", &[head(&["a"]), row(&cell("1"))].concat())
        .replace("table:name", "table:style-name=\"gone\" table:name");
    let foreign = sheet("'file:///other.ods'#$S", &row(&cell("cached")));
    let bytes = book(&[shown, hidden, foreign].concat());
    assert_eq!(
        records(bytes.clone(), &Sheets::new().fill_merged(true)),
        [
            r#"{"region":"North","month":"Jan","_sheet":"S","_row":2}"#,
            r#"{"region":"North","month":"Feb","_sheet":"S","_row":3}"#
        ]
    );
    assert_eq!(
        records(bytes.clone(), &Sheets::new())[1],
        r#"{"region":null,"month":"Feb","_sheet":"S","_row":3}"#
    );
    assert_eq!(
        records(bytes, &Sheets::new().named("H").hidden(true)),
        [r#"{"a":"1","_sheet":"H","_row":2}"#]
    );
}

#[test]
fn a_spreadsheet_that_is_damaged_or_encrypted_says_so() {
    let bad = row("<table:table-cell office:value-type=\"float\" office:value=\"many\"/>");
    let rows = [head(&["a"]), row(&cell("1")), bad, row(&cell("2"))].concat();
    let found = records(book(&sheet("S", &rows)), &Sheets::new());
    assert_eq!(found[1], "!row: the sheet \"S\", row 3: the row 3 cannot be read: \"many\" is no number");
    assert_eq!(found.len(), 3);
    let cut = changed(&book(&sheet("S", &rows)), "content.xml", |text| {
        text[..text.find("many").unwrap()].to_owned()
    });
    assert!(records(cut, &Sheets::new())[0].starts_with("!workbook: the workbook cannot be read"));
    let locked = changed(&book(&sheet("S", &rows)), "META-INF/manifest.xml", |_| {
        "<manifest:manifest><manifest:file-entry><manifest:encryption-data/></manifest:file-entry></manifest:manifest>".into()
    });
    assert_eq!(records(locked, &Sheets::new()), ["!encrypted: the workbook has a password"]);
}

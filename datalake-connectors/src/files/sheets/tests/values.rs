use super::*;

#[test]
fn each_kind_of_value_is_what_it_is_in_the_workbook() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet().set_name("S").unwrap();
    let shown = |code: &str| Shown::new().set_num_format(code);
    let mut column = 0;
    let mut head = |sheet: &mut rust_xlsxwriter::Worksheet, name: &str| {
        sheet.write_string(0, column, name).unwrap();
        column += 1;
        column - 1
    };
    for (name, number, code) in [
        ("integer", 1200.0, "General"),
        ("fraction", 0.1, "0"),
        ("percent", 0.25, "0.00%"),
        ("money", 1234.5, "[$€-2] #,##0.00"),
        ("day", 45_292.0, "dd/mm/yyyy"),
        ("moment", 45_292.524_259_259_26, "yyyy-mm-dd hh:mm:ss"),
        ("midnight", 45_292.0, "m/d/yy h:mm"),
        ("time", 0.75, "h:mm AM/PM"),
        ("elapsed", 1.0625, "[h]:mm:ss"),
    ] {
        let at = head(sheet, name);
        sheet.write_number_with_format(1, at, number, &shown(code)).unwrap();
    }
    let at = head(sheet, "text");
    sheet.write_string(1, at, "007").unwrap();
    let at = head(sheet, "yes");
    sheet.write_boolean(1, at, true).unwrap();
    let at = head(sheet, "formula");
    sheet.write_formula(1, at, Formula::new("=1+1").set_result("2")).unwrap();
    let at = head(sheet, "missing");
    sheet.write_formula(1, at, Formula::new("=NA()").set_result("#N/A")).unwrap();
    head(sheet, "empty");
    let bytes = book.save_to_buffer().unwrap();
    assert_eq!(
        records(bytes, &Sheets::new()),
        [concat!(
            r#"{"integer":1200,"fraction":0.1,"percent":0.25,"money":1234.5,"day":"2024-01-01","#,
            r#""moment":"2024-01-01T12:34:56","midnight":"2024-01-01T00:00:00","time":"18:00:00","elapsed":"PT25H30M","#,
            r##""text":"007","yes":true,"formula":2,"missing":null,"empty":null,"_errors":{"missing":"#N/A"},"##,
            r#""_sheet":"S","_row":2}"#
        )]
    );
}

#[test]
fn a_workbook_that_counts_from_1904_says_so_anywhere_among_its_properties() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet().set_name("S").unwrap();
    sheet.write_string(0, 0, "day").unwrap();
    sheet.write_number_with_format(1, 0, 43_830.0, &Shown::new().set_num_format("yyyy-mm-dd")).unwrap();
    let bytes = book.save_to_buffer().unwrap();
    let of = |bytes: &[u8]| records(bytes.to_vec(), &Sheets::new());
    assert_eq!(of(&bytes), [r#"{"day":"2019-12-31","_sheet":"S","_row":2}"#]);
    let counted = changed(&bytes, "xl/workbook.xml", |text| {
        text.replace("<workbookPr ", "<workbookPr date1904=\"1\" ").replace(
            "</workbook>",
            "<x15:workbookPr xmlns:x15=\"http://schemas.microsoft.com/office/spreadsheetml/2010/11/main\" chartTrackingRefBase=\"1\"/></workbook>",
        )
    });
    assert_eq!(of(&counted), [r#"{"day":"2024-01-01","_sheet":"S","_row":2}"#]);
}

#[test]
fn text_keeps_its_spaces_lines_and_signs() {
    let text = "  Müller & Söhne\n\"A\" <b>\t€ 😀 ";
    let bytes = texts(&[&["t"], &[text]]);
    let record: Value = serde_json::from_str(&records(bytes, &Sheets::new())[0]).unwrap();
    assert_eq!(record["t"], text);
}

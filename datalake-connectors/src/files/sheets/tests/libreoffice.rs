//! Workbooks of several writers, against what LibreOffice exports of them as CSV. `DATALAKE_SOFFICE` names its program,
//! `DATALAKE_PYTHON_AWS` a Python with openpyxl, XlsxWriter and odfpy.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use rust_xlsxwriter::ExcelDateTime;
use tempfile::TempDir;

use super::*;

const PROGRAM: &str = "DATALAKE_SOFFICE";
const PYTHON: &str = "DATALAKE_PYTHON_AWS";

/// Everything but what is hidden by a format: cells as they are put in, all sheets, each to a file of its own.
const CSV: &str = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,true,false,false,false,false,-1";

/// LibreOffice with a profile of its own.
struct Office {
    program: PathBuf,
    profile: TempDir,
}

impl Office {
    fn find() -> Option<Self> {
        let Some(program) = std::env::var_os(PROGRAM) else {
            let line = format!(
                "left out: LibreOffice's view of workbooks, since {PROGRAM} is not set; `cargo xtask test` sets it\n"
            );
            std::io::stderr().write_all(line.as_bytes()).unwrap();
            return None;
        };
        Some(Self { program: program.into(), profile: TempDir::new().unwrap() })
    }

    /// Converts files into a folder.
    fn convert(&self, to: &str, files: &[PathBuf], folder: &Path) {
        let profile = format!("-env:UserInstallation=file://{}", self.profile.path().display());
        let mut office = Command::new("timeout");
        office.args(["--kill-after=5", "180"]).arg(&self.program).arg(profile);
        office.args(["--headless", "--norestore", "--convert-to", to, "--outdir"]).arg(folder).args(files);
        let output = office.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}

/// A workbook of a writer in Rust.
fn with_rust(path: &Path) {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet().set_name("Data").unwrap();
    let shown = |code: &str| Shown::new().set_num_format(code);
    for (row, number) in [1.0, -2.5, 0.1 + 0.2, 1e15, 123_456_789.123, 1e-7].into_iter().enumerate() {
        sheet.write_number(row as u32, 0, number).unwrap();
        sheet.write_number_with_format(row as u32, 1, number, &shown("#,##0.00 $")).unwrap();
    }
    let moment = ExcelDateTime::from_ymd(2024, 2, 29).unwrap().and_hms(6, 7, 8).unwrap();
    for (row, code) in ["yyyy-mm-dd", "d. mmmm yyyy hh:mm", "m/d/yy h:mm AM/PM"].into_iter().enumerate() {
        sheet.write_datetime_with_format(row as u32, 3, &moment, &shown(code)).unwrap();
    }
    sheet.write_number_with_format(3, 3, 60.0, &shown("#,##0")).unwrap();
    sheet.write_number_with_format(4, 3, 0.1, &shown("mm:ss.0")).unwrap();
    sheet.merge_range(0, 5, 2, 6, "merged", &Shown::new()).unwrap();
    sheet.write_boolean(4, 5, false).unwrap();
    sheet.write_string(5, 5, "12").unwrap();
    book.save(path).unwrap();
}

#[test]
fn workbooks_of_other_programs_hold_what_libreoffice_exports_of_them() {
    let Some(office) = Office::find() else { return };
    let folder = TempDir::new().unwrap();
    let first = folder.path().join("first");
    std::fs::create_dir(&first).unwrap();
    with_rust(&first.join("rust.xlsx"));
    let mut expected = 1;
    if let Some(python) = std::env::var_os(PYTHON) {
        let status =
            Command::new(python).args(["-c", include_str!("write.py")]).arg(&first).status().unwrap();
        assert!(status.success(), "python: {status}");
        expected += 5;
    }
    let given = files(&first);
    assert_eq!(given.len(), expected);
    let mut cells = 0;
    let mut groups = vec![given.clone()];
    for (kind, name) in [("ods", "ods"), ("xls:MS Excel 97", "xls"), ("xlsx:Calc MS Excel 2007 XML", "xlsx")]
    {
        let folder = folder.path().join(name);
        office.convert(kind, &given, &folder);
        let made = files(&folder);
        assert_eq!(made.len(), given.len());
        groups.push(made);
    }
    for group in groups {
        let folder = group[0].with_file_name("csv");
        office.convert(CSV, &group, &folder);
        for path in group {
            let raw = path.parent() == Some(&first);
            let uncalculated = raw && path.file_stem().unwrap().to_string_lossy().starts_with("openpyxl");
            cells += compare(&path, &folder, uncalculated);
        }
    }
    assert!(cells > 40 * expected, "{cells} cells");
}

/// Compares all cells of all sheets, and counts those with something in them.
fn compare(path: &Path, folder: &Path, uncalculated: bool) -> usize {
    let settings = Sheets::new().header(SheetHeader::None).hidden(true);
    let mut sheets: BTreeMap<String, BTreeMap<(u64, String), Value>> = BTreeMap::new();
    for record in records(std::fs::read(path).unwrap(), &settings) {
        let mut record: Value =
            serde_json::from_str(&record).unwrap_or_else(|_| panic!("{path:?}: {record}"));
        let (sheet, row) = (record["_sheet"].as_str().unwrap().to_owned(), record["_row"].as_u64().unwrap());
        let errors = record.as_object_mut().unwrap().remove("_errors");
        let cells = sheets.entry(sheet).or_default();
        for (column, value) in record.as_object().unwrap() {
            let value = match errors.as_ref().and_then(|errors| errors.get(column)) {
                Some(error) => error.clone(),
                None => value.clone(),
            };
            if !value.is_null() && !column.starts_with('_') {
                cells.insert((row, column.clone()), value);
            }
        }
    }
    let stem = path.file_stem().unwrap().to_string_lossy();
    let mut compared = 0;
    for (sheet, mut cells) in sheets {
        let file = folder.join(format!("{stem}-{sheet}.csv"));
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).from_path(&file).unwrap();
        let mut row = 0;
        let mut lines = csv::StringRecord::new();
        while reader.read_record(&mut lines).unwrap() {
            row += 1;
            for (column, text) in lines.iter().enumerate() {
                let column = table::letters(column as u32);
                let ours = cells.remove(&(row, column.clone()));
                let place = format!("{} {sheet}!{column}{row}", path.display());
                match ours {
                    None if uncalculated && matches!(&*column, "K" | "L") => {}
                    None => assert_eq!(text, "", "{place} is nothing"),
                    Some(value) => {
                        assert!(same(&value, text), "{place} is {value}, and {text:?} in the export");
                        compared += 1;
                    }
                }
            }
        }
        assert!(cells.is_empty(), "{path:?} {sheet}: {cells:?} are not in the export");
    }
    compared
}

/// Whether a value is what the export shows.
fn same(value: &Value, text: &str) -> bool {
    match value {
        Value::Bool(value) => {
            text == if *value { "TRUE" } else { "FALSE" } || text == if *value { "1" } else { "0" }
        }
        Value::Number(number) => {
            let number = number.as_f64().unwrap();
            let shown = match text.strip_suffix('%') {
                Some(percent) => percent.parse::<f64>().map(|percent| percent / 100.0),
                None => text.parse(),
            };
            // The export has fifteen digits.
            shown.is_ok_and(|shown| (shown - number).abs() <= number.abs() * 1e-14)
        }
        Value::String(ours) => {
            let time = ours.replace('T', " ");
            ours == text
                || time == text
                || format!("{ours} 00:00:00") == text
                || american(ours).is_some_and(|shown| text.starts_with(&shown))
                || clock(ours).is_some_and(|clock| clock == text)
        }
        _ => false,
    }
}

/// A date or a moment as the export shows it where its format is not that of ISO: month, day and year.
fn american(ours: &str) -> Option<String> {
    let (day, time) = ours.split_once('T').unwrap_or((ours, ""));
    let [year, month, day] = day.split('-').collect::<Vec<_>>().try_into().ok()?;
    Some(format!("{month}/{day}/{year} {time}").trim_end().to_owned())
}

/// A time or a length of time as the export shows it: with noon and midnight, or beyond a day in hours.
fn clock(ours: &str) -> Option<String> {
    let number = |text: &str| text.parse::<u64>().ok();
    let (hours, minutes, seconds) = match ours.strip_prefix("PT") {
        Some(mut rest) => {
            let mut parts = [0; 3];
            for (part, unit) in parts.iter_mut().zip(['H', 'M', 'S']) {
                if let Some((digits, more)) = rest.split_once(unit) {
                    (*part, rest) = (number(digits)?, more);
                }
            }
            (parts[0], parts[1], parts[2])
        }
        None => {
            let mut parts = ours.get(..8)?.split(':').map(number);
            (parts.next()??, parts.next()??, parts.next()??)
        }
    };
    if hours >= 24 {
        return Some(format!("{hours}:{minutes:02}:{seconds:02}"));
    }
    let half = if hours < 12 { "AM" } else { "PM" };
    Some(format!("{:02}:{minutes:02}:{seconds:02} {half}", (hours + 11) % 12 + 1))
}

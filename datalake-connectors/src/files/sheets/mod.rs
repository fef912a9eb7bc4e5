//! Workbooks: XLSX, XLSM, XLSB, XLS and ODS.
//!
//! The workbook is the document, and a row of a table on one of its sheets is a record: a JSON object under the names of
//! the header, with `_sheet` and `_row`, the number of the row as the program shows it.
//!
//! ```
//! use datalake_connectors::files::{FilesSource, Sheets};
//!
//! let reports = FilesSource::builder("reports".parse()?, "/var/reports")
//!     .sheets(Sheets::new().named("Sales *"))
//!     .build()?;
//! # Ok::<(), datalake_core::Error>(())
//! ```
//!
//! | in the cell | in the record |
//! |---|---|
//! | a number, a percentage, an amount of money | a number, the shortest that reads as the same: `0.25` for 25 % |
//! | text, also text that looks like a number | text |
//! | a date; a date with a time | `"2026-11-26"`; `"2026-11-26T09:30:00"`, to the millisecond, without an offset: a workbook knows none |
//! | a time of day; a length of time, as `[h]:mm` shows it | `"09:30:00"`; `"PT25H30M"` |
//! | a formula | its value when the workbook was saved; `null` if the program that wrote it did not calculate |
//! | an error, as `#N/A` | `null`, and under the column's name in `_errors` what is shown |
//! | nothing | `null`; a row with nothing in it is no record |
//!
//! What a date is, is said by its number format. Of XLS and XLSB only is known that it is a date or time: there one
//! without a time is a date, and one without a day is a time. A date that a format shows only in part is whole in the
//! record. A number that is no date, as `60` in the count from 1900, stays a number.
//!
//! A column without a name is called `column_` and its number, and a name that was there before gets `_2`, `_3` and so
//! on. Cells of merged ones are empty but the first, unless [`fill_merged`](Sheets::fill_merged) says otherwise.
//!
//! **Bad input.** A workbook that is damaged, cut off, encrypted or no workbook goes to quarantine as a whole, and so
//! does one that unpacks to more than [`max_bytes`](Sheets::max_bytes). A row with a cell that cannot be read goes to quarantine
//! alone, with its sheet and number, as does one that comes to more than 16 MiB; if a sheet breaks off, what was read of it stays, and one record in quarantine says from
//! where the rest is missing.
//!
//! **Memory.** A workbook is read while all of it is in memory, and so are its records. Sheets of XLSX, XLSB and ODS are
//! gone through row by row: beyond the file there are its shared strings (XLSX, XLSB) or its unpacked content (ODS). XLS, which has at
//! most 65,536 rows of 256 columns, is taken in whole: up to half a gigabyte for a sheet that is full to its last cell, and
//! beyond that a copy of its text for each cell.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use datalake_core::split::{Decoder, Piece};
use datalake_core::{Cut, Document, Format};
use serde_json::Value;

mod archive;
mod book;
mod kind;
mod ods;
mod serial;
mod settings;
mod table;
#[cfg(test)]
mod tests;
mod value;
mod xlsx;

use book::Book;
pub use settings::{SheetHeader, Sheets};
use table::{Made, Table};

use super::out::Out;

/// Why a workbook or a part of it cannot be read.
#[derive(Debug)]
pub(super) struct Fault {
    reason: &'static str,
    message: String,
}

impl Fault {
    fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

/// The name of the decoder.
const NAME: &str = "files.sheets";

/// Makes records of workbooks, see the [module](self).
///
/// [`FilesSource`](crate::files::FilesSource) brings it along. Another source that gives workbooks gives them in the
/// [format](Sheets::format) and is joined to it by [`decoder`](datalake_core::pipeline::PipelineBuilder::decoder).
#[derive(Debug, Clone, Copy, Default)]
pub struct SheetsDecoder;

impl Sheets {
    /// The format of a document that is a workbook.
    #[must_use]
    pub fn format(&self) -> Format {
        // Nothing in it can fail to be JSON.
        let settings = serde_json::to_value(self).unwrap_or_default();
        Format::Decoded { decoder: NAME.to_owned(), settings, cut: Cut::Whole }
    }
}

impl Decoder for SheetsDecoder {
    fn name(&self) -> &str {
        NAME
    }

    fn decode(&self, document: &Document, settings: &Value, piece: &mut dyn FnMut(Piece)) {
        let mut out = Out::new(document, piece);
        let sheets = match serde_json::from_value::<Sheets>(settings.clone()) {
            Ok(sheets) => sheets,
            Err(error) => {
                return out
                    .refuse("settings", format!("the settings of the workbook are not understood: {error}"));
            }
        };
        out.left = sheets.bytes();
        // The libraries index into what they read, and some damage makes them panic.
        let read = catch_unwind(AssertUnwindSafe(|| read(document.bytes(), &sheets, &mut out)));
        match read {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => out.refuse(fault.reason, fault.message),
            Err(_) => out.refuse("workbook", "the workbook, or what follows in it, is damaged"),
        }
    }
}

fn read(bytes: &Bytes, settings: &Sheets, out: &mut Out<'_>) -> Result<(), Fault> {
    let mut book = Book::open(bytes, settings.bytes())?;
    let sheets = book.sheets();
    if sheets.is_empty() {
        return Err(Fault::new("workbook", "there is no sheet in the workbook"));
    }
    if let Some(name) = settings.missing(|name| sheets.iter().any(|sheet| sheet.name == name)) {
        let names: Vec<&str> = sheets.iter().map(|sheet| sheet.name.as_str()).collect();
        return Err(Fault::new("sheet", format!("there is no sheet {name:?}, only {names:?}")));
    }
    for sheet in sheets.iter().filter(|sheet| settings.takes(&sheet.name, sheet.hidden)) {
        match catch_unwind(AssertUnwindSafe(|| table(&mut book, &sheet.name, settings, out))) {
            Ok(true) => {}
            Ok(false) => {
                let message =
                    format!("the records of the workbook have more than {} bytes", settings.bytes());
                return Err(Fault::new(
                    "too-large",
                    format!("{message}; from sheet {:?} on they are missing", sheet.name),
                ));
            }
            Err(_) => out.refuse(
                "sheet",
                format!("the sheet {:?} is damaged, and the rest of it is missing", sheet.name),
            ),
        }
    }
    Ok(())
}

/// Reads the table on a sheet. Whether there was room for all of it.
fn table(book: &mut Book, sheet: &str, settings: &Sheets, out: &mut Out<'_>) -> bool {
    let merged = if settings.fills() { book.merged(sheet) } else { Ok(Vec::new()) };
    let merged = match merged {
        Ok(merged) => merged,
        Err(fault) => {
            out.refuse(fault.reason, format!("the sheet {sheet:?}: {}", fault.message));
            return true;
        }
    };
    let mut table = Table::new(sheet, settings, merged);
    let (mut last, mut room) = (0, true);
    let read = catch_unwind(AssertUnwindSafe(|| {
        book.rows(sheet, &mut |row| {
            last = row.number + 1;
            match table.row(row) {
                None => false,
                Some(None) => true,
                Some(Some(made)) => {
                    room = give(sheet, made, out);
                    room
                }
            }
        })
    }));
    let fault = match read {
        Ok(Ok(())) => return room,
        Ok(Err(fault)) => {
            let message = format!("the sheet {sheet:?} after row {last}: {}", fault.message);
            Fault::new(fault.reason, message)
        }
        Err(_) => {
            let message = format!("the sheet {sheet:?} is damaged, and what follows row {last} is missing");
            Fault::new("sheet", message)
        }
    };
    // Without the end of the sheet nobody knows its footer.
    let room = room && table.held().into_iter().all(|made| give(sheet, made, out));
    out.refuse(fault.reason, fault.message);
    room
}

/// Gives a row as a record, or says why it is none. Whether there was room for it.
fn give(sheet: &str, (row, made): Made, out: &mut Out<'_>) -> bool {
    match made {
        Ok(body) => out.give(body),
        Err(why) => {
            out.refuse("row", format!("the sheet {sheet:?}, row {row}: {why}"));
            true
        }
    }
}

//! An open workbook, of whatever kind.

use std::io::{Cursor, Read};

use bytes::Bytes;
use calamine::{CellErrorType, Data, DataRef, ExcelDateTime, Reader, SheetType, SheetVisible};
use calamine::{Xls, Xlsb, Xlsx};

use super::kind::Kind;
use super::ods::Ods;
use super::serial::{self, Epoch};
use super::value::Value;
use super::{Fault, archive, xlsx};

type Input = Cursor<Bytes>;

/// The most columns of a sheet.
pub(super) const COLUMNS: u32 = 16_384;
/// A row may come to so many bytes in memory: what a small workbook shares or repeats is copied into each cell.
pub(super) const ROW: usize = 16 << 20;

/// A row that has something in it.
#[derive(Debug, Default)]
pub(super) struct Row {
    /// From 0.
    pub(super) number: u32,
    /// What is in the columns, from 0 and in order.
    pub(super) cells: Vec<(u32, Value)>,
    /// What cannot be read of it.
    pub(super) broken: Option<String>,
}

/// What is wrong with a row that comes to more than [`ROW`].
pub(super) fn too_long() -> String {
    format!("it has more than {ROW} bytes")
}

/// What one makes of a row; `false` for enough.
pub(super) type Each<'a> = &'a mut dyn FnMut(Row) -> bool;

/// A sheet that can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sheet {
    pub(super) name: String,
    pub(super) hidden: bool,
}

/// Cells that are shown as one: the first and the last row, the first and the last column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Merged {
    pub(super) rows: (u32, u32),
    pub(super) columns: (u32, u32),
}

/// Whether the formulas of a workbook can be gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Formulas {
    Sane,
    /// One is shared under a number so high that a place for each number below it would not fit into memory.
    Absurd,
}

/// An open workbook.
pub(super) enum Book {
    Xlsx(Box<Xlsx<Input>>, Formulas),
    Xlsb(Box<Xlsb<Input>>),
    Xls(Box<Xls<Input>>),
    Ods(Box<Ods>),
}

impl Book {
    /// Opens a workbook by what is in it, whatever it is called.
    pub(super) fn open(bytes: &Bytes, max: u64) -> Result<Self, Fault> {
        let input = Cursor::new(bytes.clone());
        match bytes.get(..8) {
            Some(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") => {
                // A password makes a compound file of every kind.
                if is_encrypted(bytes) {
                    return Err(Fault::new("encrypted", "the workbook has a password"));
                }
                Ok(Self::Xls(Box::new(Xls::new(input).map_err(broken)?)))
            }
            Some(head) if head.starts_with(b"PK\x03\x04") => {
                let archive::Checked { names, formulas } = archive::check(bytes, max)?;
                let has = |name: &str| names.iter().any(|other| other.replace('\\', "/") == name);
                if has("xl/workbook.bin") {
                    Ok(Self::Xlsb(Box::new(Xlsb::new(input).map_err(broken)?)))
                } else if has("content.xml") {
                    Ok(Self::Ods(Box::new(Ods::open(bytes)?)))
                } else {
                    archive::check_strings(bytes, &names)?;
                    Ok(Self::Xlsx(Box::new(Xlsx::new(input).map_err(broken)?), formulas))
                }
            }
            _ => Err(Fault::new("workbook", "these bytes are no workbook, or only the beginning of one")),
        }
    }

    pub(super) fn sheets(&self) -> Vec<Sheet> {
        let found = match self {
            Self::Xlsx(book, _) => book.sheets_metadata(),
            Self::Xlsb(book) => book.sheets_metadata(),
            Self::Xls(book) => book.sheets_metadata(),
            Self::Ods(book) => return book.sheets(),
        };
        let tables = found.iter().filter(|sheet| sheet.typ == SheetType::WorkSheet);
        let of = |sheet: &calamine::Sheet| Sheet {
            name: sheet.name.clone(),
            hidden: sheet.visible != SheetVisible::Visible,
        };
        tables.map(of).collect()
    }

    /// The merged cells of a sheet.
    pub(super) fn merged(&mut self, name: &str) -> Result<Vec<Merged>, Fault> {
        let found = match self {
            Self::Xlsx(book, _) => book.merge_cells_by_sheet_name(name).map_err(broken)?,
            Self::Xls(book) => book.merge_cells_by_sheet_name(name).map_err(broken)?,
            Self::Xlsb(_) => return Ok(Vec::new()),
            Self::Ods(book) => return book.merged(name),
        };
        let of = |found: calamine::Dimensions| Merged {
            rows: (found.start.0, found.end.0),
            columns: (found.start.1, found.end.1),
        };
        Ok(found.into_iter().map(of).collect())
    }

    /// Goes through the rows of a sheet that have something in them. An error is of all rows that have not been given.
    pub(super) fn rows(&mut self, name: &str, each: Each<'_>) -> Result<(), Fault> {
        match self {
            Self::Xlsx(book, formulas) => xlsx::rows(book, *formulas, name, each),
            Self::Ods(book) => book.rows(name, each),
            Self::Xlsb(book) => {
                let epoch = epoch(book.has_1904_epoch());
                let mut cells = book.worksheet_cells_reader(name).map_err(broken)?;
                let mut rows = Rows::new(each);
                while let Some(cell) = cells.next_cell().map_err(broken)? {
                    if !rows.cell(cell.get_position(), shared(cell.get_value(), Kind::Unknown, epoch)) {
                        return Ok(());
                    }
                }
                rows.end();
                Ok(())
            }
            Self::Xls(book) => {
                let epoch = epoch(book.has_1904_epoch());
                let range = book.worksheet_range(name).map_err(broken)?;
                let (row, column) = range.start().unwrap_or_default();
                let mut rows = Rows::new(each);
                for (r, c, value) in range.used_cells() {
                    let place = (row + r as u32, column + c as u32);
                    if !rows.cell(place, owned(value, Kind::Unknown, epoch)) {
                        return Ok(());
                    }
                }
                rows.end();
                Ok(())
            }
        }
    }
}

/// Whether a compound file holds an encrypted package.
fn is_encrypted(bytes: &[u8]) -> bool {
    let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    memchr::memmem::find(bytes, &name).is_some()
}

pub(super) fn epoch(is_1904: bool) -> Epoch {
    if is_1904 { Epoch::Y1904 } else { Epoch::Y1900 }
}

/// Puts cells into rows.
pub(super) struct Rows<'a> {
    row: Row,
    bytes: usize,
    each: Each<'a>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(each: Each<'a>) -> Self {
        Self { row: Row::default(), bytes: 0, each }
    }

    /// Takes the next cell. Whether more are wanted.
    pub(super) fn cell(&mut self, place: (u32, u32), value: Value) -> bool {
        if !self.at(place.0) {
            return false;
        }
        if value == Value::Empty || place.1 >= COLUMNS || self.bytes > ROW {
            return true;
        }
        self.bytes += value.bytes();
        if self.bytes > ROW {
            self.row.cells = Vec::new();
            self.row.broken.get_or_insert_with(too_long);
        } else {
            self.row.cells.push((place.1, value));
        }
        true
    }

    /// Takes a cell that cannot be read. Whether more are wanted.
    pub(super) fn broken(&mut self, row: u32, why: String) -> bool {
        let more = self.at(row);
        self.row.broken.get_or_insert(why);
        more
    }

    pub(super) fn end(mut self) {
        self.give();
    }

    fn at(&mut self, row: u32) -> bool {
        let more = row == self.row.number || self.give();
        self.row.number = row;
        more
    }

    fn give(&mut self) -> bool {
        let mut row = std::mem::take(&mut self.row);
        self.bytes = 0;
        if row.cells.is_empty() && row.broken.is_none() {
            return true;
        }
        row.cells.sort_by_key(|(column, _)| *column);
        (self.each)(row)
    }
}

/// What a library found wrong.
pub(super) fn broken(error: impl std::fmt::Display) -> Fault {
    let text = error.to_string();
    let reason = if text.contains("password") { "encrypted" } else { "workbook" };
    Fault::new(reason, format!("the workbook cannot be read: {text}"))
}

/// What is in a cell, with what its number format says.
pub(super) fn shared(value: &DataRef<'_>, kind: Kind, epoch: Epoch) -> Value {
    match value {
        DataRef::SharedString(text) => text_of(text),
        DataRef::String(text) => text_of(text),
        DataRef::Int(number) => Value::Number(*number as f64),
        DataRef::Float(number) => Value::Number(*number),
        DataRef::Bool(value) => Value::Bool(*value),
        DataRef::DateTime(serial) => moment(*serial, kind, epoch),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => Value::Time(text.clone()),
        DataRef::Error(error) => Value::Fault(fault(error)),
        DataRef::Empty => Value::Empty,
    }
}

fn owned(value: &Data, kind: Kind, epoch: Epoch) -> Value {
    match value {
        Data::String(text) => text_of(text),
        Data::Int(number) => Value::Number(*number as f64),
        Data::Float(number) => Value::Number(*number),
        Data::Bool(value) => Value::Bool(*value),
        Data::DateTime(serial) => moment(*serial, kind, epoch),
        Data::DateTimeIso(text) | Data::DurationIso(text) => Value::Time(text.clone()),
        Data::Error(error) => Value::Fault(fault(error)),
        Data::Empty => Value::Empty,
    }
}

fn text_of(text: &str) -> Value {
    if text.is_empty() { Value::Empty } else { Value::Text(text.to_owned()) }
}

fn moment(serial: ExcelDateTime, kind: Kind, epoch: Epoch) -> Value {
    let kind = if serial.is_duration() { Kind::Duration } else { kind };
    serial::value(serial.as_f64(), kind, epoch)
}

fn fault(error: &CellErrorType) -> String {
    match error {
        CellErrorType::GettingData => "#GETTING_DATA".to_owned(),
        other => other.to_string(),
    }
}

/// A part of a zip archive, as text.
pub(super) fn part(bytes: &Bytes, name: &str) -> Result<Vec<u8>, Fault> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes.clone())).map_err(broken)?;
    let mut part = archive.by_name(name).map_err(broken)?;
    let mut out = Vec::new();
    part.read_to_end(&mut out).map_err(broken)?;
    Ok(out)
}

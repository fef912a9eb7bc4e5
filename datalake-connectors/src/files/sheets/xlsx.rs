//! Rows of the sheets of Excel 2007 and later.

use std::collections::HashMap;
use std::io::{Read, Seek};

use calamine::{Style, Xlsx, XlsxError};

use super::Fault;
use super::book::{Each, Formulas, Rows, broken, epoch, shared};
use super::kind::{Kind, kind};

/// Cells that cannot be read, by how many come before: where each is, and what is wrong.
type Bad = HashMap<u64, (u32, String)>;

/// Goes through the rows of a sheet.
pub(super) fn rows<R: Read + Seek>(
    book: &mut Xlsx<R>,
    formulas: Formulas,
    name: &str,
    each: Each<'_>,
) -> Result<(), Fault> {
    let mut given = 0;
    let bad = match scan(book, name, &Bad::new(), 0, &mut given, each) {
        // Where the cell is can only be told by going through the formulas.
        Err(Stop::Cell) if formulas == Formulas::Absurd => {
            return Err(Fault::new("workbook", "a cell cannot be read, and it cannot be told which"));
        }
        Err(Stop::Cell) => find(book, name)?,
        Err(Stop::Sheet(fault)) => return Err(fault),
        Ok(()) => return Ok(()),
    };
    let skip = given;
    match scan(book, name, &bad, skip, &mut given, each) {
        Err(Stop::Cell) => Err(Fault::new("workbook", "a cell cannot be read")),
        Err(Stop::Sheet(fault)) => Err(fault),
        Ok(()) => Ok(()),
    }
}

/// Why a scan stopped.
enum Stop {
    /// A cell cannot be read, and it is not known which.
    Cell,
    Sheet(Fault),
}

/// Goes through the rows, but gives none of the first `skip`. Counts those given in all.
fn scan<R: Read + Seek>(
    book: &mut Xlsx<R>,
    name: &str,
    bad: &Bad,
    skip: u64,
    given: &mut u64,
    each: Each<'_>,
) -> Result<(), Stop> {
    let epoch = epoch(book.has_1904_epoch());
    let mut cells = book.worksheet_cells_reader(name).map_err(|error| Stop::Sheet(broken(error)))?;
    let kinds: Vec<Kind> = cells.styles().iter().map(of_style).collect();
    let mut seen = 0;
    let mut counted = |row| {
        seen += 1;
        if seen <= skip {
            return true;
        }
        *given += 1;
        each(row)
    };
    let mut rows = Rows::new(&mut counted);
    for n in 0.. {
        let more = match cells.next_cell_with_style_id() {
            Ok(None) => break,
            Ok(Some((cell, style))) => {
                let kind = kinds.get(style).copied().unwrap_or(Kind::Unknown);
                rows.cell(cell.get_position(), shared(cell.get_value(), kind, epoch))
            }
            // What there is of its last row is not given.
            Err(error) if ends(&error) => return Err(Stop::Sheet(broken(error))),
            Err(_) => match bad.get(&n) {
                Some((row, why)) => rows.broken(*row, why.clone()),
                None => return Err(Stop::Cell),
            },
        };
        if !more {
            return Ok(());
        }
    }
    rows.end();
    Ok(())
}

/// Finds the cells that cannot be read, and where they are.
fn find<R: Read + Seek>(book: &mut Xlsx<R>, name: &str) -> Result<Bad, Fault> {
    let mut wrong = HashMap::new();
    let mut cells = book.worksheet_cells_reader(name).map_err(broken)?;
    for n in 0u64.. {
        match cells.next_cell_with_style_id() {
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(error) if ends(&error) => break,
            Err(error) => {
                wrong.insert(n, error.to_string());
            }
        }
    }
    drop(cells);
    let mut bad = Bad::new();
    let mut places = book.worksheet_cells_reader(name).map_err(broken)?;
    for n in 0u64.. {
        match places.next_formula() {
            Ok(Some(cell)) => {
                if let Some(why) = wrong.remove(&n) {
                    let (row, column) = cell.get_position();
                    bad.insert(
                        n,
                        (
                            row,
                            format!(
                                "the cell {}{} cannot be read: {why}",
                                super::table::letters(column),
                                row + 1
                            ),
                        ),
                    );
                }
            }
            Ok(None) | Err(_) => break,
        }
    }
    Ok(bad)
}

/// Whether nothing can be read behind an error.
fn ends(error: &XlsxError) -> bool {
    !matches!(
        error,
        XlsxError::Unexpected(_)
            | XlsxError::CellTAttribute(_)
            | XlsxError::CellError(_)
            | XlsxError::ParseFloat(_)
            | XlsxError::ParseInt(_)
            | XlsxError::Unrecognized { .. }
    )
}

fn of_style(style: &Style) -> Kind {
    style.number_format.as_ref().map_or(Kind::Unknown, |format| kind(&format.format_code))
}

//! Rows into records.

use std::collections::{HashMap, HashSet, VecDeque};

use super::book::{COLUMNS, Merged, ROW, Row, too_long};
use super::settings::{SheetHeader, Sheets};
use super::value::{Value, write_text};

/// Names that are no names of columns.
const OURS: [&str; 3] = ["_errors", "_sheet", "_row"];

/// A row by its number, from 1, as a record, or why it is none.
pub(super) type Made = (u64, Result<Vec<u8>, String>);

/// The value of merged cells, for the rows to come.
enum Kept {
    Value(Value),
    /// There is no room for it beside those of others.
    TooMuch,
}

/// A table on a sheet, made from its rows.
pub(super) struct Table<'a> {
    sheet: &'a str,
    settings: &'a Sheets,
    names: Option<Vec<String>>,
    merged: Vec<(Merged, Option<Kept>)>,
    /// Bytes of the values that are kept of merged cells.
    kept: usize,
    /// Rows that may be the footer.
    held: VecDeque<Made>,
    last: Option<u32>,
}

impl<'a> Table<'a> {
    pub(super) fn new(sheet: &'a str, settings: &'a Sheets, merged: Vec<Merged>) -> Self {
        let names = (settings.header_at() == SheetHeader::None).then(Vec::new);
        let merged = merged.into_iter().map(|merged| (merged, None)).collect();
        Self { sheet, settings, names, merged, kept: 0, held: VecDeque::new(), last: None }
    }

    /// Takes a row. `None` when the table is over.
    pub(super) fn row(&mut self, mut row: Row) -> Option<Option<Made>> {
        let number = row.number;
        if let SheetHeader::Row(header) = self.settings.header_at()
            && number.saturating_add(1) < header
        {
            return Some(None);
        }
        self.fill(&mut row);
        let Some(names) = &mut self.names else {
            self.last = Some(number);
            return match self.settings.header_at() {
                // The row of the header is empty.
                SheetHeader::Row(header) if number + 1 > header => {
                    self.names = Some(Vec::new());
                    self.row(row)
                }
                _ => {
                    self.names = Some(names_of(row.cells));
                    Some(row.broken.map(|why| (u64::from(number) + 1, Err(why))))
                }
            };
        };
        let blank = self.last.is_some_and(|last| number > last.saturating_add(1));
        if blank && self.settings.stops_at_blank() {
            return None;
        }
        self.last = Some(number);
        let width = row.cells.last().map_or(0, |(column, _)| *column as usize + 1);
        let free = self.settings.header_at() == SheetHeader::None;
        if names.len() < width {
            extend(names, width, free);
        }
        let made = match row.broken.take() {
            Some(why) => Err(why),
            None => Ok(self.object(number, &row.cells)),
        };
        self.held.push_back((u64::from(number) + 1, made));
        let over = self.held.len() > self.settings.footer_rows();
        Some(if over { self.held.pop_front() } else { None })
    }

    /// Gives what may have been the footer, when it cannot be known because the sheet has no end.
    pub(super) fn held(&mut self) -> VecDeque<Made> {
        std::mem::take(&mut self.held)
    }

    /// The record of a row: the columns in order, what has no value, and where it is.
    fn object(&self, number: u32, cells: &[(u32, Value)]) -> Vec<u8> {
        let mut out = vec![b'{'];
        let mut cells = cells.iter().peekable();
        let mut faults = Vec::new();
        for (column, name) in self.names.iter().flatten().enumerate() {
            write_text(&mut out, name);
            out.push(b':');
            // The last of several for one cell counts.
            let mut value = &Value::Empty;
            while let Some((_, found)) = cells.next_if(|(at, _)| *at as usize == column) {
                value = found;
            }
            if let Value::Fault(fault) = value {
                faults.push((name, fault));
            }
            value.write(&mut out);
            out.push(b',');
        }
        if !faults.is_empty() {
            out.extend_from_slice(b"\"_errors\":{");
            for (n, (name, fault)) in faults.into_iter().enumerate() {
                if n > 0 {
                    out.push(b',');
                }
                write_text(&mut out, name);
                out.push(b':');
                write_text(&mut out, fault);
            }
            out.extend_from_slice(b"},");
        }
        out.extend_from_slice(b"\"_sheet\":");
        write_text(&mut out, self.sheet);
        out.extend_from_slice(format!(",\"_row\":{}}}", u64::from(number) + 1).as_bytes());
        out
    }

    /// Gives the empty cells of merged ones their value, as far as the table is wide.
    fn fill(&mut self, row: &mut Row) {
        let number = row.number;
        let width = match &self.names {
            Some(names) if self.settings.header_at() != SheetHeader::None => names.len() as u32,
            _ => COLUMNS,
        };
        let mut changed = false;
        let mut there: HashSet<u32> = HashSet::new();
        let mut bytes: usize = row.cells.iter().map(|(_, value)| value.bytes()).sum();
        for (merged, value) in &mut self.merged {
            if number < merged.rows.0 || number > merged.rows.1 {
                continue;
            }
            if number == merged.rows.0 {
                let first = row.cells.iter().find(|(column, _)| *column == merged.columns.0);
                *value = first.map(|(_, value)| match self.kept.saturating_add(value.bytes()) {
                    kept if kept > ROW => Kept::TooMuch,
                    kept => {
                        self.kept = kept;
                        Kept::Value(value.clone())
                    }
                });
            }
            let value = match value {
                Some(Kept::Value(value)) => value,
                Some(Kept::TooMuch) => {
                    row.broken.get_or_insert_with(|| format!("its merged cells have more than {ROW} bytes"));
                    continue;
                }
                None => continue,
            };
            if there.is_empty() {
                there.extend(row.cells.iter().map(|(column, _)| *column));
            }
            for column in merged.columns.0..=merged.columns.1.min(width.saturating_sub(1)) {
                if bytes <= ROW && there.insert(column) {
                    bytes += value.bytes();
                    row.cells.push((column, value.clone()));
                    changed = true;
                }
            }
        }
        if bytes > ROW {
            row.cells = Vec::new();
            row.broken.get_or_insert_with(too_long);
        }
        let over = |merged: &Merged| merged.rows.1 <= number;
        let gone = self.merged.iter().filter(|(merged, _)| over(merged));
        self.kept -= gone
            .filter_map(|(_, kept)| match kept {
                Some(Kept::Value(value)) => Some(value.bytes()),
                _ => None,
            })
            .sum::<usize>();
        self.merged.retain(|(merged, _)| !over(merged));
        if changed {
            row.cells.sort_by_key(|(column, _)| *column);
        }
    }
}

/// The names of the columns, by what is in the header row.
fn names_of(cells: Vec<(u32, Value)>) -> Vec<String> {
    let width = cells.last().map_or(0, |(column, _)| *column as usize + 1);
    let mut given = vec![String::new(); width];
    for (column, value) in cells {
        given[column as usize] = value.into_name();
    }
    let all: HashSet<String> = given.iter().cloned().collect();
    let mut taken: HashSet<String> = OURS.iter().map(|name| (*name).to_owned()).collect();
    let mut again: HashMap<String, usize> = HashMap::new();
    let mut names = Vec::with_capacity(width);
    for (n, name) in given.into_iter().enumerate() {
        let base = if name.is_empty() { format!("column_{}", n + 1) } else { name.clone() };
        let count = again.entry(base.clone()).or_insert(1);
        let mut unique = base.clone();
        while taken.contains(&unique) || (unique != name && all.contains(&unique)) {
            *count += 1;
            unique = format!("{base}_{count}");
        }
        taken.insert(unique.clone());
        names.push(unique);
    }
    names
}

/// Names for columns beyond the header.
fn extend(names: &mut Vec<String>, width: usize, letters_only: bool) {
    while names.len() < width {
        let n = names.len();
        let mut name = if letters_only { letters(n as u32) } else { format!("column_{}", n + 1) };
        while names.contains(&name) {
            name.push('_');
        }
        names.push(name);
    }
}

/// A column as the program calls it: `A` for 0, `AA` for 26.
pub(super) fn letters(column: u32) -> String {
    let mut out = Vec::new();
    let mut left = column + 1;
    while left > 0 {
        left -= 1;
        out.push(char::from(b'A' + (left % 26) as u8));
        left /= 26;
    }
    out.into_iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_called_as_the_program_calls_them() {
        assert_eq!([0, 25, 26, 701, 702, 16_383].map(letters), ["A", "Z", "AA", "ZZ", "AAA", "XFD"]);
    }

    #[test]
    fn every_column_has_a_name_of_its_own() {
        let cells = |names: &[&str]| {
            names.iter().enumerate().map(|(n, name)| (n as u32, Value::Text((*name).to_owned()))).collect()
        };
        assert_eq!(
            names_of(cells(&["a", "a", "a_2", "", "_row", " b ", "column_4"])),
            ["a", "a_3", "a_2", "column_4_2", "_row_2", "b", "column_4"]
        );
    }
}

//! Where delimited text may be cut.

use super::row::Rows;
use super::text::{before, rows};
use crate::format::Csv;

/// The longest byte order mark.
const MARK: usize = 3;

/// Finds the end of the last whole row of a buffer that grows.
#[derive(Debug, Clone)]
pub(in crate::split) struct Cutting {
    csv: Csv,
    offset: u64,
    rows: Rows,
    /// Whether the buffer was long enough to know where the first row begins.
    begun: bool,
    /// The units seen so far, if they are not the bytes.
    units: Vec<u8>,
}

impl Cutting {
    /// For a buffer that begins at an offset of the whole, where a row begins.
    pub(in crate::split) fn new(csv: &Csv, offset: u64) -> Self {
        let begun = offset > 0 && offset >= csv.rules.preamble;
        Self { csv: csv.clone(), offset, rows: rows(0, csv), begun, units: Vec::new() }
    }

    pub(in crate::split) fn find(&mut self, buffer: &[u8]) -> usize {
        let encoding = self.csv.rules.encoding;
        let width = encoding.width();
        if !self.begun {
            let before = before(buffer, self.offset, &self.csv);
            if buffer.len() < before.max(MARK) {
                return 0;
            }
            self.rows.skip(before / width);
            self.begun = true;
        }
        if width == 1 {
            return self.rows.pass(buffer);
        }
        let whole = buffer.len() / width * width;
        encoding.add_units(&buffer[self.units.len() * width..whole], &mut self.units);
        self.rows.pass(&self.units) * width
    }

    pub(in crate::split) fn taken(&mut self, bytes: usize) {
        let units = bytes / self.csv.rules.encoding.width();
        self.rows.taken(units);
        self.units.drain(..units.min(self.units.len()));
        self.offset += bytes as u64;
    }
}

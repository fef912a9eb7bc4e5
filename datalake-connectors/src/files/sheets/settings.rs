//! What of a workbook is read, and how.

use glob::Pattern;
use serde::{Deserialize, Serialize};

/// Where the names of the columns are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SheetHeader {
    /// In the first row that is not empty.
    #[default]
    First,
    /// In a row by its number, from 1 as the program shows it. What is above it is no record.
    Row(u32),
    /// Nowhere: columns are called `A`, `B` and so on, as the program calls them.
    None,
}

/// How workbooks are read: which sheets, where the header is, what is no record.
///
/// It travels with each document, so that a workbook of the raw zone is read the same way for ever.
///
/// ```
/// use datalake_connectors::files::{SheetHeader, Sheets};
///
/// let sheets = Sheets::new().named("Sales *").header(SheetHeader::Row(3)).fill_merged(true).footer(1);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sheets {
    names: Vec<String>,
    hidden: bool,
    header: SheetHeader,
    fill_merged: bool,
    ends_at_blank: bool,
    footer: u32,
    max_bytes: u64,
}

impl Default for Sheets {
    fn default() -> Self {
        Self {
            names: Vec::new(),
            hidden: false,
            header: SheetHeader::First,
            fill_merged: false,
            ends_at_blank: false,
            footer: 0,
            max_bytes: 1 << 30,
        }
    }
}

impl Sheets {
    /// All visible sheets, each with its header in the first row that is not empty.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only sheets of this name, in which `*`, `?` and `[…]` are as in a glob; called again, of that name too. A name
    /// without such characters must be there, or the workbook goes to quarantine.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.names.push(name.into());
        self
    }

    /// Whether hidden sheets are read too. Not, by default.
    #[must_use]
    pub fn hidden(mut self, hidden: bool) -> Self {
        self.hidden = hidden;
        self
    }

    /// Where the names of the columns are.
    #[must_use]
    pub fn header(mut self, header: SheetHeader) -> Self {
        self.header = header;
        self
    }

    /// Whether each cell of merged ones has their value. By default the first has it and the others are empty, as in
    /// the file. Not for XLSB.
    #[must_use]
    pub fn fill_merged(mut self, fill: bool) -> Self {
        self.fill_merged = fill;
        self
    }

    /// Whether a table ends at the first blank row below its header, so that notes below it are no records. Not, by
    /// default: blank rows are passed over.
    #[must_use]
    pub fn ends_at_blank(mut self, ends: bool) -> Self {
        self.ends_at_blank = ends;
        self
    }

    /// How many rows at the end of each table are no records, for instance the totals. None, by default.
    #[must_use]
    pub fn footer(mut self, rows: u32) -> Self {
        self.footer = rows;
        self
    }

    /// How many bytes the parts of a workbook may unpack to, and how many its records may have as JSON: 1 GiB by
    /// default. A workbook beyond the first goes to quarantine; beyond the second, what is left of it does.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    pub(super) fn bytes(&self) -> u64 {
        self.max_bytes
    }

    pub(super) fn fills(&self) -> bool {
        self.fill_merged
    }

    pub(super) fn header_at(&self) -> SheetHeader {
        self.header
    }

    pub(super) fn stops_at_blank(&self) -> bool {
        self.ends_at_blank
    }

    pub(super) fn footer_rows(&self) -> usize {
        self.footer as usize
    }

    /// Whether a sheet is read.
    pub(super) fn takes(&self, name: &str, hidden: bool) -> bool {
        let named = |pattern: &String| {
            pattern == name || Pattern::new(pattern).is_ok_and(|pattern| pattern.matches(name))
        };
        (self.hidden || !hidden) && (self.names.is_empty() || self.names.iter().any(named))
    }

    /// A name that no sheet has.
    pub(super) fn missing(&self, mut has: impl FnMut(&str) -> bool) -> Option<&str> {
        self.names.iter().map(String::as_str).find(|name| !name.contains(['*', '?', '[']) && !has(name))
    }
}

//! Where rows and fields end (RFC 4180).

use std::ops::Range;

use memchr::{memchr, memchr2, memrchr2};

use super::{MAX_COLUMNS, MAX_FIELD};

/// A field of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    /// What it contains, without the quotes around it.
    pub(super) range: Range<usize>,
    /// Whether quotes in it are doubled.
    pub(super) quoted: bool,
    /// Whether it can be a JSON string as it is.
    pub(super) clean: bool,
}

const CLEAN: u8 = 0;
/// Not as it is in a JSON string.
const ESCAPED: u8 = 1;
/// The end of a field.
const STOP: u8 = 2;

/// What each byte is in a field without quotes.
const fn classes(delimiter: u8) -> [u8; 256] {
    let mut classes = [CLEAN; 256];
    let mut byte = 0;
    while byte < 0x20 {
        classes[byte] = ESCAPED;
        byte += 1;
    }
    classes[b'"' as usize] = ESCAPED;
    classes[b'\\' as usize] = ESCAPED;
    classes[b'\n' as usize] = STOP;
    classes[b'\r' as usize] = STOP;
    classes[delimiter as usize] = STOP;
    classes
}

/// A row, without its line end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::split) enum Row {
    Whole(Range<usize>),
    /// The first line of a row that breaks the rules of quoting.
    Broken(Range<usize>),
}

impl Row {
    pub(super) fn range(&self) -> Range<usize> {
        match self {
            Self::Whole(range) | Self::Broken(range) => range.clone(),
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Before a row.
    Row,
    /// Before a field.
    Field,
    /// In a field without quotes.
    Plain,
    /// In a field with quotes.
    Quoted,
    /// After a quote in a field with quotes: the closing one, or the first of two.
    Quote,
    /// On the first line of a broken row.
    Broken,
}

/// Finds rows in a buffer that may grow. Offsets are of the buffer.
///
/// `\n`, `\r` and `\r\n` end a row; blank lines are no rows. A quote counts only at the beginning of a field, if there
/// are quotes at all.
#[derive(Debug, Clone)]
pub(in crate::split) struct Rows {
    delimiter: u8,
    quote: Option<u8>,
    classes: [u8; 256],
    state: State,
    /// Whether nothing in the field has to be escaped so far.
    clean: bool,
    /// The bytes before it have been seen.
    at: usize,
    /// Where the row begins.
    row: usize,
    /// Where the field begins, inside its quotes.
    field: usize,
    /// Up to where the bytes make whole rows.
    cut: usize,
}

impl Rows {
    /// From an offset on, where a row begins.
    pub(in crate::split) fn new(at: usize, delimiter: char, quote: Option<char>) -> Self {
        let delimiter = u8::try_from(delimiter).unwrap_or(b',');
        Self {
            delimiter,
            quote: quote.and_then(|quote| u8::try_from(quote).ok()),
            classes: classes(delimiter),
            state: State::Row,
            clean: true,
            at,
            row: at,
            field: at,
            cut: 0,
        }
    }

    /// Begins further on.
    pub(in crate::split) fn skip(&mut self, bytes: usize) {
        self.at += bytes;
    }

    /// Passes over all rows that are there, and says up to where the bytes make whole ones.
    pub(in crate::split) fn pass(&mut self, bytes: &[u8]) -> usize {
        loop {
            if matches!(self.state, State::Row) {
                // Up to the next quote a line is a row.
                let quote = self.quote.and_then(|quote| memchr(quote, &bytes[self.at..]));
                let quote = quote.map_or(bytes.len(), |n| self.at + n);
                if let Some(n) = memrchr2(b'\n', b'\r', &bytes[self.at..quote]) {
                    self.at += n + 1;
                    self.cut = self.at;
                }
            }
            if self.step(bytes, false, &mut |_| {}).is_none() {
                return self.cut;
            }
        }
    }

    /// Says that as many bytes were taken off the start of the buffer: at most up to what [`pass`](Self::pass) said.
    pub(in crate::split) fn taken(&mut self, bytes: usize) {
        self.at -= bytes;
        self.row = self.row.saturating_sub(bytes);
        self.field = self.field.saturating_sub(bytes);
        self.cut -= bytes;
    }

    /// The next row with its fields, or `None` when the bytes ran out; `end` says that no more will come.
    pub(super) fn next(&mut self, bytes: &[u8], end: bool, fields: &mut Vec<Field>) -> Option<Row> {
        fields.clear();
        self.step(bytes, end, &mut |field| {
            if fields.len() <= MAX_COLUMNS {
                fields.push(field);
            }
        })
    }

    fn step(&mut self, bytes: &[u8], end: bool, field: &mut impl FnMut(Field)) -> Option<Row> {
        loop {
            match self.state {
                State::Row => {
                    while matches!(bytes.get(self.at), Some(b'\n' | b'\r')) {
                        self.at += 1;
                    }
                    if self.at >= bytes.len() {
                        return None;
                    }
                    self.row = self.at;
                    self.state = State::Field;
                }
                State::Field => match bytes.get(self.at) {
                    None if !end => return None,
                    Some(byte) if Some(*byte) == self.quote => {
                        self.at += 1;
                        self.field = self.at;
                        self.state = State::Quoted;
                    }
                    _ => {
                        self.field = self.at;
                        self.clean = true;
                        self.state = State::Plain;
                    }
                },
                State::Plain => {
                    let mut seen = CLEAN;
                    for byte in &bytes[self.at..] {
                        let class = self.classes[usize::from(*byte)];
                        seen |= class;
                        if class == STOP {
                            break;
                        }
                        self.at += 1;
                    }
                    self.clean &= seen & ESCAPED == 0;
                    if self.at == bytes.len() && !end {
                        return None;
                    }
                    field(Field { range: self.field..self.at, quoted: false, clean: self.clean });
                    if let Some(row) = self.after_field(bytes) {
                        return Some(row);
                    }
                }
                State::Quoted => {
                    let limit = (self.field + MAX_FIELD + 1).min(bytes.len());
                    let quote = self.quote.unwrap_or(b'"');
                    match memchr(quote, bytes.get(self.at..limit).unwrap_or_default()) {
                        Some(n) => {
                            self.at += n + 1;
                            self.state = State::Quote;
                        }
                        None if limit > self.field + MAX_FIELD => {
                            self.fail();
                        }
                        None if end => self.fail(),
                        None => {
                            self.at = bytes.len();
                            return None;
                        }
                    }
                }
                State::Quote => match bytes.get(self.at) {
                    None if !end => return None,
                    Some(byte) if Some(*byte) == self.quote => {
                        self.at += 1;
                        self.state = State::Quoted;
                    }
                    None | Some(b'\n' | b'\r') => {
                        field(Field { range: self.field..self.at - 1, quoted: true, clean: false });
                        return self.after_field(bytes);
                    }
                    Some(byte) if *byte == self.delimiter => {
                        field(Field { range: self.field..self.at - 1, quoted: true, clean: false });
                        self.after_field(bytes);
                    }
                    Some(_) => self.fail(),
                },
                State::Broken => {
                    match memchr2(b'\n', b'\r', &bytes[self.at..]) {
                        Some(n) => self.at += n,
                        None => self.at = bytes.len(),
                    }
                    if self.at == bytes.len() && !end {
                        return None;
                    }
                    return Some(self.end_row(bytes, Row::Broken));
                }
            }
        }
    }

    /// At a delimiter, a line end or the end of the bytes.
    fn after_field(&mut self, bytes: &[u8]) -> Option<Row> {
        if bytes.get(self.at) == Some(&self.delimiter) {
            self.at += 1;
            self.state = State::Field;
            return None;
        }
        Some(self.end_row(bytes, Row::Whole))
    }

    fn end_row(&mut self, bytes: &[u8], row: impl FnOnce(Range<usize>) -> Row) -> Row {
        let range = self.row..self.at;
        self.at = (self.at + 1).min(bytes.len());
        if bytes.get(self.at) == Some(&b'\n') && bytes[self.at - 1] == b'\r' {
            self.at += 1;
        }
        self.cut = self.at;
        self.state = State::Row;
        row(range)
    }

    fn fail(&mut self) {
        self.at = self.row;
        self.state = State::Broken;
    }
}

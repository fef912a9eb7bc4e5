//! The elements of an array, one after the other.

use std::ops::Range;

use super::nesting::{NOT_CLOSED, Nesting, Scan};
use super::{is_space, trim};

/// What lies in an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::split) struct Element {
    /// Its bytes.
    pub(in crate::split) range: Range<usize>,
    /// Why it is none.
    pub(in crate::split) error: Option<&'static str>,
}

#[derive(Debug, Clone)]
enum State {
    /// Before the bracket that opens the array.
    Open,
    /// After the opening bracket or a comma.
    Value,
    /// In an object, array or string.
    Nested(Nesting),
    /// In a number, a word, or something that is neither.
    Scalar,
    /// After an element.
    After,
    /// In a broken element.
    Broken(&'static str),
    /// After the bracket that closes the array.
    Closed,
    /// After an element that does not end.
    Torn,
}

/// Finds the elements of an array in a buffer that may grow. Offsets are of the buffer.
#[derive(Debug, Clone)]
pub(in crate::split) struct Elements {
    state: State,
    /// The bytes before it have been seen.
    at: usize,
    /// Where the element begins.
    start: usize,
    /// What is wrong before the element began.
    flaw: Option<&'static str>,
    /// Up to where the bytes make whole elements, their commas included.
    cut: usize,
    /// Whether the array is within something else, so that what follows it is not looked at.
    within: bool,
}

impl Elements {
    /// From an offset on, where the array begins, or where an element or the end of the array begins.
    pub(in crate::split) fn new(at: usize, opens: bool) -> Self {
        let state = if opens { State::Open } else { State::Value };
        Self { state, at, start: at, flaw: None, cut: 0, within: false }
    }

    /// The same of an array that is part of something else.
    pub(super) fn within(mut self) -> Self {
        self.within = true;
        self
    }

    /// Up to where the elements given so far reach.
    pub(in crate::split) fn cut(&self) -> usize {
        self.cut
    }

    /// Whether the array ends without a closing bracket and no element has said so.
    pub(super) fn is_open(&self) -> bool {
        !matches!(self.state, State::Closed | State::Torn)
    }

    /// Says that as many bytes were taken off the start of the buffer: at most up to [`cut`](Self::cut).
    pub(in crate::split) fn taken(&mut self, bytes: usize) {
        self.at -= bytes;
        self.start = self.start.saturating_sub(bytes);
        self.cut -= bytes;
    }

    /// The next element, or `None` when the bytes ran out. `end` says that no more will come.
    pub(in crate::split) fn next(&mut self, bytes: &[u8], end: bool) -> Option<Element> {
        loop {
            match &mut self.state {
                State::Open => match self.skip_space(bytes)? {
                    b'[' => self.turn(1, State::Value),
                    _ => self.state = State::Value,
                },
                State::Value => {
                    let byte = self.skip_space(bytes)?;
                    self.start = self.at;
                    match byte {
                        b',' => {
                            self.turn(1, State::Value);
                            self.cut = self.at;
                            return self.give(self.at, Some("a comma without an element"));
                        }
                        b']' => self.turn(1, State::Closed),
                        b'{' | b'[' | b'"' => self.state = State::Nested(Nesting::default()),
                        _ => self.state = State::Scalar,
                    }
                }
                State::Nested(nesting) => match nesting.scan(bytes, self.at) {
                    Scan::End(at) => {
                        self.at = at;
                        self.state = State::After;
                        return self.give(at, None);
                    }
                    Scan::Broken(at, error) => {
                        self.at = at;
                        self.state = State::Broken(error);
                    }
                    Scan::More if end => {
                        self.at = bytes.len();
                        self.state = State::Torn;
                        return self.give(bytes.len(), Some(NOT_CLOSED));
                    }
                    Scan::More => {
                        self.at = bytes.len();
                        return None;
                    }
                },
                State::Scalar => {
                    let stop = |byte: &u8| is_space(*byte) || b",]\"{[}".contains(byte);
                    let found = bytes[self.at..].iter().position(stop);
                    self.at = found.map_or(bytes.len(), |n| self.at + n);
                    match bytes.get(self.at) {
                        None if !end => return None,
                        Some(b'"' | b'{' | b'[' | b'}') => self.state = State::Broken("not a value"),
                        _ => {
                            self.state = State::After;
                            return self.give(self.at, None);
                        }
                    }
                }
                State::After => match self.skip_space(bytes)? {
                    b',' => {
                        self.turn(1, State::Value);
                        self.cut = self.at;
                    }
                    b']' => self.turn(1, State::Closed),
                    _ => {
                        self.flaw = Some("no comma before the element");
                        self.state = State::Value;
                    }
                },
                State::Broken(error) => {
                    let error = *error;
                    return self.resume(bytes, end, error);
                }
                State::Torn => return None,
                State::Closed => {
                    self.skip_space(bytes)?;
                    if !end || self.within {
                        return None;
                    }
                    self.start = self.at;
                    self.at = bytes.len();
                    return self.give(bytes.len(), Some("text after the end of the array"));
                }
            }
        }
    }

    /// The rest of a broken element: up to the next line that begins as its line did.
    fn resume(&mut self, bytes: &[u8], end: bool, error: &'static str) -> Option<Element> {
        let blank = bytes[..self.start].iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let indent = match self.start - blank {
            0 => 0..0,
            line if bytes[line - 1] == b'\n' => line..self.start,
            _ => 0..0,
        };
        let mut from = self.at;
        while let Some(n) = memchr::memchr(b'\n', &bytes[from..]) {
            let line = from + n + 1;
            let opener = line + indent.len();
            if opener >= bytes.len() && !end {
                self.at = from + n;
                return None;
            }
            if bytes.get(opener) == Some(&bytes[self.start]) && bytes[line..opener] == bytes[indent.clone()] {
                self.at = line - 1;
                self.cut = self.at;
                self.state = State::Value;
                return self.give(self.at, Some(error));
            }
            from = line;
        }
        self.at = bytes.len();
        if !end {
            return None;
        }
        self.state = State::Torn;
        self.give(bytes.len(), Some(error))
    }

    fn give(&mut self, end: usize, error: Option<&'static str>) -> Option<Element> {
        let flaw = self.flaw.take();
        Some(Element { range: self.start..end, error: error.or(flaw) })
    }

    fn turn(&mut self, bytes: usize, state: State) {
        self.at += bytes;
        self.state = state;
    }

    fn skip_space(&mut self, bytes: &[u8]) -> Option<u8> {
        while self.at < bytes.len() && is_space(bytes[self.at]) {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }
}

impl Element {
    /// The same without white space at its ends.
    pub(super) fn trimmed(self, bytes: &[u8]) -> Self {
        Self { range: trim(bytes, self.range), error: self.error }
    }
}

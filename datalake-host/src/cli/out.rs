//! Standard output, for people or for machines.

use std::fmt::Display;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use datalake_core::{Error, Result};
use serde::Serialize;
use serde_json::{Value, json};

use super::bars::Bars;

/// Standard output. Once its reader has gone, what is written is dropped.
pub(super) struct Out {
    to: BufWriter<Stdout>,
    json: bool,
    colour: bool,
    closed: bool,
    failed: Option<io::Error>,
    bars: Bars,
}

impl Out {
    pub(super) fn new(json: bool) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let stdout = io::stdout();
        Self {
            colour: stdout.is_terminal() && !plain && !json,
            to: BufWriter::with_capacity(1 << 16, stdout),
            json,
            closed: false,
            failed: None,
            bars: Bars::new(),
        }
    }

    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    pub(super) fn bars(&self) -> &Bars {
        &self.bars
    }

    /// Whether nobody reads any more, or it cannot be written to.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Writes bytes as they are.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        if !self.closed {
            let written = self.to.write_all(bytes);
            self.note(written);
        }
    }

    /// Writes a line.
    pub(super) fn line(&mut self, line: impl Display) {
        if !self.closed {
            let written = writeln!(self.to, "{line}");
            self.note(written);
        }
    }

    /// Writes a value as a line of JSON.
    pub(super) fn value(&mut self, value: &impl Serialize) -> Result<()> {
        let line = serde_json::to_string(value)
            .map_err(|cause| Error::unexpected("a result cannot be written as JSON").caused_by(cause))?;
        self.line(line);
        Ok(())
    }

    /// Writes rows in columns: texts flush left, numbers (of `right`) flush right.
    pub(super) fn table(&mut self, head: &[&str], right: &[usize], rows: &[Vec<String>]) {
        let width = |column: usize| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.chain([head[column].chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..head.len()).map(width).collect();
        let format = |cells: &[String]| {
            let cells = cells.iter().enumerate().map(|(n, cell)| {
                let room = widths[n];
                if right.contains(&n) { format!("{cell:>room$}") } else { format!("{cell:<room$}") }
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let head: Vec<_> = head.iter().map(|cell| (*cell).to_owned()).collect();
        let head = self.bold(format(&head));
        self.line(head);
        for row in rows {
            self.line(format(row));
        }
    }

    pub(super) fn bold(&self, text: impl Display) -> String {
        self.paint("1", text)
    }

    pub(super) fn dim(&self, text: impl Display) -> String {
        self.paint("2", text)
    }

    pub(super) fn red(&self, text: impl Display) -> String {
        self.paint("31", text)
    }

    pub(super) fn green(&self, text: impl Display) -> String {
        self.paint("32", text)
    }

    fn paint(&self, code: &str, text: impl Display) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }

    /// Sends on what was held back.
    pub(super) fn flush(&mut self) {
        if !self.closed {
            let flushed = self.to.flush();
            self.note(flushed);
        }
    }

    /// Sends on what was held back, and says whether all could be written. A reader that went away is no failure.
    pub(super) fn finish(mut self) -> Result<()> {
        self.flush();
        let failed = self.failed.take();
        if self.closed {
            // What could not be written must not be tried again.
            let (_, _) = self.to.into_parts();
        }
        failed.map_or(Ok(()), |cause| Err(Error::io("standard output cannot be written", cause)))
    }

    fn note(&mut self, written: io::Result<()>) {
        if let Err(error) = written {
            self.closed = true;
            if error.kind() != io::ErrorKind::BrokenPipe {
                self.failed = Some(error);
            }
        }
    }
}

/// A text out of data, with its control characters escaped, so that it does nothing to a terminal.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c)
        {
            plain.extend(c.escape_default());
        } else {
            plain.push(c);
        }
    }
    plain
}

/// Bytes out of data as text, escaped, and shortened to about `most` characters.
pub(super) fn excerpt(bytes: &[u8], most: usize) -> String {
    let (shown, more) = if bytes.len() > most { (&bytes[..most], bytes.len() - most) } else { (bytes, 0) };
    let mut text = String::new();
    for chunk in shown.utf8_chunks() {
        text.push_str(&plain(chunk.valid()));
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    if more > 0 {
        text.push_str(&format!("… ({more} bytes more)"));
    }
    text
}

/// An error for machines.
pub(super) fn error(error: &Error) -> Value {
    json!({ "kind": error.kind(), "message": error.to_string(), "temporary": error.is_temporary() })
}

/// Writes a line to standard error. If that is closed there is nobody to tell.
pub(super) fn complain(line: &str) {
    writeln!(io::stderr().lock(), "{line}").ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_cannot_command_the_terminal() {
        assert_eq!(plain("a\x1b[2Jb\r\nä\u{202e}"), "a\\u{1b}[2Jb\\r\\nä\\u{202e}");
        assert_eq!(excerpt(b"a\xff\x00b", 10), "a\\xff\\u{0}b");
        assert_eq!(excerpt(b"abcdef", 4), "abcd… (2 bytes more)");
    }
}

//! The rows of a query as lines, and pages of them.

use std::collections::HashSet;

use bytes::Bytes;
use futures::TryStreamExt;
use tokio::sync::mpsc::Sender;
use tokio_postgres::SimpleQueryMessage;

use super::super::connection::{Connection, identifier};
use super::super::error;
use super::copy::{Fields, escape, unescaped};
use super::cycle::after;
use super::position::{Known, REMEMBERED};
use super::table::Key;
use datalake_core::{Error, Result};

/// What went wrong.
const FAILED: &str = "the rows cannot be read";

/// Rows that follow each other, as one document.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) bytes: Bytes,
    /// The key of the last of them.
    pub(super) last: Vec<String>,
    /// The last of them, to be remembered.
    pub(super) digests: String,
}

/// How pages of rows are asked for.
#[derive(Debug)]
pub(super) struct Pages {
    /// The columns, as SQL lists them.
    pub(super) list: String,
    /// What stands after FROM.
    pub(super) from: String,
    pub(super) conditions: Vec<String>,
    pub(super) key: Vec<Key>,
    pub(super) unique: bool,
    pub(super) page: usize,
    pub(super) batch_bytes: usize,
    /// Whether the rows that are given are to be remembered.
    pub(super) remembers: bool,
    /// Rows that were given before.
    pub(super) known: HashSet<String>,
    /// Whether there is no COPY.
    pub(super) plain: bool,
}

/// Rows between two keys: after the first, up to and including the second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) after: Option<Vec<String>>,
    pub(super) upto: Option<Vec<String>>,
}

impl Pages {
    /// The columns of the key in parentheses.
    fn names(&self) -> String {
        self.key.iter().map(|key| identifier(&key.name)).collect::<Vec<_>>().join(", ")
    }

    fn values(&self, key: &[String]) -> String {
        self.key.iter().zip(key).map(|(key, text)| key.value(text)).collect::<Vec<_>>().join(", ")
    }

    /// What holds for the rows of a range, as SQL.
    pub(super) fn within(&self, range: &Range) -> String {
        let names = self.names();
        let mut all = self.conditions.clone();
        all.extend(range.after.as_ref().map(|of| after(&self.key, of)));
        all.extend(range.upto.as_ref().map(|key| format!("({names}) <= ({})", self.values(key))));
        if all.is_empty() { String::new() } else { format!(" WHERE {}", all.join(" AND ")) }
    }

    fn query(&self, range: &Range) -> String {
        // The row after the last tells whether the key of the last names it alone.
        let limit = self.page + usize::from(!self.unique);
        let within = self.within(range);
        let names = self.names();
        format!("SELECT {} FROM {}{within} ORDER BY {names} LIMIT {limit}", self.list, self.from)
    }

    /// Reads a range, page after page, and sends it on. Ends early when nobody wants more.
    pub(super) async fn read(&self, connection: &Connection, range: Range, to: &Sender<Result<Chunk>>) {
        if let Err(error) = self.all(connection, range, to).await {
            // Nobody wants to know if nobody is there.
            drop(to.send(Err(error)).await);
        }
    }

    async fn all(&self, connection: &Connection, mut range: Range, to: &Sender<Result<Chunk>>) -> Result<()> {
        let mut chunker = Chunker { pages: self, buffer: Vec::new(), last: Vec::new(), at: None, to };
        loop {
            let mut rows = 0;
            let query = self.query(&range);
            let mut lines = lines(connection, &query, self.plain).await?;
            while let Some(line) = lines.try_next().await? {
                rows += 1;
                if !chunker.take(&line, rows <= self.page).await? {
                    return Ok(());
                }
            }
            if rows < self.page {
                return chunker.flush().await.map(drop);
            }
            range.after = Some(chunker.key()?);
        }
    }
}

/// Puts rows together.
struct Chunker<'a> {
    pages: &'a Pages,
    buffer: Vec<u8>,
    /// The line of the last row, where it is not in the buffer.
    last: Vec<u8>,
    /// Where the line of the last row is in the buffer.
    at: Option<usize>,
    to: &'a Sender<Result<Chunk>>,
}

impl Chunker<'_> {
    /// Takes a line in, with its end. Whether anybody wants more. What is not `wanted` is only looked at.
    async fn take(&mut self, line: &[u8], wanted: bool) -> Result<bool> {
        let row = line.strip_suffix(b"\n").ok_or_else(|| Error::unexpected("a row does not end"))?;
        if !self.pages.unique && !self.line().is_empty() {
            let [before, now] = [self.line(), row].map(|line| self.fields(line));
            if before.zip(now).zip(&self.pages.key).all(|((before, now), key)| key.same.holds(before, now)) {
                return Err(self.ambiguous());
            }
        }
        if !wanted {
            return Ok(true);
        }
        if !self.pages.known.is_empty() && self.pages.known.contains(&Known::digest(self.fields(row))) {
            self.last = row.to_vec();
            self.at = None;
            return Ok(true);
        }
        let full = self.buffer.len() + line.len() > self.pages.batch_bytes;
        if full && !self.buffer.is_empty() && !self.flush().await? {
            return Ok(false);
        }
        if self.buffer.capacity() == 0 {
            self.buffer.reserve(self.pages.batch_bytes.min(64 << 10));
        }
        self.at = Some(self.buffer.len());
        self.buffer.extend_from_slice(line);
        Ok(true)
    }

    /// The line of the last row, without its end.
    fn line(&self) -> &[u8] {
        match self.at {
            Some(at) => self.buffer[at..].strip_suffix(b"\n").unwrap_or_default(),
            None => &self.last,
        }
    }

    /// The fields of the key in a line.
    fn fields<'l>(&self, line: &'l [u8]) -> impl Iterator<Item = &'l [u8]> + use<'l, '_> {
        self.pages.key.iter().map(|key| Fields::of(line).nth(key.at).unwrap_or_default())
    }

    /// The key of the last row.
    fn key(&self) -> Result<Vec<String>> {
        let odd = || Error::unexpected("the key of a row cannot be read");
        let mut scratch = Vec::new();
        let mut key = Vec::with_capacity(self.pages.key.len());
        for field in self.fields(self.line()) {
            let text = unescaped(field, &mut scratch).ok_or_else(odd)?;
            key.push(std::str::from_utf8(text).map_err(|_| odd())?.to_owned());
        }
        Ok(key)
    }

    /// Sends what there is. Whether anybody wants more.
    async fn flush(&mut self) -> Result<bool> {
        if self.buffer.is_empty() {
            return Ok(true);
        }
        let last = self.key()?;
        self.last = self.line().to_vec();
        // What follows the last row given, and was given before, is told with it.
        self.at = None;
        let digests = if self.pages.remembers { self.digests() } else { String::new() };
        let bytes = Bytes::from(std::mem::take(&mut self.buffer));
        Ok(self.to.send(Ok(Chunk { bytes, last, digests })).await.is_ok())
    }

    /// The last rows of the buffer, to be remembered.
    fn digests(&self) -> String {
        let mut ends: Vec<_> = memchr::memrchr_iter(b'\n', &self.buffer).take(REMEMBERED + 1).collect();
        if ends.len() <= REMEMBERED {
            // Before the first row nothing ends.
            ends.push(usize::MAX);
        }
        let lines = ends.windows(2).rev().map(|ends| &self.buffer[ends[1].wrapping_add(1)..ends[0]]);
        lines.map(|line| Known::digest(self.fields(line))).collect()
    }

    fn ambiguous(&self) -> Error {
        let names: Vec<_> = self.pages.key.iter().map(|key| &*key.name).collect();
        let error = Error::config("two rows have one key: say by which columns a row is known");
        error.with("key", names.join(","))
    }
}

type Lines<'a> = std::pin::Pin<Box<dyn futures::Stream<Item = Result<Bytes>> + Send + 'a>>;

/// The rows of a query, each as the line that COPY writes.
async fn lines<'a>(connection: &'a Connection, query: &str, plain: bool) -> Result<Lines<'a>> {
    let failed = |cause: tokio_postgres::Error| error::of(&cause, FAILED);
    if !plain {
        let rows = connection.client.copy_out(&format!("COPY ({query}) TO STDOUT")).await.map_err(failed)?;
        return Ok(Box::pin(rows.map_err(failed)));
    }
    let rows = connection.client.simple_query_raw(query).await.map_err(failed)?;
    Ok(Box::pin(rows.map_err(failed).try_filter_map(|message| async move {
        let SimpleQueryMessage::Row(row) = message else { return Ok(None) };
        let mut line = Vec::new();
        for n in 0..row.len() {
            if n > 0 {
                line.push(b'\t');
            }
            escape(row.get(n), &mut line);
        }
        line.push(b'\n');
        Ok(Some(Bytes::from(line)))
    })))
}

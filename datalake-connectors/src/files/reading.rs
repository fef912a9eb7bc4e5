//! One open file, as documents.

use std::fmt;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use datalake_core::split::Cutter;
use datalake_core::{BufferPool, Document, Error, ErrorKind, Format, Result};

use super::dialect::Found;
use super::error;
use super::format::Known;
use super::identity::{Print, Stat, Tag};
use super::opening::Limits;
use super::position::Entry;

/// How much memory of documents that are done with is kept for those that come, bytes.
const MEMORY: usize = 32 << 20;

/// Memory for the documents of a source.
pub(in crate::files) fn memory() -> BufferPool {
    BufferPool::new(MEMORY)
}

/// One open file, read from an offset of its content on.
pub(super) struct Reading {
    path: PathBuf,
    locator: Arc<str>,
    known: Known,
    input: Box<dyn Read + Send>,
    /// What was read beyond the last document.
    ahead: Bytes,
    /// Where the next document begins.
    at: u64,
    print: Print,
    /// The length of the compressed file, and what tells it from another.
    packed: Option<(u64, Tag)>,
    /// Whether the file is taken as it stands, also behind the last record boundary. Otherwise that waits.
    all: bool,
    /// What was met behind the last document.
    damage: Option<Error>,
    id: Tag,
}

/// An open file, at the byte where reading begins.
pub(super) struct Start {
    pub(super) path: PathBuf,
    /// Where the content is, for lineage.
    pub(super) locator: Arc<str>,
    pub(super) id: Tag,
    pub(super) known: Known,
    pub(super) input: Box<dyn Read + Send>,
    pub(super) at: u64,
    pub(super) print: Print,
    pub(super) packed: Option<(u64, Tag)>,
    pub(super) all: bool,
}

/// What one step of reading gave.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) document: Option<Document>,
    /// Whether there is no more for now.
    pub(super) end: bool,
}

impl Reading {
    pub(super) fn new(start: Start) -> Self {
        let Start { path, locator, id, known, input, at, print, packed, all } = start;
        Self { path, locator, known, input, ahead: Bytes::new(), at, print, packed, all, damage: None, id }
    }

    /// The next document, which is a function of where it begins, of the content and of the limits alone: so the same
    /// documents come again after any break. `stop` is the length at which to stop though the file may have grown.
    pub(super) fn chunk(&mut self, limits: Limits, stop: u64, pool: &BufferPool) -> Result<Chunk> {
        let mut format = Arc::clone(self.known.at(self.at));
        let mut cutter = Cutter::new(&format, self.at);
        let whole = if self.damage.is_some() { cutter.find(&self.ahead) } else { 0 };
        if let Some(damage) = self.damage.take_if(|_| whole == 0) {
            return Err(damage);
        }
        let mut target = limits.batch;
        let mut buffer = pool.take(self.room(target, stop) + 64);
        let (end, cut) = loop {
            if whole > 0 {
                buffer.extend_from_slice(&std::mem::take(&mut self.ahead));
                break (false, whole);
            }
            buffer.reserve_exact(self.room(target, stop).saturating_sub(buffer.len()) + 64);
            let carried = self.ahead.split_to(self.ahead.len().min(target - buffer.len()));
            buffer.extend_from_slice(&carried);
            let end = match self.fill(&mut buffer, target) {
                Ok(end) => end,
                Err(error) => {
                    // What comes before the damage can still be had.
                    let cut = cutter.find(&buffer);
                    if cut == 0 || !error::is_of_the_file(&error) {
                        return Err(error);
                    }
                    self.damage = Some(error);
                    break (false, cut);
                }
            };
            let cut = if end && self.all { buffer.len() } else { cutter.find(&buffer) };
            if cut > 0 || end {
                break (end, cut);
            }
            if buffer.len() > limits.document {
                let message = "a record is longer than a document may be";
                return Err(Error::new(ErrorKind::RecordTooLarge, message)
                    .with("path", self.path.display())
                    .with("offset", self.at)
                    .with("limit", limits.document));
            }
            target = (2 * buffer.len()).min(limits.document + 1);
        };
        let all = cut;
        let cut = self.known.divide(&buffer[..all]);
        let end = end && cut == all;
        if self.known.headed.is_none() {
            format = Arc::clone(&self.known.format);
        }
        if buffer.len() < buffer.capacity() / 2 {
            buffer.shrink_to_fit();
        }
        let document = self.take(pool.lend(buffer), cut);
        let document = (cut > 0)
            .then(|| Document::new(document, Arc::clone(&self.locator), format).at(self.at - cut as u64));
        Ok(Chunk {
            document,
            end: end || (self.packed.is_none() && self.at >= stop && self.damage.is_none()),
        })
    }

    /// How much memory to ask for at once.
    fn room(&self, target: usize, stop: u64) -> usize {
        match self.packed {
            Some(_) => target,
            None => usize::try_from(stop.saturating_sub(self.at)).map_or(target, |rest| rest.min(target)),
        }
    }

    /// Reads until the buffer is as long as wanted, or says that the file ends.
    fn fill(&mut self, buffer: &mut Vec<u8>, target: usize) -> Result<bool> {
        let want = target - buffer.len();
        let read = (&mut self.input).take(want as u64).read_to_end(buffer);
        let at = self.at + buffer.len() as u64;
        let read = read.map_err(|cause| error::reading(cause, &self.path, at, self.packed.is_some()))?;
        Ok(read < want)
    }

    /// Divides what was read into the document and what is ahead of it.
    fn take(&mut self, bytes: Bytes, cut: usize) -> Bytes {
        let document = bytes.slice(..cut);
        let rest = bytes.slice(cut..);
        self.ahead = match (rest.is_empty(), self.ahead.is_empty()) {
            (_, true) => rest,
            (true, false) => std::mem::take(&mut self.ahead),
            (false, false) => [rest, std::mem::take(&mut self.ahead)].concat().into(),
        };
        self.at += cut as u64;
        if self.packed.is_none() {
            self.print.extend(&document);
        }
        document
    }

    /// Where the next document begins.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Whether something was read that is not finished.
    pub(super) fn waits(&self) -> bool {
        !self.ahead.is_empty()
    }

    /// Whether what was read and is not finished is no longer in the file, which can be read from an offset on.
    pub(super) fn is_lost(&self, stat: &Stat, at: u64) -> bool {
        self.id == stat.id && (at < self.at || stat.size < self.at + self.ahead.len() as u64)
    }

    /// Takes the file as it stands from now on, because nobody will finish it. `gone` says whether only its name is
    /// gone; otherwise its content is, and what was read of it is all there is.
    pub(super) fn finish(&mut self, gone: bool) {
        self.all = true;
        if !gone {
            self.input = Box::new(io::empty());
        }
    }

    /// The format of what follows, unless it begins with the header.
    pub(super) fn format_of_the_rest(&self) -> Option<Arc<Format>> {
        let header_is_over = self.known.headed.as_ref().is_none_or(|(end, _)| self.at >= *end);
        header_is_over.then(|| Arc::clone(&self.known.format))
    }

    /// The file as a position keeps it.
    pub(super) fn entry(&self, stat: &Stat, was: Option<String>, end: bool) -> Entry {
        let (packed, print, sum) = match self.packed {
            Some((length, tag)) => (Some(length), tag, None),
            None => (None, self.print.tag(), Some(self.print.sum())),
        };
        let format = if end && !self.known.goes_on() { None } else { self.format_of_the_rest() };
        let seal = end.then_some(stat.seal);
        let csv = self.known.detected.as_ref().map(Found::to_text);
        Entry { id: stat.id, at: self.at, print, sum, seal, packed, format, csv, was, failed: None }
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading").field("path", &self.path).field("at", &self.at).finish_non_exhaustive()
    }
}

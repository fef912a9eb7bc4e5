//! The files of a spool. Blocking.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use datalake_core::{Entropy as _, Error, ErrorKind, Result, SystemEntropy};

use super::super::position::At;
use super::record::{self, Header, Record};

const SUFFIX: &str = "spool";

/// The longest state that is looked for behind something that cannot be read.
const STATE: usize = 128 << 10;

/// A folder with numbered files. Each opening begins a new one, so that a file is written by one process and what was torn
/// by its end is at the end of the file. A file begins with the end of the one before and the state there: what is missing
/// from the one before is seen, and the state outlives it.
#[derive(Debug)]
pub(super) struct Files {
    folder: PathBuf,
    /// What counts of a file, by its number.
    pub(super) spans: Spans,
    at: Option<At>,
    current: File,
    number: u64,
    longest: u64,
}

pub(super) type Spans = BTreeMap<u64, Span>;

/// The part of a file that has groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u64,
    pub(super) end: u64,
}

/// What an opened spool is.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) files: Files,
    /// Which spool it is.
    pub(super) name: String,
    /// The state after its last group.
    pub(super) at: Option<At>,
    /// Held as long as the spool is used.
    pub(super) lock: File,
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.display().to_string();
    move |cause| Error::io(what, cause).with("path", path)
}

impl Files {
    /// Opens a spool, or makes one.
    ///
    /// # Errors
    /// Another process has it; the folder cannot be used.
    pub(super) fn open(folder: &Path, longest: u64) -> Result<Opened> {
        let unusable = |cause| failed("the folder of the spool cannot be used", folder)(cause);
        if !folder.is_dir() {
            fs::create_dir_all(folder).map_err(unusable)?;
            let above = folder.parent().filter(|above| !above.as_os_str().is_empty());
            sync(above.unwrap_or(Path::new("."))).map_err(unusable)?;
        }
        let lock =
            OpenOptions::new().create(true).append(true).open(folder.join("lock")).map_err(unusable)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => Error::new(ErrorKind::Conflict, "another process has the spool")
                .with("path", folder.display())
                .retryable(),
            TryLockError::Error(cause) => unusable(cause),
        })?;
        let name = name(folder).map_err(unusable)?;
        let numbers = numbers(folder).map_err(unusable)?;
        let mut scans = BTreeMap::new();
        for number in &numbers {
            scans.insert(*number, Scan::of(&path(folder, *number))?);
        }
        let mut at = None;
        for (number, scan) in &mut scans {
            at = scan.at.take().or(at);
            let said = scan.header.as_ref().and_then(|header| header.before);
            scan.before = said.filter(|(before, _)| before < number);
        }
        for (before, end) in scans.values().filter_map(|scan| scan.before) {
            if let Some(found) = scans.get(&before).filter(|found| found.span.end < end) {
                return Err(damaged(&path(folder, before), found.span.end));
            }
        }
        if let Some((number, last)) = scans.last_key_value() {
            last.check_end(&path(folder, *number))?;
        }
        let mut spans: Spans = scans.iter().map(|(number, scan)| (*number, scan.span)).collect();
        let before = spans.last_key_value().map(|(number, span)| (*number, span.end));
        let number = before.map_or(1, |(last, _)| last + 1);
        let (current, span) = create(folder, number, before, at.as_ref())?;
        spans.insert(number, span);
        let files = Self { folder: folder.into(), spans, at: at.clone(), current, number, longest };
        Ok(Opened { files, name, at, lock })
    }

    /// Adds a group, which ends with a state, and makes it last.
    pub(super) fn append(&mut self, group: &[u8], at: &At) -> Result<()> {
        let Span { start, end } = self.written();
        if end > start && end + group.len() as u64 > self.longest {
            self.begin()?;
        }
        let unwritable = || failed("the spool cannot be written", &self.folder);
        let Span { start, end } = self.written();
        // What a write that failed has left is written over.
        self.current.seek(SeekFrom::Start(end)).map_err(unwritable())?;
        self.current.write_all(group).map_err(unwritable())?;
        self.current.sync_data().map_err(unwritable())?;
        self.spans.insert(self.number, Span { start, end: end + group.len() as u64 });
        self.at = Some(at.clone());
        Ok(())
    }

    /// Removes what is in the lake: the files before a place, and its own if nothing is left in it. The one being written
    /// goes only if the spool has more than `most` bytes.
    pub(super) fn remove(&mut self, number: u64, offset: u64, most: u64) -> Result<()> {
        let done = self.spans.get(&number).is_some_and(|span| offset >= span.end);
        if done && number == self.number && self.bytes() >= most {
            self.begin()?;
        }
        self.remove_before(if done { number + 1 } else { number })
    }

    fn written(&self) -> Span {
        self.spans.get(&self.number).copied().unwrap_or(Span { start: 0, end: 0 })
    }

    fn begin(&mut self) -> Result<()> {
        let before = (self.number, self.written().end);
        let (current, span) = create(&self.folder, self.number + 1, Some(before), self.at.as_ref())?;
        self.current = current;
        self.number += 1;
        self.spans.insert(self.number, span);
        Ok(())
    }

    fn remove_before(&mut self, number: u64) -> Result<()> {
        while let Some((&first, _)) = self.spans.first_key_value() {
            if first >= number || first == self.number {
                break;
            }
            match fs::remove_file(path(&self.folder, first)) {
                Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                    return Err(failed("a file of the spool cannot be removed", &self.folder)(cause));
                }
                _ => self.spans.remove(&first),
            };
        }
        Ok(())
    }

    /// How many bytes there are.
    pub(super) fn bytes(&self) -> u64 {
        self.spans.values().map(|span| span.end).sum()
    }

    /// Some bytes of a file, from an offset on.
    pub(super) fn read(folder: &Path, number: u64, from: u64, to: u64) -> Result<Bytes> {
        let unreadable = || failed("the spool cannot be read", folder);
        let mut file = File::open(path(folder, number)).map_err(unreadable())?;
        file.seek(SeekFrom::Start(from)).map_err(unreadable())?;
        let mut bytes = Vec::with_capacity((to - from) as usize);
        file.take(to - from).read_to_end(&mut bytes).map_err(unreadable())?;
        Ok(bytes.into())
    }
}

fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:020}.{SUFFIX}"))
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// A new file, which lasts with its header: where the one before ended, and the state there.
fn create(folder: &Path, number: u64, before: Option<(u64, u64)>, at: Option<&At>) -> Result<(File, Span)> {
    let header = record::header(&Header { before, at: at.cloned() })?;
    let made = || {
        // Nothing of this number counts: what a try that failed has left is written over.
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).open(path(folder, number))?;
        file.write_all(&header)?;
        file.sync_all()?;
        sync(folder)?;
        Ok(file)
    };
    let file = made().map_err(failed("the spool cannot be written", folder))?;
    let start = header.len() as u64;
    Ok((file, Span { start, end: start }))
}

/// What the spool is called, from its beginning to its end.
fn name(folder: &Path) -> io::Result<String> {
    let file = folder.join("name");
    match fs::read_to_string(&file) {
        Ok(name) if name.len() == 16 => return Ok(name),
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
        _ => {}
    }
    let name = format!("{:016x}", SystemEntropy.bits());
    let staged = folder.join("name.new");
    let mut new = File::create(&staged)?;
    new.write_all(name.as_bytes())?;
    new.sync_all()?;
    fs::rename(staged, file)?;
    sync(folder)?;
    Ok(name)
}

fn numbers(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number: Option<u64> =
            name.to_str().and_then(|name| name.strip_suffix(SUFFIX)?.strip_suffix('.')?.parse().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn damaged(path: &Path, offset: u64) -> Error {
    Error::new(ErrorKind::Corrupt, "a file of the spool is damaged, and what follows was acknowledged")
        .with("path", path.display())
        .with("offset", offset)
}

/// What was found in a file.
struct Scan {
    bytes: Bytes,
    header: Option<Header>,
    /// Which file its header says was before, and where that one ended.
    before: Option<(u64, u64)>,
    span: Span,
    /// The state after the last whole group, or that of the header.
    at: Option<At>,
    /// Of the last whole group: whose life wrote it and which group of it that is.
    last: Option<(Arc<str>, u64)>,
}

impl Scan {
    fn of(path: &Path) -> Result<Self> {
        let bytes = Bytes::from(fs::read(path).map_err(failed("the spool cannot be read", path))?);
        let mut found = Self {
            header: None,
            before: None,
            span: Span { start: 0, end: 0 },
            at: None,
            last: None,
            bytes: bytes.clone(),
        };
        let mut next = 0;
        while let Some((record, length)) = record::read(&bytes.slice(next..)) {
            next += length;
            match record {
                Record::Header(header) => {
                    found.span = Span { start: next as u64, end: next as u64 };
                    found.at.clone_from(&header.at);
                    found.header = Some(header);
                }
                Record::State(at) => {
                    found.span.end = next as u64;
                    found.last = Some((Arc::clone(&at.boot), at.batch));
                    found.at = Some(at);
                }
                Record::Message(_) => {}
            }
        }
        if found.span.end < bytes.len() as u64 {
            tracing::warn!(path = %path.display(), bytes = bytes.len() as u64 - found.span.end,
                "the end of a file of the spool was never finished and does not count");
        }
        Ok(found)
    }

    /// Only the last group can be torn: a group is written when the one before lasts. So what cannot be read is damage if
    /// there is something of a later group behind it.
    fn check_end(&self, path: &Path) -> Result<()> {
        let end = self.span.end as usize;
        let mut states = 0;
        let mut at = end;
        while at < self.bytes.len() {
            let here = self.bytes.slice(at..);
            let state = record::state(&here, STATE)
                .filter(|(state, _)| self.last.as_ref().is_none_or(|(boot, _)| *boot == state.boot));
            let Some((state, length)) = state else {
                at += 1;
                continue;
            };
            at += length;
            states += 1;
            let is_later = self.last.as_ref().is_some_and(|(_, batch)| state.batch > batch + 1);
            if states > 1 || is_later || record::read(&self.bytes.slice(at..)).is_some() {
                return Err(damaged(path, self.span.end));
            }
        }
        Ok(())
    }
}

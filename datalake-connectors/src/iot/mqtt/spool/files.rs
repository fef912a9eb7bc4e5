//! The files of a spool. Blocking.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use datalake_core::{Entropy as _, Error, ErrorKind, Result, SystemEntropy};

use super::super::position::At;
use super::record::{self, Record};

const SUFFIX: &str = "spool";

/// A folder with numbered files. Each opening begins a new one, so that a file is written by one process and what was torn
/// by its end is at the end of the file.
#[derive(Debug)]
pub(super) struct Files {
    folder: PathBuf,
    /// By its number, how many bytes of a file count.
    pub(super) ends: BTreeMap<u64, u64>,
    current: File,
    number: u64,
    longest: u64,
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
        fs::create_dir_all(folder).map_err(unusable)?;
        let lock =
            OpenOptions::new().create(true).append(true).open(folder.join("lock")).map_err(unusable)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => Error::new(ErrorKind::Conflict, "another process has the spool")
                .with("path", folder.display())
                .retryable(),
            TryLockError::Error(cause) => unusable(cause),
        })?;
        let name = name(folder).map_err(unusable)?;
        let (mut ends, mut at) = (BTreeMap::new(), None);
        for number in numbers(folder).map_err(unusable)? {
            let (end, last) = scan(&path(folder, number))?;
            ends.insert(number, end);
            at = last.or(at);
        }
        let number = ends.keys().next_back().map_or(1, |last| last + 1);
        let current = create(folder, number)?;
        ends.insert(number, 0);
        Ok(Opened { files: Self { folder: folder.into(), ends, current, number, longest }, name, at, lock })
    }

    /// Adds a group and makes it last.
    pub(super) fn append(&mut self, group: &[u8]) -> Result<()> {
        let end = self.ends.get(&self.number).copied().unwrap_or(0);
        if end > 0 && end + group.len() as u64 > self.longest {
            self.begin()?;
        }
        let unwritable = || failed("the spool cannot be written", &self.folder);
        let end = self.ends.get(&self.number).copied().unwrap_or(0);
        // What a write that failed has left is written over.
        self.current.seek(SeekFrom::Start(end)).map_err(unwritable())?;
        self.current.write_all(group).map_err(unwritable())?;
        self.current.sync_data().map_err(unwritable())?;
        self.ends.insert(self.number, end + group.len() as u64);
        Ok(())
    }

    /// Removes what is in the lake: the files before a place, and its own if nothing is left in it and the spool has more
    /// than `most` bytes.
    pub(super) fn remove(&mut self, number: u64, offset: u64, most: u64) -> Result<()> {
        let done = number == self.number && self.ends.get(&number).is_some_and(|end| offset >= *end);
        if done && self.bytes() >= most {
            self.begin()?;
        }
        self.remove_before(if done { self.number } else { number })
    }

    fn begin(&mut self) -> Result<()> {
        self.current = create(&self.folder, self.number + 1)?;
        self.number += 1;
        self.ends.insert(self.number, 0);
        Ok(())
    }

    fn remove_before(&mut self, number: u64) -> Result<()> {
        while let Some((&first, _)) = self.ends.first_key_value() {
            if first >= number || first == self.number {
                break;
            }
            match fs::remove_file(path(&self.folder, first)) {
                Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                    return Err(failed("a file of the spool cannot be removed", &self.folder)(cause));
                }
                _ => self.ends.remove(&first),
            };
        }
        Ok(())
    }

    /// How many bytes there are.
    pub(super) fn bytes(&self) -> u64 {
        self.ends.values().sum()
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

/// A new file, whose name lasts.
fn create(folder: &Path, number: u64) -> Result<File> {
    let unwritable = || failed("the spool cannot be written", folder);
    let file =
        OpenOptions::new().write(true).create_new(true).open(path(folder, number)).map_err(unwritable())?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(unwritable())?;
    Ok(file)
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
    File::open(folder)?.sync_all()?;
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

/// How many bytes of a file are whole groups, and the state after the last of them.
fn scan(path: &Path) -> Result<(u64, Option<At>)> {
    let bytes = Bytes::from(fs::read(path).map_err(failed("the spool cannot be read", path))?);
    let (mut at, mut end, mut state) = (0, 0, None);
    while let Some((record, length)) = record::read(&bytes.slice(at..)) {
        at += length;
        if let Record::State(found) = record {
            end = at;
            state = Some(found);
        }
    }
    if end < bytes.len() {
        tracing::warn!(path = %path.display(), bytes = bytes.len() - end,
            "the end of a file of the spool was never finished and does not count");
    }
    Ok((end as u64, state))
}

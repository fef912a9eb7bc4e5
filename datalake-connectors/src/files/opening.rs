//! Opening a file where it was left.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use datalake_core::Result;
use datalake_core::codec::{Compression, Expansion, decoder};

use super::dialect::Found;
use super::error;
use super::format::{Guess, Known, PROBE, is_appended, is_one};
use super::identity::{Print, Stat, sum};
use super::position::Entry;
use super::reading::{Reading, Start};

/// How files are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// A document is cut at the last record boundary before as many bytes.
    pub(super) batch: usize,
    /// A record may be this long.
    pub(super) document: usize,
    /// How far a compressed file may expand.
    pub(super) expansion: Expansion,
    /// Whether compressed files are decompressed.
    pub(super) decompress: bool,
    /// Whether a file may still be written to, so that what is not finished waits.
    pub(super) follow: bool,
}

/// A file to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) path: &'a Path,
    pub(super) stat: Stat,
    /// How far it has been read.
    pub(super) from: Option<&'a Entry>,
    /// Whether nobody has touched it for a while.
    pub(super) settled: bool,
}

/// What came of opening a file.
#[derive(Debug)]
pub(super) enum Opened {
    Reading(Box<Reading>),
    /// It was touched, but there is nothing new in it.
    Same,
    /// It is not finished.
    Waits,
}

/// Opens a file to go on where it was left, or from its beginning if its content before that is another now.
pub(super) fn open(wanted: Wanted<'_>, guess: &Guess, limits: Limits) -> Result<Opened> {
    let Wanted { path, stat, from, settled } = wanted;
    let failed = |cause| error::reading(cause, path, 0, false);
    let mut file = File::open(path).map_err(failed)?;
    if Stat::of(&file.metadata().map_err(failed)?).id != stat.id {
        // Another file has taken the name since the files were listed.
        return Ok(Opened::Waits);
    }
    let mut head = Vec::new();
    file.by_ref().take(4).read_to_end(&mut head).map_err(failed)?;
    let codec = if limits.decompress { Compression::detect(&head) } else { Compression::None };
    let packed = !codec.is_none();

    let mut print = Print::default();
    let mut from = from.filter(|entry| entry.at > 0 && entry.packed.is_some() == packed);
    if let Some(entry) = from {
        let upto = entry.packed.unwrap_or(entry.at);
        let before = match entry.sum {
            Some(sum) => sum,
            None if packed => 0,
            None => sum(&mut file, upto).map_err(failed)?,
        };
        print = Print::of(&mut file, upto, before).map_err(failed)?;
        let touched = entry.seal.is_some() && upto == stat.size && !packed;
        if upto > stat.size || print.tag() != entry.print {
            (from, print) = (None, Print::default());
        } else if touched && sum(&mut file, upto).map_err(failed)? != before {
            tracing::warn!(?path, "changed in place, so it is read again from its beginning");
            (from, print) = (None, Print::default());
        }
    }

    let may_change = limits.follow && !settled;
    let found = from.and_then(|entry| entry.csv.as_deref()).and_then(Found::from_text);
    let stored = from.and_then(|entry| entry.format.clone());
    let known = match stored {
        Some(format) => Known { detected: found.clone(), ..Known::plain(format) },
        None => {
            let head = beginning(&mut file, codec, limits.expansion, guess)
                .map_err(|cause| error::reading(cause, path, 0, packed))?;
            match head.resolve(guess, found.as_ref(), !may_change, path)? {
                Some(known) => known,
                None => return Ok(Opened::Waits),
            }
        }
    };
    if let Some(entry) = from
        && is_one(&known.format)
        && entry.seal.is_some()
    {
        if entry.packed.unwrap_or(entry.at) == stat.size {
            return Ok(Opened::Same);
        }
        (from, print) = (None, Print::default());
    }
    let appended = is_appended(&known.format) && !packed;
    if may_change && !appended {
        return Ok(Opened::Waits);
    }
    let rotated = wanted.from.is_some_and(|entry| entry.was.is_some());
    let all = !limits.follow || !appended || (rotated && settled);

    let at = from.map_or(0, |entry| entry.at);
    let packed = match packed {
        true => Some((stat.size, Print::of(&mut file, stat.size, 0).map_err(failed)?.tag())),
        false => None,
    };
    let failed = |cause| error::reading(cause, path, at, packed.is_some());
    let input = input(file, codec, at, limits.expansion).map_err(failed)?;
    let (locator, path) = (path.to_string_lossy().into(), path.to_path_buf());
    let start = Start { path, locator, id: stat.id, known, input, at, print, packed, all };
    Ok(Opened::Reading(Box::new(Reading::new(start))))
}

/// The beginning of the content.
pub(super) struct Beginning {
    bytes: Vec<u8>,
    /// What ended it early: the content is damaged behind it.
    damage: Option<io::Error>,
}

impl Beginning {
    /// The format of content that begins so. `ends` says that there will be no more than there is. `None` if there is not
    /// enough of it yet.
    pub(super) fn resolve(
        self,
        guess: &Guess,
        found: Option<&Found>,
        ends: bool,
        path: &Path,
    ) -> Result<Option<Known>> {
        let whole = (self.bytes.len() as u64) < PROBE && self.damage.is_none() && ends;
        let known =
            guess.resolve(&self.bytes, found, whole).map_err(|error| error.with("path", path.display()))?;
        match (known, self.damage) {
            (None, Some(cause)) => Err(error::reading(cause, path, 0, true)),
            (known, _) => Ok(known),
        }
    }
}

/// As much of the beginning of the content as is needed to know the format.
pub(super) fn beginning(
    file: &mut (impl Read + Seek + Send),
    codec: Compression,
    bounds: Expansion,
    guess: &Guess,
) -> io::Result<Beginning> {
    let (mut bytes, mut damage) = (Vec::new(), None);
    if !matches!(guess, Guess::Known(_)) {
        file.rewind()?;
        if let Err(cause) = decoder(codec, file, bounds)?.take(PROBE).read_to_end(&mut bytes) {
            if bytes.is_empty() || codec.is_none() || !error::is_of_the_content(&cause) {
                return Err(cause);
            }
            // It is met again when the content is read.
            damage = Some(cause);
        }
    }
    Ok(Beginning { bytes, damage })
}

/// The content from an offset on.
pub(super) fn input(
    mut file: impl Read + Seek + Send + 'static,
    codec: Compression,
    at: u64,
    bounds: Expansion,
) -> io::Result<Box<dyn Read + Send>> {
    if codec.is_none() {
        file.seek(SeekFrom::Start(at))?;
        return Ok(Box::new(file));
    }
    file.rewind()?;
    let mut content = decoder(codec, file, bounds)?;
    let passed = io::copy(&mut content.by_ref().take(at), &mut io::sink())?;
    if passed < at {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(content)
}

//! Which files there are.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use datalake_core::{Error, Result};
use glob::MatchOptions;

use super::identity::Stat;

pub(super) const MATCHING: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// A file, a directory or a glob.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    text: PathBuf,
    recursive: bool,
    /// The part of a glob before the first wildcard, if it is one.
    glob: Option<PathBuf>,
}

/// A file that is there.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// Its path below the root, with `/` between the parts. Bytes that are not UTF-8 are written as `%` and two digits.
    pub(super) key: String,
    pub(super) path: PathBuf,
    pub(super) stat: Stat,
}

/// The files that are there, and what could not be looked into.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) files: Vec<Found>,
    pub(super) failed: Vec<(PathBuf, Error)>,
}

impl Pattern {
    pub(super) fn new(text: PathBuf, recursive: bool) -> Result<Self> {
        let wild = |part: &Path| part.to_string_lossy().contains(['*', '?', '[']);
        let glob = text
            .components()
            .any(|part| wild(part.as_ref()))
            .then(|| text.components().take_while(|part| !wild(part.as_ref())).collect::<PathBuf>());
        if glob.is_some() {
            let Some(text) = text.to_str() else {
                return Err(Error::config("a glob must be UTF-8").with("pattern", text.display()));
            };
            glob::Pattern::new(text).map_err(|cause| {
                Error::config("the glob cannot be read").with("pattern", text).caused_by(cause)
            })?;
        }
        Ok(Self { text, recursive, glob })
    }

    pub(super) fn display(&self) -> impl fmt::Display + '_ {
        self.text.display()
    }

    /// Where keys begin.
    pub(super) fn root(&self) -> PathBuf {
        if fs::metadata(&self.text).is_ok_and(|metadata| metadata.is_dir()) {
            return self.text.clone();
        }
        match &self.glob {
            Some(root) if fs::symlink_metadata(&self.text).is_err() => root.clone(),
            _ => self.text.parent().map(Path::to_path_buf).unwrap_or_default(),
        }
    }

    /// Lists the files, sorted by key. Files and directories whose name begins with a dot are passed over, so are lock
    /// files, and directories behind symbolic links are not entered. `None` if there is no such file or directory, or nothing where
    /// a glob begins.
    pub(super) fn list(&self) -> Result<Option<Listing>> {
        let root = self.root();
        let mut listing = Listing::default();
        let failed = |cause| Error::io("cannot look at the files", cause).with("path", self.text.display());
        match fs::metadata(&self.text) {
            Ok(metadata) if metadata.is_dir() => {
                directory(&self.text, self.recursive, &root, &mut listing).map_err(failed)?;
            }
            Ok(metadata) if metadata.is_file() => listing.push(&root, &self.text, &metadata),
            Ok(_) => {
                let error = Error::config("neither a file nor a directory");
                return Err(error.with("path", self.text.display()));
            }
            Err(cause) if cause.kind() == io::ErrorKind::NotFound && self.glob.is_none() => return Ok(None),
            Err(cause) if self.glob.is_none() => return Err(failed(cause)),
            Err(_) if root.as_os_str().is_empty() || root.is_dir() => self.matching(&root, &mut listing)?,
            Err(_) => return Ok(None),
        }
        listing.files.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(Some(listing))
    }

    fn matching(&self, root: &Path, listing: &mut Listing) -> Result<()> {
        let text = self.text.to_str().unwrap_or_default();
        let paths = glob::glob_with(text, MATCHING).map_err(|cause| {
            Error::config("the glob cannot be read").with("pattern", text).caused_by(cause)
        })?;
        for path in paths {
            match path {
                Ok(path) if is_lock(&path) => {}
                Ok(path) => match fs::metadata(&path) {
                    Ok(metadata) if metadata.is_file() => listing.push(root, &path, &metadata),
                    Ok(_) => {}
                    Err(cause) => listing.fault(path, cause),
                },
                Err(error) => {
                    let path = error.path().to_path_buf();
                    listing.fault(path, error.into());
                }
            }
        }
        Ok(())
    }
}

/// Whether it is what a program of an office leaves beside a file that somebody has open.
pub(super) fn is_lock(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"~$"))
}

fn directory(path: &Path, recursive: bool, root: &Path, listing: &mut Listing) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().first() == Some(&b'.')
            || is_lock(Path::new(&entry.file_name()))
        {
            continue;
        }
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if recursive && let Err(cause) = directory(&path, true, root, listing) {
                listing.fault(path, cause);
            }
            continue;
        }
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => listing.push(root, &path, &metadata),
            Ok(_) => {}
            Err(cause) => listing.fault(path, cause),
        }
    }
    Ok(())
}

impl Listing {
    fn push(&mut self, root: &Path, path: &Path, metadata: &fs::Metadata) {
        self.files.push(Found { key: key(root, path), path: path.to_path_buf(), stat: Stat::of(metadata) });
    }

    /// A file that has gone since it was listed is no failure.
    fn fault(&mut self, path: PathBuf, cause: io::Error) {
        if cause.kind() != io::ErrorKind::NotFound {
            self.failed.push((path, Error::io("cannot look at it", cause)));
        }
    }
}

/// Looks for a file by its identity among the files of one directory.
pub(super) fn sibling(root: &Path, directory: &Path, stat: impl Fn(&Stat) -> bool) -> Option<Found> {
    let entries = fs::read_dir(directory).ok()?;
    entries.flatten().find_map(|entry| {
        let path = entry.path();
        let metadata = fs::metadata(&path).ok().filter(fs::Metadata::is_file)?;
        let found = Stat::of(&metadata);
        stat(&found).then(|| Found { key: key(root, &path), path, stat: found })
    })
}

/// The path of a file below the root.
pub(super) fn key(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    let mut key = String::new();
    for chunk in below.as_os_str().as_encoded_bytes().utf8_chunks() {
        key.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| key.push_str(&format!("%{byte:02X}")));
    }
    if cfg!(windows) { key.replace('\\', "/") } else { key }
}

//! An object as bytes to be read in order, in a blocking thread.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use bytes::Bytes;
use datalake_core::Error;
use datalake_core::store::{ObjectInfo, ObjectStore};
use tokio::runtime::Handle;

/// Reads an object by ranges. All are of the version that was seen.
pub(super) struct Ranges {
    store: Arc<dyn ObjectStore>,
    info: ObjectInfo,
    runtime: Handle,
    /// The length of a range.
    length: u64,
    at: u64,
    /// The range at hand, and where it begins.
    range: (u64, Bytes),
}

impl Ranges {
    pub(super) fn new(store: Arc<dyn ObjectStore>, info: ObjectInfo, runtime: Handle, length: usize) -> Self {
        Self { store, info, runtime, length: length as u64, at: 0, range: (0, Bytes::new()) }
    }

    /// What of the range at hand is from the place on.
    fn at_hand(&self) -> &[u8] {
        let (start, bytes) = &self.range;
        let skip = self.at.checked_sub(*start).and_then(|skip| usize::try_from(skip).ok());
        skip.and_then(|skip| bytes.get(skip..)).unwrap_or_default()
    }
}

impl Read for Ranges {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() || self.at >= self.info.bytes {
            return Ok(0);
        }
        if self.at_hand().is_empty() {
            let end = (self.at + self.length).min(self.info.bytes);
            let range = self.at..end;
            let bytes = self.runtime.block_on(self.store.get_range_of(&self.info, range.clone()));
            let bytes = bytes.map_err(io::Error::other)?;
            if bytes.len() as u64 != range.end - range.start {
                let error =
                    Error::new(datalake_core::ErrorKind::Unavailable, "a part of an object came in part");
                return Err(io::Error::other(error.with("offset", self.at)));
            }
            self.range = (self.at, bytes);
        }
        let given = self.at_hand();
        let length = given.len().min(out.len());
        out[..length].copy_from_slice(&given[..length]);
        self.at += length as u64;
        Ok(length)
    }
}

impl Seek for Ranges {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.info.bytes.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

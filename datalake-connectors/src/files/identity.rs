//! Which file a file is, and whether it is still the one that was read.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use crc32fast::Hasher;
use datalake_core::Sha256;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How much of the beginning, and of what comes before a position, tells one content from another.
const PRINT: u64 = 1024;

/// Sixty-four bits of a digest, as 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Tag(u64);

impl Tag {
    pub(super) fn of<const N: usize>(parts: [&[u8]; N]) -> Self {
        let digest = Sha256::of_parts(parts);
        Self(digest.as_bytes()[..8].iter().fold(0, |tag, byte| tag << 8 | u64::from(*byte)))
    }

    pub(super) fn to_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    pub(super) fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(u64::from_be_bytes(bytes))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Tag {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(Self)
    }
}

impl Serialize for Tag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Tag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// What the file system says of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stat {
    /// Bytes.
    pub(super) size: u64,
    /// The same under every name and for as long as the file lives: the inode, and when it was made where that is known,
    /// so that an inode used again is another file; otherwise the device.
    pub(super) id: Tag,
    /// The same as long as nobody has touched the file.
    pub(super) seal: Tag,
    /// When it was last written.
    pub(super) written: SystemTime,
}

impl Stat {
    pub(super) fn of(metadata: &Metadata) -> Self {
        let size = metadata.len();
        let written = metadata.modified().unwrap_or(UNIX_EPOCH);
        let born = metadata.created().ok().map(nanos);
        let (inode, device, changed) = unix(metadata);
        let origin = born.map_or_else(|| device.to_le_bytes().to_vec(), |born| born.to_le_bytes().to_vec());
        Self {
            size,
            id: Tag::of([&inode.to_le_bytes(), &origin]),
            seal: Tag::of([&size.to_le_bytes(), &nanos(written).to_le_bytes(), &changed]),
            written,
        }
    }
}

fn nanos(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()
}

#[cfg(unix)]
fn unix(metadata: &Metadata) -> (u64, u64, [u8; 16]) {
    use std::os::unix::fs::MetadataExt;
    let mut changed = [0; 16];
    changed[..8].copy_from_slice(&metadata.ctime().to_le_bytes());
    changed[8..].copy_from_slice(&metadata.ctime_nsec().to_le_bytes());
    (metadata.ino(), metadata.dev(), changed)
}

#[cfg(not(unix))]
fn unix(_: &Metadata) -> (u64, u64, [u8; 16]) {
    (0, 0, [0; 16])
}

/// What tells the content before a position from another: its first and its last bytes, and a checksum of all.
#[derive(Debug, Clone, Default)]
pub(super) struct Print {
    head: Vec<u8>,
    tail: Vec<u8>,
    sum: Hasher,
}

impl Print {
    /// Of the bytes of a file before a position, of which the checksum is known. Less of them if the file is shorter.
    pub(super) fn of(file: &mut File, at: u64, sum: u32) -> io::Result<Self> {
        let mut print = Self { sum: Hasher::new_with_initial(sum), ..Self::default() };
        file.rewind()?;
        file.by_ref().take(at.min(PRINT)).read_to_end(&mut print.head)?;
        file.seek(SeekFrom::Start(at.saturating_sub(PRINT)))?;
        file.by_ref().take(at.min(PRINT)).read_to_end(&mut print.tail)?;
        Ok(print)
    }

    /// Moves the position on, over some bytes.
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        self.sum.update(bytes);
        let room = PRINT as usize - self.head.len();
        self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        let last = &bytes[bytes.len().saturating_sub(PRINT as usize)..];
        let keep = PRINT as usize - last.len();
        self.tail.drain(..self.tail.len().saturating_sub(keep));
        self.tail.extend_from_slice(last);
    }

    pub(super) fn tag(&self) -> Tag {
        Tag::of([&self.head, &self.tail])
    }

    pub(super) fn sum(&self) -> u32 {
        self.sum.clone().finalize()
    }
}

/// The checksum of the bytes of a file before a position.
pub(super) fn sum(file: &mut File, at: u64) -> io::Result<u32> {
    file.rewind()?;
    let mut sum = Hasher::new();
    let mut rest = file.by_ref().take(at);
    let mut block = vec![0; 256 << 10];
    loop {
        match rest.read(&mut block)? {
            0 => return Ok(sum.finalize()),
            n => sum.update(&block[..n]),
        }
    }
}

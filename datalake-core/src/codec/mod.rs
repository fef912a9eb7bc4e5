//! Compression: in frames that can be read alone on the way out, with bounds on expansion on the way in.

use std::fmt;
use std::io::{self, Read, Write};
use std::str::FromStr;

use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

mod bounded;
mod frames;

pub use bounded::{Expansion, TooLarge, decoder};
pub use frames::Frames;

/// How bytes are compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// Zstandard (RFC 8878).
    Zstd,
    /// gzip (RFC 1952).
    Gzip,
}

impl Compression {
    /// Whether there is none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// The end of a file name: empty, `.zst` or `.gz`.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Zstd => ".zst",
            Self::Gzip => ".gz",
        }
    }

    /// The level at which the library compresses where none is set: 1 for Zstandard, 6 for gzip, 0 for none. With rows
    /// and JSON level 1 of Zstandard is as small as level 3 and takes half the time.
    #[must_use]
    pub fn level(self) -> i32 {
        match self {
            Self::None => 0,
            Self::Zstd => 1,
            Self::Gzip => 6,
        }
    }

    /// The compression that the first bytes of a file show.
    #[must_use]
    pub fn detect(head: &[u8]) -> Self {
        match head {
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            [0x1f, 0x8b, 0x08, ..] => Self::Gzip,
            _ => Self::None,
        }
    }

    /// Compresses parts into one frame, at a level (zstd 1 to 19, gzip 1 to 9; ignored for none). Frames one after
    /// the other are a valid file whose content is theirs one after the other.
    ///
    /// # Errors
    /// [`ConfigInvalid`](crate::ErrorKind::ConfigInvalid) for a level out of range.
    pub fn frame(self, level: i32, parts: &[Bytes]) -> Result<Bytes> {
        let failed = |cause| self.failed(level, cause);
        Ok(match self {
            Self::None => parts.concat().into(),
            Self::Zstd => return Frames::new(self, level)?.frame(parts),
            Self::Gzip => {
                let out = BytesMut::with_capacity(parts.iter().map(Bytes::len).sum::<usize>() / 4 + 128);
                let level = u32::try_from(level).unwrap_or(6).clamp(1, 9);
                let mut encoder =
                    flate2::write::GzEncoder::new(out.writer(), flate2::Compression::new(level));
                parts.iter().try_for_each(|part| encoder.write_all(part)).map_err(failed)?;
                encoder.finish().map_err(failed)?.into_inner().freeze()
            }
        })
    }

    /// Decompresses all of the bytes, however many frames they are.
    ///
    /// # Errors
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if the bytes are not a whole file of this codec;
    /// [`RecordTooLarge`](crate::ErrorKind::RecordTooLarge) beyond the bounds.
    pub fn decompress(self, bytes: &Bytes, bounds: Expansion) -> Result<Bytes> {
        if self.is_none() {
            return Ok(bytes.clone());
        }
        let mut content = Vec::new();
        decoder(self, io::Cursor::new(bytes.clone()), bounds)
            .and_then(|mut decoder| decoder.read_to_end(&mut content))
            .map_err(|cause| bounded::failure(self, cause))?;
        Ok(content.into())
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        })
    }
}

impl FromStr for Compression {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "none" => Ok(Self::None),
            "zstd" | "zst" => Ok(Self::Zstd),
            "gzip" | "gz" => Ok(Self::Gzip),
            _ => Err(Error::config("compression is none, zstd or gzip").with("found", text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn frames_one_after_the_other_read_as_one() {
        for codec in [Compression::None, Compression::Zstd, Compression::Gzip] {
            let mut file = BytesMut::new();
            for part in ["one,", "", "two"] {
                file.extend_from_slice(&codec.frame(3, &[Bytes::from(part)]).unwrap());
            }
            let file = file.freeze();
            assert_eq!(codec.decompress(&file, Expansion::default()).unwrap(), "one,two", "{codec}");
            if !codec.is_none() {
                assert_eq!(Compression::detect(&file), codec);
                let error =
                    codec.decompress(&file.slice(..file.len() - 3), Expansion::default()).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            }
        }
    }

    #[test]
    fn a_bomb_is_refused_before_it_fills_memory() {
        let zeros = Bytes::from(vec![0; 64 << 20]);
        for codec in [Compression::Zstd, Compression::Gzip] {
            let bomb = codec.frame(9, std::slice::from_ref(&zeros)).unwrap();
            let error = codec.decompress(&bomb, Expansion::default()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::RecordTooLarge, "{error}");
            let total = Expansion { ratio: u64::MAX, total: 1 << 20 };
            assert_eq!(codec.decompress(&bomb, total).unwrap_err().kind(), ErrorKind::RecordTooLarge);
        }
    }
}

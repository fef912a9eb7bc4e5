//! Frames made one after the other in the same memory.

use std::fmt;
use std::io;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use super::Compression;
use crate::{Error, Result};

/// The largest buffer kept for the next frame, bytes.
const LARGEST: usize = 32 << 20;

/// Compresses frames in the memory of the frames before, which spares the operating system most of the work of handing
/// out memory. May be used from several threads at once; keeps as much as was in use at once, but no more than one
/// set of buffers a processor, each at most 32 MiB.
///
/// ```
/// use datalake_core::codec::{Compression, Expansion, Frames};
///
/// let frames = Frames::new(Compression::Zstd, 3)?;
/// let mut lines = frames.buffer();
/// lines.extend_from_slice(b"one\ntwo\n");
/// let frame = frames.frame_buffer(lines)?;
/// assert_eq!(Compression::Zstd.decompress(&frame, Expansion::default())?, "one\ntwo\n");
/// # Ok::<(), datalake_core::Error>(())
/// ```
pub struct Frames {
    compression: Compression,
    level: i32,
    threads: usize,
    spare: Mutex<Spare>,
}

#[derive(Default)]
struct Spare {
    benches: Vec<Bench>,
    buffers: Vec<Vec<u8>>,
}

/// What one frame is made with.
struct Bench {
    compressor: zstd::bulk::Compressor<'static>,
    out: Vec<u8>,
}

impl Bench {
    fn new(level: i32) -> io::Result<Self> {
        if !zstd::compression_level_range().contains(&level) || level == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "there is no such level"));
        }
        let mut compressor = zstd::bulk::Compressor::new(level)?;
        compressor.set_parameter(zstd::zstd_safe::CParameter::ChecksumFlag(true))?;
        Ok(Self { compressor, out: Vec::new() })
    }

    /// One frame from one piece of memory: about a third faster than handing the compressor its input in portions.
    fn frame(&mut self, content: &[u8]) -> io::Result<Bytes> {
        self.out.clear();
        self.out.reserve(zstd::zstd_safe::compress_bound(content.len()));
        self.compressor.compress_to_buffer(content, &mut self.out)?;
        Ok(Bytes::copy_from_slice(&self.out))
    }
}

impl Frames {
    /// Frames of this compression and level (zstd 1 to 19, gzip 1 to 9; ignored for none).
    ///
    /// # Errors
    /// [`ConfigInvalid`](crate::ErrorKind::ConfigInvalid) for a level out of range.
    pub fn new(compression: Compression, level: i32) -> Result<Self> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let frames = Self { compression, level, threads, spare: Mutex::default() };
        frames.frame(&[])?;
        Ok(frames)
    }

    /// How the frames are compressed.
    #[must_use]
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// At which level.
    #[must_use]
    pub fn level(&self) -> i32 {
        self.level
    }

    /// Compresses parts into one frame, as [`Compression::frame`] does and to the same bytes.
    ///
    /// # Errors
    /// Memory runs out.
    pub fn frame(&self, parts: &[Bytes]) -> Result<Bytes> {
        match (self.compression, parts) {
            (Compression::Zstd, [whole]) => self.zstd(whole),
            (Compression::Zstd, _) => {
                let mut whole = self.buffer();
                whole.reserve(parts.iter().map(Bytes::len).sum());
                parts.iter().for_each(|part| whole.extend_from_slice(part));
                self.frame_buffer(whole)
            }
            _ => self.compression.frame(self.level, parts),
        }
    }

    /// An empty buffer, in the memory of one given to [`frame_buffer`](Self::frame_buffer) before.
    #[must_use]
    pub fn buffer(&self) -> Vec<u8> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).buffers.pop().unwrap_or_default()
    }

    /// Compresses what is in a buffer into one frame, and keeps its memory. Without compression, the buffer becomes
    /// the frame.
    ///
    /// # Errors
    /// Memory runs out.
    pub fn frame_buffer(&self, mut content: Vec<u8>) -> Result<Bytes> {
        match self.compression {
            Compression::None => return Ok(Bytes::from(content)),
            Compression::Gzip => return self.frame(&[Bytes::from(content)]),
            Compression::Zstd => {}
        }
        let frame = self.zstd(&content);
        content.clear();
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if content.capacity() <= LARGEST && spare.buffers.len() < self.threads {
            spare.buffers.push(content);
        }
        frame
    }

    fn zstd(&self, content: &[u8]) -> Result<Bytes> {
        let kept = self.spare.lock().unwrap_or_else(PoisonError::into_inner).benches.pop();
        let made = kept.map_or_else(|| Bench::new(self.level), Ok);
        let (bench, frame) = made
            .and_then(|mut bench| {
                let frame = bench.frame(content)?;
                Ok((bench, frame))
            })
            .map_err(|cause| self.compression.failed(self.level, cause))?;
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if bench.out.capacity() <= LARGEST && spare.benches.len() < self.threads {
            spare.benches.push(bench);
        }
        Ok(frame)
    }
}

impl Compression {
    pub(super) fn failed(self, level: i32, cause: io::Error) -> Error {
        Error::config("cannot compress").with("codec", self).with("level", level).caused_by(cause)
    }
}

impl fmt::Debug for Frames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frames")
            .field("compression", &self.compression)
            .field("level", &self.level)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_the_frames_before_changes_no_byte() {
        for codec in [Compression::None, Compression::Zstd, Compression::Gzip] {
            let frames = Frames::new(codec, 3).unwrap();
            for n in [3_u64, 100_000, 0, 1, 70_000] {
                let text = (0..n).map(|i| format!("{},", i * i % 977)).collect::<String>();
                let (one, two) = text.split_at(text.len() / 3);
                let parts = [Bytes::copy_from_slice(one.as_bytes()), Bytes::copy_from_slice(two.as_bytes())];
                let fresh = codec.frame(3, &parts).unwrap();
                assert_eq!(frames.frame(&parts).unwrap(), fresh, "{codec}, {n}");
                let mut buffer = frames.buffer();
                assert!(buffer.is_empty());
                buffer.extend_from_slice(text.as_bytes());
                assert_eq!(frames.frame_buffer(buffer).unwrap(), fresh, "{codec}, {n}");
            }
        }
    }

    #[test]
    fn a_buffer_comes_back_and_a_huge_one_does_not() {
        let frames = Frames::new(Compression::Zstd, 1).unwrap();
        let lines = Vec::with_capacity(1 << 20);
        let place = lines.as_ptr();
        frames.frame_buffer(lines).unwrap();
        let again = frames.buffer();
        assert_eq!((again.as_ptr(), again.len()), (place, 0));
        frames.frame_buffer(Vec::with_capacity(LARGEST + 1)).unwrap();
        assert_eq!(frames.buffer().capacity(), 0);
    }

    #[test]
    fn a_level_out_of_range_is_refused_at_once() {
        assert!(Frames::new(Compression::Zstd, 23).is_err());
        assert!(Frames::new(Compression::Zstd, 0).is_err());
    }
}

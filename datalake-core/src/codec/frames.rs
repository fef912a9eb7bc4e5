//! Frames made one after the other in the same memory.

use std::fmt;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use zstd::bulk::Compressor;

use super::Compression;
use crate::{BufferPool, Error, Result};

/// How much memory is kept for the next frames, bytes.
const KEPT: usize = 64 << 20;
/// From so many bytes on, a frame that is copied, since it fills less than half of what it was made in, is copied into
/// memory that comes back. A smaller one gets memory of just its size: there may be many, which wait for long.
const LARGE: usize = 128 << 10;

/// Compresses frames in the memory of the frames before, which spares the operating system most of the work of handing
/// out memory. May be used from several threads at once; keeps at most 64 MiB for the next frames.
///
/// ```
/// use datalake_core::codec::{Compression, Expansion, Frames};
///
/// let frames = Frames::new(Compression::Zstd, 3)?;
/// let mut lines = frames.buffer(100);
/// lines.extend_from_slice(b"one\ntwo\n");
/// let frame = frames.frame_buffer(lines)?;
/// assert_eq!(Compression::Zstd.decompress(&frame, Expansion::default())?, "one\ntwo\n");
/// # Ok::<(), datalake_core::Error>(())
/// ```
pub struct Frames {
    compression: Compression,
    level: i32,
    threads: usize,
    compressors: Mutex<Vec<Compressor<'static>>>,
    pool: BufferPool,
}

impl Frames {
    /// Frames of this compression and level (zstd 1 to 19, gzip 1 to 9; ignored for none).
    ///
    /// # Errors
    /// [`ConfigInvalid`](crate::ErrorKind::ConfigInvalid) for a level out of range.
    pub fn new(compression: Compression, level: i32) -> Result<Self> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let pool = BufferPool::new(KEPT);
        let frames = Self { compression, level, threads, compressors: Mutex::default(), pool };
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
                let mut whole = self.buffer(parts.iter().map(Bytes::len).sum());
                parts.iter().for_each(|part| whole.extend_from_slice(part));
                self.frame_buffer(whole)
            }
            _ => self.compression.frame(self.level, parts),
        }
    }

    /// An empty buffer with room for so many bytes; for Zstandard in the memory of one given to
    /// [`frame_buffer`](Self::frame_buffer) before, if there is one of about that size.
    #[must_use]
    pub fn buffer(&self, bytes: usize) -> Vec<u8> {
        self.pool.take(bytes)
    }

    /// Compresses what is in a buffer into one frame, and keeps its memory if that is done by Zstandard. Without compression,
    /// the buffer becomes the frame.
    ///
    /// # Errors
    /// Memory runs out.
    pub fn frame_buffer(&self, content: Vec<u8>) -> Result<Bytes> {
        match self.compression {
            Compression::None => Ok(Bytes::from(content)),
            Compression::Gzip => self.frame(&[Bytes::from(content)]),
            Compression::Zstd => {
                let frame = self.zstd(&content);
                self.pool.give(content);
                frame
            }
        }
    }

    /// One frame from one piece of memory: about a third faster than handing the compressor its input in portions.
    fn zstd(&self, content: &[u8]) -> Result<Bytes> {
        let mut frame = self.pool.take(zstd::zstd_safe::compress_bound(content.len()));
        let kept = self.compressors().pop();
        kept.map_or_else(|| compressor(self.level), Ok)
            .and_then(|mut compressor| {
                compressor.compress_to_buffer(content, &mut frame)?;
                let mut kept = self.compressors();
                if kept.len() < self.threads {
                    kept.push(compressor);
                }
                Ok(())
            })
            .map_err(|cause| self.compression.failed(self.level, cause))?;
        if frame.len() >= frame.capacity() / 2 {
            return Ok(self.pool.lend(frame));
        }
        // Most of that memory is for what might not have been compressed.
        let fitting = match frame.len() < LARGE {
            true => Bytes::copy_from_slice(&frame),
            false => {
                let mut fitting = self.pool.take(frame.len());
                fitting.extend_from_slice(&frame);
                self.pool.lend(fitting)
            }
        };
        self.pool.give(frame);
        Ok(fitting)
    }

    fn compressors(&self) -> MutexGuard<'_, Vec<Compressor<'static>>> {
        self.compressors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn compressor(level: i32) -> io::Result<Compressor<'static>> {
    if !zstd::compression_level_range().contains(&level) || level == 0 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "there is no such level"));
    }
    let mut compressor = Compressor::new(level)?;
    compressor.set_parameter(zstd::zstd_safe::CParameter::ChecksumFlag(true))?;
    Ok(compressor)
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
                let mut buffer = frames.buffer(text.len());
                assert!(buffer.is_empty());
                buffer.extend_from_slice(text.as_bytes());
                assert_eq!(frames.frame_buffer(buffer).unwrap(), fresh, "{codec}, {n}");
            }
        }
    }

    #[test]
    fn a_buffer_comes_back_and_so_does_a_large_frame_that_is_done_with() {
        let frames = Frames::new(Compression::Zstd, 1).unwrap();
        let mut random = crate::testkit::Rng::new(7);
        let noise: Vec<u8> = (0..2 * LARGE).map(|_| random.below(256) as u8).collect();
        let mut buffer = frames.buffer(4 * LARGE);
        let place = buffer.as_ptr();
        buffer.extend_from_slice(&noise);
        let frame = frames.frame_buffer(buffer).unwrap();
        let again = frames.buffer(4 * LARGE);
        assert_eq!((again.as_ptr(), again.len()), (place, 0));
        let (place, copy) = (frame.as_ptr(), frame.to_vec());
        let other = frames.frame(&[Bytes::from(noise.clone())]).unwrap();
        assert_ne!(other.as_ptr(), place, "the first is still read");
        assert_eq!(frame, copy);
        drop(frame);
        assert_eq!(frames.frame(&[Bytes::from(noise)]).unwrap().as_ptr(), place);
    }

    #[test]
    fn a_frame_holds_little_more_memory_than_it_has_bytes() {
        let frames = Frames::new(Compression::Zstd, 1).unwrap();
        let mut random = crate::testkit::Rng::new(7);
        for noise in [0, LARGE / 2, 2 * LARGE] {
            let mut content = vec![0; 64 * LARGE];
            content[..noise].fill_with(|| random.below(256) as u8);
            let content = Bytes::from(content);
            let bound = zstd::zstd_safe::compress_bound(content.len());
            let buffer = frames.pool.take(bound);
            let place = buffer.as_ptr();
            frames.pool.give(buffer);
            let kept: Vec<Bytes> =
                (0..3).map(|_| frames.frame(std::slice::from_ref(&content)).unwrap()).collect();
            assert!(kept.iter().all(|frame| frame.len() < bound / 2));
            let again = frames.pool.take(bound);
            assert_eq!(again.as_ptr(), place, "the large buffer is back while the frames are there");
            frames.pool.give(again);
        }
    }

    #[test]
    fn a_level_out_of_range_is_refused_at_once() {
        assert!(Frames::new(Compression::Zstd, 23).is_err());
        assert!(Frames::new(Compression::Zstd, 0).is_err());
    }
}

//! A decoder that stops before a small input fills the memory or the disk.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Compression;
use crate::{Error, ErrorKind};

/// The ratio is not checked before this many bytes have come out: small inputs of zeros are no attack.
const GRACE: u64 = 1 << 20;
/// The largest zstd window accepted, as a power of two: 128 MiB.
const WINDOW_LOG: u32 = 27;

/// How far compressed input may expand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expansion {
    /// Bytes out for a byte in, beyond the first mebibyte. 1,000 by default.
    pub ratio: u64,
    /// Bytes out in all. Unlimited by default: a stream is bounded by its reader.
    pub total: u64,
}

impl Default for Expansion {
    fn default() -> Self {
        Self { ratio: 1000, total: u64::MAX }
    }
}

/// The bound that was broken; found inside the [`io::Error`] of a [`decoder`].
#[derive(Debug, thiserror::Error)]
#[error("{from} bytes expand to more than {to}")]
pub struct TooLarge {
    from: u64,
    to: u64,
}

/// Reads compressed bytes as their content. Reads every member or frame of the input, checks their checksums, and
/// fails on a truncated one.
///
/// # Errors
/// An [`io::Error`] of kind `InvalidData` or `UnexpectedEof` if the input is damaged, and one that holds a
/// [`TooLarge`] beyond the bounds.
pub fn decoder<'a>(
    compression: Compression,
    input: impl Read + Send + 'a,
    bounds: Expansion,
) -> io::Result<Box<dyn Read + Send + 'a>> {
    bounded(compression, Box::new(input), bounds)
}

/// As [`decoder`], of any input: the decoders are compiled once, with this crate, and not for each kind of input again.
fn bounded<'a>(compression: Compression, input: Content<'a>, bounds: Expansion) -> io::Result<Content<'a>> {
    let taken = Arc::new(AtomicU64::new(0));
    let input = Counted { input: BufReader::with_capacity(128 << 10, input), taken: Arc::clone(&taken) };
    let content: Content<'a> = match compression {
        Compression::None => return Ok(Box::new(input)),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
        Compression::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(input)?;
            decoder.window_log_max(WINDOW_LOG)?;
            Box::new(decoder)
        }
    };
    Ok(Box::new(Bounded { content, taken, given: 0, bounds }))
}

/// The error of a [`decoder`], classified.
pub(super) fn failure(compression: Compression, cause: io::Error) -> Error {
    if cause.get_ref().is_some_and(|inner| inner.is::<TooLarge>()) {
        return Error::new(ErrorKind::RecordTooLarge, "the compressed input expands too far")
            .caused_by(cause);
    }
    Error::new(ErrorKind::Corrupt, "the compressed bytes are damaged")
        .with("codec", compression)
        .caused_by(cause)
}

/// Bytes to be read.
type Content<'a> = Box<dyn Read + Send + 'a>;

struct Counted<'a> {
    input: BufReader<Content<'a>>,
    taken: Arc<AtomicU64>,
}

impl Read for Counted<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.input.read(out)?;
        self.taken.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

impl BufRead for Counted<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.input.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.taken.fetch_add(n as u64, Ordering::Relaxed);
        self.input.consume(n);
    }
}

struct Bounded<'a> {
    content: Content<'a>,
    taken: Arc<AtomicU64>,
    given: u64,
    bounds: Expansion,
}

impl Read for Bounded<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        // A decoder gives out at most one window more than this before the next check.
        let room = out.len().min(256 << 10);
        let n = self.content.read(&mut out[..room])?;
        self.given += n as u64;
        let taken = self.taken.load(Ordering::Relaxed).max(1);
        let ratio = self.given > GRACE && self.given / taken > self.bounds.ratio;
        if ratio || self.given > self.bounds.total {
            return Err(io::Error::other(TooLarge { from: taken, to: self.given }));
        }
        Ok(n)
    }
}

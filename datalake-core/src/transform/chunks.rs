//! Shared memory for changed records.

use bytes::{Bytes, BytesMut};

/// Large enough to make allocations rare, small enough not to keep much alive for one record.
const SIZE: usize = 256 * 1024;

/// Where changed records are written one after the other, so that not each is an allocation of its own.
#[derive(Debug)]
pub(super) struct Chunks {
    chunk: BytesMut,
    size: usize,
}

impl Chunks {
    /// Chunks for about this many bytes in all.
    pub(super) fn new(expected: usize) -> Self {
        Self { chunk: BytesMut::new(), size: expected.min(SIZE) }
    }

    /// Memory for at least this many bytes.
    pub(super) fn room(&mut self, bytes: usize) -> &mut BytesMut {
        if self.chunk.capacity() - self.chunk.len() < bytes {
            self.chunk = BytesMut::with_capacity(bytes.max(self.size));
        }
        &mut self.chunk
    }

    /// Forgets what has been written since the last cut.
    pub(super) fn discard(&mut self) {
        self.chunk.clear();
    }

    /// What has been written since the last cut.
    pub(super) fn cut(&mut self) -> Bytes {
        self.chunk.split().freeze()
    }
}

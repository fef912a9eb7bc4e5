//! Memory that is used again.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;

/// The smallest buffer that is kept, bytes. Smaller ones are quickly had anew, and there may be very many.
const SMALLEST: usize = 64 << 10;

/// Buffers that were done with, for those who need some next. In a process that moves data all day, to have memory from
/// the system anew costs about as much as to fill it. Those of less than 64 KiB are not kept.
///
/// Clones share what they keep, and it is let go of with the last of them: what is lent then does not come back. May be used from several threads at once.
///
/// ```
/// use datalake_core::BufferPool;
///
/// let pool = BufferPool::new(16 << 20);
/// let mut buffer = pool.take(1 << 20);
/// buffer.extend_from_slice(b"one\ntwo\n");
/// let place = buffer.as_ptr();
///
/// let bytes = pool.lend(buffer);
/// let line = bytes.slice(..4);
/// drop((bytes, line));
/// let again = pool.take(1 << 20);
/// assert_eq!(again.as_ptr(), place);
/// ```
#[derive(Clone)]
pub struct BufferPool {
    kept: Arc<Mutex<Vec<Vec<u8>>>>,
    most: usize,
}

impl BufferPool {
    /// A pool that keeps at most so many bytes for later. What is in use is not counted.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { kept: Arc::default(), most }
    }

    /// An empty buffer with room for so many bytes. A kept one is taken if it has the room and not more than twice as
    /// much, so that little content never holds much memory; the smallest of these, and of those as small the one that
    /// came back last.
    #[must_use]
    pub fn take(&self, bytes: usize) -> Vec<u8> {
        if bytes.saturating_mul(2) < SMALLEST {
            return Vec::with_capacity(bytes);
        }
        let fits =
            |(_, buffer): &(usize, &Vec<u8>)| (bytes..=bytes.saturating_mul(2)).contains(&buffer.capacity());
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let least = kept.iter().enumerate().rev().filter(fits).min_by_key(|(_, buffer)| buffer.capacity());
        match least.map(|(n, _)| n) {
            Some(n) => kept.remove(n),
            None => {
                drop(kept);
                Vec::with_capacity(bytes)
            }
        }
    }

    /// Keeps a buffer for later. If that is too much, those that came back first go; one that is too much alone is not
    /// kept.
    pub fn give(&self, mut buffer: Vec<u8>) {
        if !(SMALLEST..=self.most).contains(&buffer.capacity()) {
            return;
        }
        buffer.clear();
        let mut gone = Vec::new();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(buffer);
        let mut bytes = kept.iter().map(Vec::capacity).sum::<usize>();
        while bytes > self.most && !kept.is_empty() {
            let first = kept.remove(0);
            bytes -= first.capacity();
            gone.push(first);
        }
        // Given back to the system while nobody waits for us.
        drop(kept);
        drop(gone);
    }

    /// The content of a buffer, whose memory comes back when the last who holds a part of it is done.
    #[must_use]
    pub fn lend(&self, buffer: Vec<u8>) -> Bytes {
        if buffer.capacity() < SMALLEST {
            return Bytes::from(buffer);
        }
        Bytes::from_owner(Lent { buffer, kept: Arc::downgrade(&self.kept), most: self.most })
    }
}

impl fmt::Debug for BufferPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufferPool").field("most", &self.most).finish_non_exhaustive()
    }
}

struct Lent {
    buffer: Vec<u8>,
    kept: Weak<Mutex<Vec<Vec<u8>>>>,
    most: usize,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(kept) = self.kept.upgrade() {
            BufferPool { kept, most: self.most }.give(std::mem::take(&mut self.buffer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: usize = 1 << 10;

    #[test]
    fn memory_comes_back_empty_when_the_last_who_reads_it_is_done() {
        let pool = BufferPool::new(1 << 20);
        let mut buffer = pool.take(100 * KIB);
        buffer.extend_from_slice(b"answer");
        let place = buffer.as_ptr();
        let bytes = pool.lend(buffer);
        let part = bytes.slice(1..3);
        drop(bytes);
        let other = pool.take(100 * KIB);
        assert_ne!(other.as_ptr(), place);
        assert_eq!(part, "ns");
        drop(part);
        let again = pool.take(90 * KIB);
        assert_eq!((again.as_ptr(), again.len()), (place, 0));
    }

    #[test]
    fn the_least_memory_that_is_enough_is_taken_and_little_content_never_holds_much() {
        let pool = BufferPool::new(1 << 20);
        for kib in [100, 300, 200] {
            pool.give(Vec::with_capacity(kib * KIB));
        }
        let taken = [150, 50, 400, 90].map(|kib| pool.take(kib * KIB).capacity() / KIB);
        assert_eq!(taken, [200, 100, 400, 90]);
        assert_eq!(pool.take(300 * KIB).capacity(), 300 * KIB);
    }

    #[test]
    fn no_more_is_kept_than_was_said_and_the_oldest_makes_room() {
        let pool = BufferPool::new(1000 * KIB);
        let places = [600, 300, 700].map(|kib| {
            let buffer = Vec::with_capacity(kib * KIB);
            let place = buffer.as_ptr();
            pool.give(buffer);
            place
        });
        let kept: Vec<_> = pool.kept.lock().unwrap().iter().map(|buffer| buffer.as_ptr()).collect();
        assert_eq!(kept, places[1..]);
        pool.give(Vec::with_capacity(1001 * KIB));
        assert_eq!(pool.kept.lock().unwrap().len(), 2, "what is too much alone takes nobody's place");
    }

    #[test]
    fn what_is_lent_does_not_keep_the_rest() {
        let pool = BufferPool::new(1 << 20);
        let kept = Arc::downgrade(&pool.kept);
        let bytes = pool.lend(vec![7; 100 * KIB]);
        drop(pool);
        assert!(kept.upgrade().is_none());
        assert_eq!(bytes, vec![7; 100 * KIB]);
    }

    #[test]
    fn of_two_alike_the_one_that_came_back_last_is_taken() {
        let pool = BufferPool::new(1 << 20);
        let (one, two) = (Vec::with_capacity(100 * KIB), Vec::<u8>::with_capacity(100 * KIB));
        let last = two.as_ptr();
        pool.give(one);
        pool.give(two);
        let taken = pool.take(80 * KIB);
        assert_eq!(taken.as_ptr(), last);
    }

    #[test]
    fn very_many_small_buffers_are_not_kept() {
        let pool = BufferPool::new(1 << 20);
        let small: Vec<_> = (0..100).map(|_| pool.lend(vec![7; SMALLEST - 1])).collect();
        assert!(small.iter().all(|bytes| bytes.iter().all(|byte| *byte == 7)));
        drop(small);
        pool.give(vec![7; 10]);
        assert!(pool.kept.lock().unwrap().is_empty());
    }
}

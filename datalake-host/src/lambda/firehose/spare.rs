//! Memory of earlier answers, used again: in a process that answers all day, to have it from the system anew costs more
//! than to fill it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// The most bytes that are kept: two answers, and what they were put together from.
const KEPT: usize = 24 << 20;

/// Pieces of memory that wait for the next answer.
#[derive(Clone, Default)]
pub(super) struct Spare(Arc<Mutex<Vec<Vec<u8>>>>);

impl Spare {
    /// Empty memory for so many bytes.
    pub(super) fn take(&self, bytes: usize) -> Vec<u8> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let enough = |(_, memory): &(usize, &Vec<u8>)| memory.capacity() >= bytes;
        let least = kept.iter().enumerate().filter(enough).min_by_key(|(_, memory)| memory.capacity());
        match least.map(|(n, _)| n) {
            Some(n) => kept.remove(n),
            None => Vec::with_capacity(bytes),
        }
    }

    /// Keeps memory for later, in the place of the oldest if that would be too much.
    pub(super) fn give(&self, mut memory: Vec<u8>) {
        memory.clear();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(memory);
        while kept.iter().map(Vec::capacity).sum::<usize>() > KEPT {
            kept.remove(0);
        }
    }

    /// Bytes whose memory comes back when they are done with.
    pub(super) fn lend(&self, memory: Vec<u8>) -> Bytes {
        Bytes::from_owner(Lent { memory, spare: self.clone() })
    }
}

impl fmt::Debug for Spare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spare").finish_non_exhaustive()
    }
}

struct Lent {
    memory: Vec<u8>,
    spare: Spare,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.memory
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.spare.give(std::mem::take(&mut self.memory));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_comes_back_empty_when_the_last_who_reads_it_is_done() {
        let spare = Spare::default();
        let mut memory = spare.take(1000);
        memory.extend_from_slice(b"answer");
        let place = memory.as_ptr();
        let bytes = spare.lend(memory);
        let part = bytes.slice(1..3);
        drop(bytes);
        let other = spare.take(1000);
        assert_ne!(other.as_ptr(), place);
        assert_eq!(part, "ns");
        drop(part);
        let again = spare.take(900);
        assert_eq!((again.as_ptr(), again.len()), (place, 0));
    }

    #[test]
    fn the_least_memory_that_is_enough_is_taken_and_not_all_is_kept() {
        let spare = Spare::default();
        for bytes in [100, 3000, 2000] {
            spare.give(Vec::with_capacity(bytes));
        }
        assert_eq!([1500, 50, 4000].map(|bytes| spare.take(bytes).capacity()), [2000, 100, 4000]);
        spare.give(Vec::with_capacity(KEPT));
        assert_eq!(spare.take(1).capacity(), KEPT, "the oldest makes room");
        spare.give(Vec::with_capacity(KEPT + 1));
        assert!(spare.0.lock().unwrap().is_empty());
    }
}

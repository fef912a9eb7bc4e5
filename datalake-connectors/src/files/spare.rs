//! The memory of documents that nobody needs any more, for those that come.

use std::collections::VecDeque;

use bytes::Bytes;

/// The most buffers kept in sight.
const KEPT: usize = 16;
/// The largest buffer kept, bytes.
const LARGEST: usize = 8 << 20;

/// Buffers whose documents are under way, the oldest first. One that nobody holds any more is filled again, which
/// spares the operating system from clearing memory for every document.
#[derive(Debug, Default)]
pub(super) struct Spare(VecDeque<Bytes>);

impl Spare {
    /// An empty buffer with room for as many bytes.
    pub(super) fn buffer(&mut self, room: usize) -> Vec<u8> {
        let mut buffer = match self.0.front().is_some_and(Bytes::is_unique) {
            true => self.0.pop_front().map(Vec::from).unwrap_or_default(),
            false => Vec::new(),
        };
        buffer.clear();
        if buffer.capacity() < room || buffer.capacity() / 2 > room {
            buffer = Vec::with_capacity(room);
        }
        buffer
    }

    /// Keeps the memory of a buffer in sight: its first byte is enough to hold it.
    pub(super) fn watch(&mut self, buffer: &Bytes) {
        if buffer.is_empty() || buffer.len() > LARGEST {
            return;
        }
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(buffer.slice(..1));
    }

    /// Forgets all buffers, so that nothing is kept while there is nothing to read.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_filled_again_once_nobody_holds_it() {
        let mut spare = Spare::default();
        let mut buffer = spare.buffer(1000);
        let place = buffer.as_ptr();
        buffer.extend_from_slice(&[7; 900]);
        let document = Bytes::from(buffer);
        spare.watch(&document);
        let record = document.slice(100..200);
        drop(document);
        let other = spare.buffer(1000);
        assert_ne!(other.as_ptr(), place, "a record is still there");
        assert_eq!(record, vec![7; 100]);
        drop(record);
        let again = spare.buffer(1000);
        assert_eq!((again.as_ptr(), again.len()), (place, 0));
        assert!(again.capacity() >= 1000);
    }

    #[test]
    fn a_buffer_of_another_size_is_let_go() {
        let mut spare = Spare::default();
        for (had, wanted) in [(100, 1000), (10_000, 1000)] {
            let mut buffer = Vec::with_capacity(had);
            buffer.push(1);
            spare.watch(&Bytes::from(buffer));
            let capacity = spare.buffer(wanted).capacity();
            assert!((1000..2000).contains(&capacity), "{capacity}");
        }
    }
}

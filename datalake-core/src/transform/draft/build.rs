//! From the draft back to bytes.

use bytes::{BufMut, Bytes};

use super::super::chunks::Chunks;
use super::super::scan::Span;
use super::Draft;
use crate::Content;

impl Draft {
    /// Gives the record as it is now and leaves the draft empty. A record without edits is the `Bytes` it came in.
    pub(in crate::transform) fn finish(&mut self, chunks: &mut Chunks) -> (Bytes, Content) {
        if !self.edited {
            return (std::mem::take(&mut self.body), self.content);
        }
        let chunk = chunks.room(self.text.len() + self.fields.len());
        self.pieces(|piece| chunk.put_slice(piece.as_bytes()));
        self.body = Bytes::new();
        (chunks.cut(), self.content)
    }

    pub(super) fn build(&self) -> String {
        let mut built = String::with_capacity(self.text.len() + self.fields.len());
        self.pieces(|piece| built.push_str(piece));
        built
    }

    /// Gives the object as it is now, in pieces as long as the text allows.
    fn pieces(&self, put: impl FnMut(&str)) {
        let text = &self.text;
        let mut runs = Runs { text, run: Span::new(0, self.root.start + 1), put };
        let mut before = None;
        for field in self.fields.iter().filter(|field| field.key != Span::default()) {
            match before {
                Some(end) if text.as_bytes().get(end) == Some(&b',') => runs.add(Span::new(end, end + 1)),
                Some(_) => runs.comma(field.head.start),
                None => {}
            }
            runs.add(field.head);
            runs.add(field.value);
            runs.add(field.tail);
            before = Some(field.tail.end);
        }
        runs.add(Span::new(self.root.end - 1, self.read));
        runs.flush();
    }
}

/// Joins parts of a text that follow one another.
struct Runs<'a, F> {
    text: &'a str,
    run: Span,
    put: F,
}

impl<F: FnMut(&str)> Runs<'_, F> {
    #[inline(always)]
    fn add(&mut self, part: Span) {
        if part.start == self.run.end {
            self.run.end = part.end;
        } else if part.start != part.end {
            self.flush();
            self.run = part;
        }
    }

    /// Adds a comma that stands nowhere in the text; what follows begins at `next`.
    fn comma(&mut self, next: usize) {
        self.flush();
        (self.put)(",");
        self.run = Span::new(next, next);
    }

    fn flush(&mut self) {
        (self.put)(self.run.of(self.text));
    }
}

//! Records as a suite compares them: by what they are and where they lie, whatever the cuts between documents.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::batch::SourceBatch;
use crate::split::Decoders;
use crate::testkit::case::{Failure, ensure};

/// One record, independent of the document and batch it came in.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Unit {
    locator: Arc<str>,
    offset: u64,
    pub(super) body: Bytes,
}

impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {} of {}", excerpt(&self.body), self.offset, self.locator)
    }
}

/// The records of batches, in order.
pub(super) fn units(decoders: &Decoders, batches: &[SourceBatch]) -> Vec<Unit> {
    let mut units = Vec::new();
    for document in batches.iter().flat_map(|batch| &batch.documents) {
        decoders.split(document, |piece| {
            let offset = document.offset() + piece.range.start as u64;
            units.push(Unit { locator: Arc::clone(document.locator()), offset, body: piece.body });
        });
    }
    units
}

/// Fails unless both are the same records in the same order at the same places.
pub(super) fn same(found: &[Unit], expected: &[Unit]) -> Result<(), Failure> {
    compare(found, expected, |unit| format!("{unit:?}"), |unit, expected| unit == expected)
}

/// Fails unless the records have these bodies, in this order.
pub(super) fn bodies(found: &[Unit], expected: &[Bytes]) -> Result<(), Failure> {
    compare(found, expected, excerpt, |unit, body| unit.body == body)
}

fn compare<T>(
    found: &[Unit],
    expected: &[T],
    show: impl Fn(&T) -> String,
    equal: impl Fn(&Unit, &T) -> bool,
) -> Result<(), Failure> {
    for (n, expected) in expected.iter().enumerate() {
        let Some(unit) = found.get(n) else {
            return Err(Failure::new(format!("record {n} is missing: {}", show(expected))));
        };
        ensure!(equal(unit, expected), "record {n} is {unit:?}, where {} was expected", show(expected));
    }
    match found.get(expected.len()) {
        Some(unit) => Err(Failure::new(format!("record {} is one too many: {unit:?}", expected.len()))),
        None => Ok(()),
    }
}

fn excerpt(body: &Bytes) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
    if body.len() > 80 { format!("{text:?}…") } else { format!("{text:?}") }
}

//! Neighbouring record transforms in one pass.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;

use super::chunks::Chunks;
use super::{Draft, RecordTransform, Transform, Verdict};
use crate::records::{Records, Step};
use crate::{Content, Record, RecordError};

/// What one transform did with some records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) records_in: u64,
    pub(crate) records_out: u64,
    pub(crate) filtered: u64,
    pub(crate) rejected: u64,
}

/// Runs neighbouring record transforms over each record in one pass. With `parse`, JSON records are checked first
/// and those that are none are rejected under that step. Gives a tally for `parse`, if given, and for each transform.
///
/// Order is kept. A record that no step changes keeps the memory it came in; changed ones share chunks. A panic costs
/// the record that met it.
pub(crate) fn run(
    records: &mut Records,
    parse: Option<&Arc<Step>>,
    transforms: &[(Arc<Step>, Arc<dyn Transform>)],
) -> Vec<Tally> {
    let steps: Vec<_> = parse
        .map(|step| (step, Work::Parse))
        .into_iter()
        .chain(transforms.iter().map(|(step, transform)| {
            (step, transform.as_record_transform().map_or(Work::Impossible, Work::Apply))
        }))
        .collect();
    run_steps(records, &steps)
}

/// Runs one record transform under the step that the records are at.
pub(super) fn run_alone(records: &mut Records, transform: &dyn RecordTransform) {
    let step = Arc::clone(records.step());
    run_steps(records, &[(&step, Work::Apply(transform))]);
}

#[derive(Clone, Copy)]
enum Work<'a> {
    Parse,
    Apply(&'a dyn RecordTransform),
    /// The transform is none that works on a record at a time.
    Impossible,
}

fn run_steps(records: &mut Records, steps: &[(&Arc<Step>, Work<'_>)]) -> Vec<Tally> {
    let input = std::mem::take(&mut records.records);
    let mut tallies = vec![Tally::default(); steps.len()];
    let mut reached = input.len() as u64;
    let mut output = Vec::with_capacity(input.len());
    let mut chunks = Chunks::new(input.iter().map(|record| record.body().len()).sum());
    let mut draft = Draft::new(Bytes::new(), Content::Opaque);
    let parses = matches!(steps.first(), Some((_, Work::Parse)));
    for record in input {
        let (body, origin, content) = record.into_parts();
        let mut at = 0;
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            draft.load(body, content, !parses);
            for (n, (_, work)) in steps.iter().enumerate() {
                at = n;
                if step(*work, &mut draft)? == Verdict::Filter {
                    return Ok(None);
                }
            }
            Ok(Some(draft.finish(&mut chunks)))
        }));
        let outcome = outcome.unwrap_or_else(|_| {
            draft = Draft::new(Bytes::new(), Content::Opaque);
            chunks.discard();
            Err(panicked())
        });
        match outcome {
            Ok(Some((body, content))) => output.push(Record::new(body, origin, content)),
            Ok(None) => {
                tallies[at].filtered += 1;
                records.filtered += 1;
            }
            Err(error) => {
                tallies[at].rejected += 1;
                records.reject_at(steps[at].0, origin, error);
            }
        }
    }
    for tally in &mut tallies {
        tally.records_in = reached;
        reached -= tally.filtered + tally.rejected;
        tally.records_out = reached;
    }
    records.records = output;
    tallies
}

#[inline]
fn step(work: Work<'_>, draft: &mut Draft) -> Result<Verdict, RecordError> {
    let verdict = match work {
        Work::Parse => Verdict::Keep,
        Work::Apply(transform) => transform.apply(draft)?,
        Work::Impossible => {
            return Err(RecordError::new("unsupported", "the transform does not work on a record at a time"));
        }
    };
    if verdict == Verdict::Keep {
        draft.prove()?;
    }
    Ok(verdict)
}

/// The error of a record that made a step panic. The message of the panic stays out: it may quote the record.
pub(super) fn panicked() -> RecordError {
    RecordError::new("panic", "the transform panicked at this record")
}

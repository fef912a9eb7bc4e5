//! What was written, against what should have been.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde_json::Value;

use super::SinkHarness;
use crate::batch::Batch;
use crate::id::RecordId;
use crate::sink::{Receipt, Sink};
use crate::testkit::case::{Failure, ensure};
use crate::testkit::{BatchBuilder, batch};

/// A batch of records that the sink takes.
pub(super) fn of(harness: &dyn SinkHarness, number: u64, records: usize) -> BatchBuilder {
    let first = number as usize * 1_000_000;
    batch((first..first + records).map(|n| harness.body(n))).number(number)
}

/// Writes a batch and checks that every record is readable or refused.
pub(super) async fn written(
    harness: &dyn SinkHarness,
    sink: &dyn Sink,
    batch: &Batch,
) -> Result<Receipt, Failure> {
    let receipt = sink.write(batch).await?;
    readable(harness, batch, &receipt).await?;
    Ok(receipt)
}

/// Fails unless every record of the batch is either refused, once, or in the outputs, once, with its body.
pub(super) async fn readable(
    harness: &dyn SinkHarness,
    batch: &Batch,
    receipt: &Receipt,
) -> Result<(), Failure> {
    let mut refused = BTreeSet::new();
    for one in &receipt.refused {
        ensure!(one.index < batch.records.len(), "record {} is refused, but there is none", one.index);
        ensure!(refused.insert(one.index), "record {} is refused twice", one.index);
    }
    let mut found: BTreeMap<RecordId, Bytes> = BTreeMap::new();
    for (id, body) in harness.read(&receipt.outputs).await? {
        ensure!(
            found.insert(id.clone(), body).is_none() || harness.is_stream(),
            "record {id} is written twice"
        );
    }
    for (index, record) in batch.records.iter().enumerate() {
        let id = record.origin().id(&batch.id);
        let (there, expected) = (found.remove(&id), record.body());
        match there {
            Some(_) if refused.contains(&index) => {
                return Err(Failure::new(format!("record {id} is refused and written")));
            }
            Some(body) => ensure!(
                same(&body, expected),
                "record {id} is written as {:?}, not {:?}",
                excerpt(&body),
                excerpt(expected)
            ),
            None => {
                ensure!(refused.contains(&index), "record {id} is neither written nor refused");
            }
        }
    }
    if let Some((id, body)) = found.pop_first()
        && !harness.is_stream()
    {
        return Err(Failure::new(format!(
            "record {id}, {:?}, is in the outputs of another batch",
            excerpt(&body)
        )));
    }
    Ok(())
}

/// The same bytes, or the same JSON value.
fn same(one: &Bytes, other: &Bytes) -> bool {
    let value = |body| serde_json::from_slice::<Value>(body).ok();
    one == other || value(one).is_some_and(|one| value(other) == Some(one))
}

fn excerpt(body: &Bytes) -> String {
    String::from_utf8_lossy(&body[..body.len().min(120)]).into_owned()
}

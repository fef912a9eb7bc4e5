use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use datalake_core::testkit::{SinkHarness, sink};
use datalake_core::{
    Batch, Error, ErrorKind, Output, Receipt, Record, RecordError, RecordId, RecordRef, Refused, Result,
    Sha256, Sink, SinkInfo, async_trait,
};
use tokio::task::yield_now;

/// How a sink is broken.
#[derive(Debug, Clone, Copy, PartialEq)]
enum How {
    NotAtAll,
    WritesOnClose,
    WritesTheFirstBatchOnly,
    DigestsAreOfSomethingElse,
    CountsTheRefused,
    LengthsAreOfOneRecord,
    FailsWithNothingToWrite,
    WritesEmptyOutputs,
    CutsOffAt10000,
    HasManyNames,
    WantsNothing,
    FailsToClose,
    ClosesDestructively,
    FailsForABadRecord,
    DropsBadRecords,
    RefusesTwice,
    RefusesTheRest,
    WritesWhatItRefuses,
    SplitsLines,
    MakesTextOfBytes,
    FailsForOddRecords,
    FailsForLargeRecords,
    ForgetsChildren,
    SharesABuffer,
    OverwritesOtherAttempts,
    StaysBusyWhenDropped,
    FailsWithoutSayingWhy,
    FailsForGood,
    DoesNotFail,
    TellsItsSecretInErrors,
    TellsItsSecretInReceipts,
}

use How::*;

const TWINS: &[(&str, How)] = &[
    ("ok_means_durable", WritesOnClose),
    ("ok_means_durable", WritesTheFirstBatchOnly),
    ("outputs_name_what_was_written", DigestsAreOfSomethingElse),
    ("outputs_name_what_was_written", LengthsAreOfOneRecord),
    ("outputs_name_what_was_written", CountsTheRefused),
    ("empty_batch_writes_nothing", FailsWithNothingToWrite),
    ("empty_batch_writes_nothing", WritesEmptyOutputs),
    ("large_batch_is_written", CutsOffAt10000),
    ("info_is_constant", HasManyNames),
    ("info_is_constant", WantsNothing),
    ("close_is_quiet", FailsToClose),
    ("close_is_quiet", ClosesDestructively),
    ("refused_records_cost_no_other", FailsForABadRecord),
    ("refused_records_cost_no_other", DropsBadRecords),
    ("refused_records_cost_no_other", RefusesTwice),
    ("refused_records_cost_no_other", RefusesTheRest),
    ("refused_records_cost_no_other", WritesWhatItRefuses),
    ("odd_records_are_written_or_refused", SplitsLines),
    ("odd_records_are_written_or_refused", MakesTextOfBytes),
    ("odd_records_are_written_or_refused", FailsForOddRecords),
    ("very_large_record_costs_no_other", FailsForLargeRecords),
    ("children_keep_their_ids", ForgetsChildren),
    ("writes_run_side_by_side", SharesABuffer),
    ("another_attempt_leaves_every_record", OverwritesOtherAttempts),
    ("dropped_write_is_harmless", StaysBusyWhenDropped),
    ("failures_are_classified", FailsWithoutSayingWhy),
    ("failures_are_classified", FailsForGood),
    ("failures_are_classified", DoesNotFail),
    ("secrets_are_hidden", TellsItsSecretInErrors),
    ("secrets_are_hidden", TellsItsSecretInReceipts),
];

#[test]
fn every_case_catches_its_broken_sink() {
    super::all_are_caught(sink::CASES, TWINS, |_| NotAtAll, async |case, how| case(&Harness::new(how)).await);
}

const SECRET: &str = "hunter-2";

struct Harness {
    how: How,
    kept: Arc<Kept>,
    fails: Mutex<Vec<ErrorKind>>,
}

/// A location and the records at it.
type Object = (String, Vec<(RecordId, Bytes)>);

/// What all sinks of a harness have written.
#[derive(Default)]
struct Kept {
    objects: Mutex<Vec<Object>>,
    fails: Mutex<Option<ErrorKind>>,
}

impl Harness {
    fn new(how: How) -> Self {
        let fails = vec![ErrorKind::Unauthenticated, ErrorKind::RateLimited];
        Self { how, kept: Arc::default(), fails: Mutex::new(fails) }
    }

    fn object(&self, output: &Output) -> Vec<(RecordId, Bytes)> {
        let objects = self.kept.objects.lock().unwrap();
        let found = objects.iter().rev().find(|object| object.0 == output.location);
        found.map(|object| object.1.clone()).unwrap_or_default()
    }
}

#[async_trait]
impl SinkHarness for Harness {
    async fn open(&self) -> Result<Arc<dyn Sink>> {
        let name = if self.how == HasManyNames { "" } else { "broken" };
        let mut info = SinkInfo::new(name);
        if self.how == WantsNothing {
            info = info.with_target(0, 0);
        }
        Ok(Arc::new(Broken {
            how: self.how,
            info,
            kept: Arc::clone(&self.kept),
            buffer: Mutex::default(),
            busy: AtomicBool::new(false),
        }))
    }

    async fn read(&self, outputs: &[Output]) -> Result<Vec<(RecordId, Bytes)>> {
        Ok(outputs.iter().flat_map(|output| self.object(output)).collect())
    }

    async fn stored(&self, output: &Output) -> Result<Option<Bytes>> {
        let bodies: Vec<Bytes> = self.object(output).into_iter().map(|record| record.1).collect();
        Ok(Some(bodies.concat().into()))
    }

    fn refused(&self) -> Option<Bytes> {
        Some(r#"{"refuse":true}"#.into())
    }

    async fn fail(&self) -> Option<ErrorKind> {
        let kind = self.fails.lock().unwrap().pop();
        *self.kept.fails.lock().unwrap() = kind;
        kind
    }

    async fn mend(&self) {
        if self.how != FailsForGood {
            *self.kept.fails.lock().unwrap() = None;
        }
    }

    fn secrets(&self) -> Vec<String> {
        vec![SECRET.into()]
    }
}

struct Broken {
    how: How,
    info: SinkInfo,
    kept: Arc<Kept>,
    buffer: Mutex<Vec<(RecordId, Bytes)>>,
    busy: AtomicBool,
}

impl Broken {
    fn fault(&self, batch: &Batch) -> Result<()> {
        let fails = *self.kept.fails.lock().unwrap();
        match fails {
            Some(_) if self.how == DoesNotFail => {}
            Some(_) if self.how == FailsWithoutSayingWhy => return Err(Error::unexpected("it failed")),
            Some(kind) if self.how == TellsItsSecretInErrors => return Err(Error::new(kind, SECRET)),
            Some(kind) => return Err(Error::new(kind, "it failed")),
            None => {}
        }
        let longest = batch.records.iter().map(|record| record.body().len()).max().unwrap_or(0);
        let json = |record: &Record| record.body().starts_with(b"{") && !record.body().starts_with(b"{not");
        let bad = match self.how {
            FailsWithNothingToWrite => batch.records.is_empty(),
            FailsForABadRecord => batch.records.iter().any(refuses),
            FailsForLargeRecords => longest > 1 << 20,
            FailsForOddRecords => !batch.records.iter().all(json),
            _ => false,
        };
        if bad { Err(Error::new(ErrorKind::RecordInvalid, "the batch is bad")) } else { Ok(()) }
    }

    fn body(&self, record: &Record) -> Bytes {
        let body = record.body();
        match self.how {
            SplitsLines => {
                body.split(|byte| *byte == b'\n').next().map(Bytes::copy_from_slice).unwrap_or_default()
            }
            MakesTextOfBytes => String::from_utf8_lossy(body).into_owned().into(),
            _ => body.clone(),
        }
    }

    fn id(&self, origin: RecordRef, batch: &Batch) -> RecordId {
        let child = if self.how == ForgetsChildren { 0 } else { origin.child };
        RecordRef { child, ..origin }.id(&batch.id)
    }

    fn location(&self, batch: &Batch) -> String {
        match self.how {
            OverwritesOtherAttempts => format!("memory:///{}", batch.id),
            _ => format!("memory:///{}/{}", batch.id, batch.attempt),
        }
    }
}

fn refuses(record: &Record) -> bool {
    record.body().starts_with(b"{\"refuse\"")
}

#[async_trait]
impl Sink for Broken {
    fn info(&self) -> &SinkInfo {
        &self.info
    }

    async fn write(&self, batch: &Batch) -> Result<Receipt> {
        self.fault(batch)?;
        if self.how == StaysBusyWhenDropped && self.busy.swap(true, Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Unavailable, "another write is under way"));
        }
        let (mut receipt, mut records) = (Receipt::default(), Vec::new());
        for (index, record) in batch.records.iter().enumerate() {
            let rest = self.how == RefusesTheRest && !receipt.refused.is_empty();
            let bad = refuses(record) || rest;
            if bad && self.how != DropsBadRecords {
                for _ in 0..if self.how == RefusesTwice { 2 } else { 1 } {
                    receipt
                        .refused
                        .push(Refused { index, error: RecordError::new("refused", "it asks for it") });
                }
            }
            if (!bad || self.how == WritesWhatItRefuses) && !(self.how == CutsOffAt10000 && index >= 10_000) {
                records.push((self.id(record.origin(), batch), self.body(record)));
            }
        }
        if self.how == SharesABuffer {
            *self.buffer.lock().unwrap() = std::mem::take(&mut records);
        }
        yield_now().await;
        if self.how == SharesABuffer {
            records = self.buffer.lock().unwrap().clone();
        }
        self.busy.store(false, Ordering::Relaxed);
        if records.is_empty() && self.how != WritesEmptyOutputs {
            return Ok(receipt);
        }
        let location = self.location(batch);
        let mut output: Output = serde_json::from_value(serde_json::json!({
            "sink": if self.how == TellsItsSecretInReceipts { SECRET } else { "broken" },
            "location": location,
            "bytes": records.iter().map(|record| record.1.len()).sum::<usize>(),
            "records": records.len(),
            "sha256": Sha256::of_parts(records.iter().map(|record| &record.1)),
        }))
        .unwrap();
        match self.how {
            DigestsAreOfSomethingElse => output.sha256 = Some(Sha256::of(b"something else")),
            LengthsAreOfOneRecord => output.bytes = records[0].1.len() as u64,
            CountsTheRefused => output.records += 1,
            _ => {}
        }
        receipt.outputs.push(output);
        let mut objects = self.kept.objects.lock().unwrap();
        match self.how {
            WritesOnClose => {}
            WritesTheFirstBatchOnly if !objects.is_empty() => {}
            _ => objects.push((location, records)),
        }
        Ok(receipt)
    }

    async fn close(&self) -> Result<()> {
        match self.how {
            FailsToClose => return Err(Error::unexpected("it cannot be closed")),
            ClosesDestructively => self.kept.objects.lock().unwrap().clear(),
            _ => {}
        }
        Ok(())
    }
}

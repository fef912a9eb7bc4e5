use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use datalake_core::testkit::{Fed, SourceHarness, VecSource, source};
use datalake_core::{
    Document, Error, ErrorKind, Format, Next, Position, Request, Result, Source, SourceBatch, SourceInfo,
    async_trait,
};
use serde_json::{Value, json};
use tokio::task::yield_now;

/// What kind of silo it is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Silo {
    Held,
    Growing,
    Windowed,
    Queue,
    Live,
}

/// How a source is broken.
#[derive(Debug, Clone, Copy, PartialEq)]
enum How {
    NotAtAll,
    DropsTheLast,
    GivesOneTwice,
    TurnsBatchesRound,
    NewLocatorsEachTime,
    OtherOffsetsEachTime,
    InfoChanges,
    ManyDocuments,
    LargeBatches,
    StaysOnEmpty,
    IdleForNoTime,
    NeverRests,
    EndsAndIsIdle,
    GivesMoreAfterTheEnd,
    IdleForGood,
    BeginsAgainWhenIdle,
    FailsToClose,
    SeeksTooFar,
    SeeksTooShort,
    BulkyPositions,
    AcceptsAnyPosition,
    RefusesAsConfig,
    BrokenByARefusal,
    KeepsItsBuffer,
    AcknowledgesWhatIsRead,
    CommitsWhatIsRead,
    RefusesASecondCommit,
    SkipsOnCommit,
    IgnoresItsWindow,
    KeepsItsWindowShut,
    LosesWhatIsDropped,
    FailsWithoutSayingWhy,
    FailsAsAnEnd,
    FailsForGood,
    RetriesInVain,
    SkipsOnError,
    SecretInLocator,
    SecretInPosition,
    SecretInRequest,
    SecretInError,
    SecretInDebug,
    TellsNobody,
    TellsWhenRead,
    TellsWhenClosed,
}

use How::*;
use Silo::*;

const TWINS: &[(&str, (Silo, How))] = &[
    ("reads_everything", (Held, DropsTheLast)),
    ("reads_everything", (Held, GivesOneTwice)),
    ("reads_everything", (Held, TurnsBatchesRound)),
    ("reads_the_same_twice", (Held, NewLocatorsEachTime)),
    ("reads_the_same_twice", (Held, OtherOffsetsEachTime)),
    ("info_is_constant", (Held, InfoChanges)),
    ("batches_are_bounded", (Held, ManyDocuments)),
    ("batches_are_bounded", (Held, LargeBatches)),
    ("empty_batch_moves_on", (Held, StaysOnEmpty)),
    ("rests_when_drained", (Growing, IdleForNoTime)),
    ("rests_when_drained", (Held, NeverRests)),
    ("rests_when_drained", (Held, EndsAndIsIdle)),
    ("rests_when_drained", (Held, GivesMoreAfterTheEnd)),
    ("goes_on_after_idle", (Growing, IdleForGood)),
    ("goes_on_after_idle", (Growing, BeginsAgainWhenIdle)),
    ("close_is_quiet", (Held, FailsToClose)),
    ("resumes_from_every_position", (Held, SeeksTooFar)),
    ("resumes_from_every_position", (Held, SeeksTooShort)),
    ("position_survives_json", (Held, BulkyPositions)),
    ("foreign_position_is_refused", (Held, AcceptsAnyPosition)),
    ("foreign_position_is_refused", (Held, RefusesAsConfig)),
    ("foreign_position_is_refused", (Held, BrokenByARefusal)),
    ("foreign_position_is_refused", (Live, AcceptsAnyPosition)),
    ("seek_goes_back", (Held, KeepsItsBuffer)),
    ("uncommitted_is_delivered_again", (Held, AcknowledgesWhatIsRead)),
    ("uncommitted_is_delivered_again", (Held, CommitsWhatIsRead)),
    ("uncommitted_is_delivered_again", (Queue, AcknowledgesWhatIsRead)),
    ("commit_can_be_repeated", (Held, RefusesASecondCommit)),
    ("commit_can_be_repeated", (Held, SkipsOnCommit)),
    ("commit_can_be_repeated", (Live, RefusesASecondCommit)),
    ("window_opens_with_a_commit", (Windowed, IgnoresItsWindow)),
    ("window_opens_with_a_commit", (Windowed, KeepsItsWindowShut)),
    ("can_be_cancelled_at_every_await", (Held, LosesWhatIsDropped)),
    ("can_be_cancelled_at_every_await", (Live, LosesWhatIsDropped)),
    ("failures_are_classified", (Held, FailsWithoutSayingWhy)),
    ("failures_are_classified", (Held, FailsAsAnEnd)),
    ("failures_are_classified", (Held, FailsForGood)),
    ("failures_are_classified", (Held, RetriesInVain)),
    ("failures_lose_nothing", (Held, SkipsOnError)),
    ("secrets_are_hidden", (Held, SecretInLocator)),
    ("secrets_are_hidden", (Held, SecretInPosition)),
    ("secrets_are_hidden", (Held, SecretInRequest)),
    ("secrets_are_hidden", (Held, SecretInError)),
    ("secrets_are_hidden", (Held, SecretInDebug)),
    ("commit_tells_the_sender", (Live, TellsNobody)),
    ("nothing_is_told_before_the_commit", (Live, TellsWhenRead)),
    ("nothing_is_told_without_a_commit", (Live, TellsWhenClosed)),
];

#[test]
fn every_case_catches_its_broken_source() {
    super::all_are_caught(
        source::CASES,
        TWINS,
        |(silo, _)| (silo, NotAtAll),
        async |case, (silo, how)| case(&Harness::new(silo, how)).await,
    );
}

const SECRET: &str = "hunter-2";

struct Harness {
    silo: Silo,
    how: How,
    source: VecSource,
    /// How far somebody has read, and how often the silo was opened.
    read: Arc<AtomicU64>,
    opened: AtomicUsize,
    left: AtomicUsize,
    fails: Mutex<Vec<ErrorKind>>,
}

impl Harness {
    fn new(silo: Silo, how: How) -> Self {
        let source = match how {
            _ if silo == Live => VecSource::lines([""; 0]),
            ManyDocuments => VecSource::lines((0..70_000).map(|n| n.to_string())).cuts([70_000]),
            LargeBatches => VecSource::lines(["x"; 3].map(|x| x.repeat(5 << 20))).cuts([3]),
            _ => VecSource::lines(["a", "b", "c", "d", "e", "f", "g"]).cuts([2, 1]),
        };
        let source = match silo {
            Held => source,
            Growing | Queue => source.endless(),
            Windowed => source.endless().window(3),
            Live => source.endless().without_seek().wants_commit(Duration::from_millis(1)),
        };
        let fails = vec![ErrorKind::PermissionDenied, ErrorKind::Unavailable];
        Self {
            silo,
            how,
            source,
            read: Arc::default(),
            opened: AtomicUsize::new(0),
            left: AtomicUsize::new(6),
            fails: Mutex::new(fails),
        }
    }
}

#[async_trait]
impl SourceHarness for Harness {
    async fn open(&self) -> Result<Box<dyn Source>> {
        let inner = self.source.reopen();
        let mut info = inner.info().clone();
        info.can_seek &= self.silo != Queue;
        Ok(Box::new(Broken {
            silo: self.silo,
            how: self.how,
            inner,
            infos: [info.clone(), info.with_config(json!("changed"))],
            read: Arc::clone(&self.read),
            opened: self.opened.fetch_add(1, Ordering::Relaxed),
            batches: 0,
            last: None,
            buffer: None,
            committed: None,
            spoilt: false,
            rests: 0,
        }))
    }

    fn expected(&self) -> Vec<Bytes> {
        match self.how {
            ManyDocuments => (0..70_000).map(|n| n.to_string().into()).collect(),
            LargeBatches => ["x"; 3].map(|x| x.repeat(5 << 20).into()).to_vec(),
            _ => ["a", "b", "c", "d", "e", "f", "g"].map(Bytes::from).to_vec(),
        }
    }

    fn is_live(&self) -> bool {
        self.silo == Live
    }

    async fn feed(&self) -> Option<Fed> {
        let n = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).ok()?;
        let document = Document::new(format!("more {n}"), format!("memory:///more/{n}"), Format::Whole);
        let fed = Fed::new([document.bytes().clone()]);
        match self.silo {
            Live => Some(fed.told(self.source.silo().send(document))),
            Growing => {
                self.source.silo().push(document);
                Some(fed)
            }
            _ => None,
        }
    }

    async fn fail(&self) -> Option<ErrorKind> {
        let mut fails = self.fails.lock().unwrap();
        let kind = fails.pop();
        if kind.is_none() {
            fails.push(ErrorKind::Unavailable);
        }
        self.source.silo().fail(kind);
        kind
    }

    async fn mend(&self) {
        self.source.silo().fail(None);
    }

    fn secrets(&self) -> Vec<String> {
        vec![SECRET.into()]
    }

    fn shown(&self) -> Vec<String> {
        if self.how == SecretInDebug { vec![format!("Broken {{ password: {SECRET} }}")] } else { Vec::new() }
    }
}

struct Broken {
    silo: Silo,
    how: How,
    inner: VecSource,
    infos: [SourceInfo; 2],
    read: Arc<AtomicU64>,
    opened: usize,
    batches: usize,
    last: Option<SourceBatch>,
    buffer: Option<Next>,
    committed: Option<Position>,
    spoilt: bool,
    rests: usize,
}

fn documents(position: &Position) -> u64 {
    position.state()["next"].as_u64().unwrap_or(0)
}

impl Broken {
    fn wrong(&self, error: Error) -> Error {
        match self.how {
            FailsWithoutSayingWhy => Error::unexpected("it failed"),
            FailsForGood => error.permanent(),
            RetriesInVain => error.retryable(),
            SecretInError => error.with("password", SECRET),
            _ => error,
        }
    }

    fn given(&mut self, mut batch: SourceBatch) -> Result<Next> {
        self.batches += 1;
        let end = documents(&batch.position);
        self.read.fetch_max(end, Ordering::Relaxed);
        let changed = |document: &Document, suffix: String, offset: u64| {
            Document::new(document.bytes().clone(), format!("{}{suffix}", document.locator()), Format::Whole)
                .at(offset)
        };
        let opened = self.opened;
        match self.how {
            DropsTheLast if end == self.inner.silo().len() as u64 => drop(batch.documents.pop()),
            TurnsBatchesRound => batch.documents.reverse(),
            NewLocatorsEachTime => {
                batch.documents.iter_mut().for_each(|d| *d = changed(d, format!("?n={opened}"), 0));
            }
            OtherOffsetsEachTime => {
                batch.documents.iter_mut().for_each(|d| *d = changed(d, String::new(), opened as u64));
            }
            SecretInLocator => {
                batch.documents.iter_mut().for_each(|d| *d = changed(d, format!("?key={SECRET}"), 0));
            }
            SecretInPosition => batch.position = Position::new("broken/1", &json!({ "key": SECRET }))?,
            SecretInRequest => {
                batch.requests.push(Request { id: Some(SECRET.into()), ..Request::default() });
            }
            BulkyPositions => {
                let state = json!({ "at": batch.position, "padding": "x".repeat(70_000) });
                batch.position = Position::new("broken/1", &state)?;
            }
            _ => {}
        }
        self.last = Some(batch.clone());
        Ok(Next::Batch(batch))
    }

    fn rested(&mut self, next: Next) -> Next {
        self.rests += 1;
        match (self.how, &self.last) {
            (IdleForNoTime, _) => Next::Idle(Duration::ZERO),
            (NeverRests, Some(last)) => Next::Batch(SourceBatch::new(Vec::new(), last.position.clone())),
            (EndsAndIsIdle, _) if self.rests > 2 => Next::Idle(Duration::from_millis(1)),
            (GivesMoreAfterTheEnd, Some(last)) if self.rests > 2 => Next::Batch(last.clone()),
            _ => next,
        }
    }
}

#[async_trait]
impl Source for Broken {
    fn info(&self) -> &SourceInfo {
        &self.infos[usize::from(self.how == InfoChanges && self.batches > 0)]
    }

    async fn next_batch(&mut self) -> Result<Next> {
        if self.how == IdleForGood && self.rests > 0 {
            return Ok(Next::Idle(Duration::from_millis(1)));
        }
        if self.how == KeepsItsBuffer {
            let next = match self.buffer.take() {
                Some(next) => next,
                None => self.inner.next_batch().await?,
            };
            self.buffer = Some(self.inner.next_batch().await?);
            return Ok(next);
        }
        if self.how == GivesOneTwice && self.batches == 2 {
            self.batches += 1;
            return Ok(self.last.clone().map_or(Next::End, Next::Batch));
        }
        if self.how == StaysOnEmpty && self.batches > 0 && !self.spoilt {
            self.spoilt = true;
            return Ok(self
                .last
                .as_ref()
                .map_or(Next::End, |last| Next::Batch(SourceBatch::new(Vec::new(), last.position.clone()))));
        }
        let next = self.inner.next_batch().await;
        if self.how == LosesWhatIsDropped {
            yield_now().await;
        }
        match next {
            Ok(Next::Batch(batch)) => {
                if self.how == TellsWhenRead {
                    self.inner.commit(&batch.position).await?;
                }
                if self.how == IgnoresItsWindow {
                    // The source beneath holds to its window, so tell it what nobody has committed.
                    self.inner.commit(&batch.position).await?;
                }
                self.given(batch)
            }
            Ok(next) => {
                if self.how == BeginsAgainWhenIdle && self.rests % 2 == 1 {
                    self.inner.seek(None).await?;
                }
                Ok(self.rested(next))
            }
            Err(_) if self.how == FailsAsAnEnd => Ok(Next::End),
            Err(error) => {
                if self.how == SkipsOnError {
                    let at = self.last.as_ref().map_or(0, |last| documents(&last.position));
                    let on = (at + 1).min(self.inner.silo().len() as u64);
                    self.inner.seek(Some(&VecSource::position(on)?)).await?;
                }
                Err(self.wrong(error))
            }
        }
    }

    async fn seek(&mut self, position: Option<&Position>) -> Result<()> {
        if self.how == BrokenByARefusal && self.spoilt {
            return Err(Error::new(ErrorKind::Unavailable, "it was refused once"));
        }
        let mut position = position.cloned();
        if let (BulkyPositions, Some(at)) = (self.how, &position) {
            let state: Value = at.decode("broken/1")?;
            position = serde_json::from_value(state["at"].clone()).ok();
        }
        if self.silo == Queue && self.how == NotAtAll {
            return Ok(());
        }
        if let Err(error) = self.inner.seek(position.as_ref()).await {
            self.spoilt = true;
            return match self.how {
                AcceptsAnyPosition => Ok(()),
                RefusesAsConfig => Err(Error::config("the position is not of this source")),
                _ => Err(error),
            };
        }
        let (at, len) = (position.as_ref().map_or(0, documents), self.inner.silo().len() as u64);
        let read = self.read.load(Ordering::Relaxed);
        let other = match self.how {
            SeeksTooFar if at > 0 => at + 1,
            SeeksTooShort if at > 0 => at - 1,
            AcknowledgesWhatIsRead => at.max(read),
            CommitsWhatIsRead if self.opened > 1 && at > 0 => at.max(read),
            _ => return Ok(()),
        };
        self.inner.seek(Some(&VecSource::position(other.min(len))?)).await
    }

    async fn commit(&mut self, position: &Position) -> Result<()> {
        if self.how == RefusesASecondCommit && self.committed.as_ref() == Some(position) {
            return Err(Error::unexpected("it was committed before"));
        }
        self.committed = Some(position.clone());
        match self.how {
            KeepsItsWindowShut | TellsNobody => return Ok(()),
            SkipsOnCommit => {
                let on = (documents(position) + 1).min(self.inner.silo().len() as u64);
                return self.inner.seek(Some(&VecSource::position(on)?)).await;
            }
            _ => {}
        }
        self.inner.commit(position).await
    }

    async fn close(&mut self) -> Result<()> {
        match (self.how, &self.last) {
            (FailsToClose, _) => Err(Error::unexpected("it cannot be closed")),
            (TellsWhenClosed, Some(last)) => self.inner.commit(&last.position).await,
            _ => Ok(()),
        }
    }
}

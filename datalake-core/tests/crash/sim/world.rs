//! What the workers of a simulation share, and what is seen of them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use datalake_core::ledger::{Commit, Ledger, Manifest, StoreLedger};
use datalake_core::pipeline::Options;
use datalake_core::store::{MemoryStore, ObjectStore};
use datalake_core::testkit::{FaultyStore, Rng, SeededEntropy, VirtualClock};
use datalake_core::{
    Ambient, Clock, Cpu, Document, ErrorKind, Format, Pipeline, PipelineId, Result, Retry, Sha256,
};
use futures::FutureExt;

use super::lake::{SimArchive, SimQuarantine, SimSink};
use super::ledger::SimLedger;
use super::source::SimSource;
use super::store::SimStore;
use super::{Bug, Scenario};
use crate::parts::Slow;

/// What the workers of a simulation share, and what is seen of them.
pub(crate) struct World {
    pub(crate) scenario: Scenario,
    pub(crate) store: FaultyStore<MemoryStore>,
    pub(crate) documents: Vec<Document>,
    state: Mutex<State>,
}

#[derive(Default)]
pub(crate) struct State {
    /// The documents of a sender that are under way, and whose they are.
    pub(crate) given: Vec<Option<u64>>,
    pub(crate) answered: Vec<bool>,
    pub(crate) deliveries: Vec<usize>,
    pub(crate) calm: bool,
    /// The commits seen so far, and the documents in them.
    pub(crate) seen: Vec<Sha256>,
    pub(crate) committed: Vec<usize>,
    sources: u64,
    trace: Vec<String>,
    wrong: Option<String>,
}

pub(crate) fn pipeline_id() -> PipelineId {
    PipelineId::new("p").unwrap()
}

/// The number of a document, from its id.
pub(crate) fn number(id: &str) -> usize {
    id.parse().unwrap()
}

impl World {
    pub(crate) fn new(scenario: Scenario) -> Arc<Self> {
        let lines = Arc::new(Format::Lines);
        let documents = scenario.documents.iter().enumerate().map(|(n, &records)| {
            let body: String = (0..records).map(|m| format!("record-{n}-{m}\n")).collect();
            Document::new(body, format!("sim:///{n}"), Arc::clone(&lines)).with_id(n.to_string())
        });
        let documents: Vec<_> = documents.collect();
        let n = documents.len();
        let state = State {
            given: vec![None; n],
            answered: vec![false; n],
            deliveries: vec![0; n],
            ..State::default()
        };
        Arc::new(Self { store: scenario.store(), scenario, documents, state: Mutex::new(state) })
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn bug(&self, bug: Bug) -> bool {
        self.scenario.bug == bug
    }

    /// Writes down what happened.
    pub(crate) fn note(&self, what: impl FnOnce() -> String) {
        self.state().trace.push(what());
    }

    pub(crate) fn trace(&self) -> Vec<String> {
        self.state().trace.clone()
    }

    /// Writes down what must not happen. The first counts.
    pub(crate) fn wrong(&self, what: impl Into<String>) {
        self.state().wrong.get_or_insert(what.into());
    }

    pub(crate) fn is_wrong(&self) -> Option<String> {
        self.state().wrong.clone()
    }

    pub(crate) fn next_source(&self) -> u64 {
        let mut state = self.state();
        state.sources += 1;
        state.sources
    }

    /// Looks at the commits that are new, as they are in the store beneath all faults.
    pub(crate) fn look(&self) {
        let ledger = StoreLedger::new(Arc::new(self.store.inner().clone()));
        loop {
            let seq = self.state().seen.len() as u64 + 1;
            let entry = ledger.entry(&pipeline_id(), seq).now_or_never().unwrap();
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) if error.kind() == ErrorKind::NotFound => return,
                Err(error) => return self.wrong(format!("entry {seq}: {error}")),
            };
            let manifest = ledger.manifest(&entry.commit).now_or_never().unwrap().unwrap();
            let documents = manifest.documents.rows().map(|row| number(&row.id.unwrap()));
            let documents: Vec<usize> = documents.collect();
            self.see(&entry.commit, &manifest);
            let mut state = self.state();
            state.trace.push(format!("commit {seq}: documents {documents:?} {}", entry.sha256));
            state.committed.extend(documents);
            state.seen.push(entry.sha256);
        }
    }

    /// Checks that what a commit names is there.
    fn see(&self, commit: &Commit, manifest: &Manifest) {
        let outputs = manifest.outputs.iter().chain(&manifest.quarantined).map(|output| &output.location);
        for key in outputs.chain(manifest.raw.iter().map(|raw| &raw.location)) {
            if self.store.inner().head(key).now_or_never().unwrap().is_err() {
                self.wrong(format!("{} names {key}, which is not there", commit.name()));
            }
        }
    }

    /// The source was told that these documents are durable.
    pub(crate) fn told(&self, documents: impl IntoIterator<Item = usize>) {
        self.look();
        let committed: BTreeSet<usize> = self.state().committed.iter().copied().collect();
        for document in documents {
            self.state().answered[document] = true;
            if !committed.contains(&document) {
                self.wrong(format!("the source was told of document {document}, which is in no commit"));
            }
        }
    }

    /// A worker, as a new process has it.
    pub(crate) fn pipeline(self: &Arc<Self>, rng: &mut Rng, clock: impl Clock) -> Result<Pipeline> {
        let scenario = &self.scenario;
        let seed = if self.bug(Bug::AttemptsAreAlike) { 1 } else { rng.bits() };
        let ambient = Ambient::new(clock, SeededEntropy::new(seed), Cpu::inline());
        let retry = Retry::new(scenario.tries, Duration::from_millis(10), Duration::from_millis(200));
        let store = SimStore::new(self.store.clone(), rng.fork(), scenario.bug);
        let ledger = StoreLedger::new(Arc::new(store.clone())).with_retry(retry.clone(), ambient.clone());
        let mut options = Options::default();
        options.writes_in_flight = scenario.writes_in_flight;
        let mut builder = Pipeline::builder("p")
            .options(options)
            .source(SimSource::new(Arc::clone(self), rng.fork()))
            .archive(SimArchive { world: Arc::clone(self), store: store.clone() })
            .sink(SimSink::new(Arc::clone(self), store.clone()))
            .quarantine(SimQuarantine { store: store.clone() })
            .ledger(SimLedger::new(Arc::clone(self), ledger, store))
            .bytes_in_flight(scenario.bytes_in_flight)
            .commit_within(scenario.commit_within)
            .retry(retry)
            .ambient(ambient);
        if scenario.slow {
            builder = builder.transform(Slow { ordered: scenario.seed.is_multiple_of(2), hates: None });
        }
        builder.build()
    }
}

/// A clock for a process.
pub(crate) fn clock() -> VirtualClock {
    VirtualClock::default()
}

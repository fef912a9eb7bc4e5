//! What the tests of the CRM sources share.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use datalake_core::split::split;
use datalake_core::{Error, ErrorKind, Next, Position, Result, Source, SourceBatch, SourceInfo, async_trait};

/// The time at which the clock of a simulated system stands at first, in milliseconds since 1970.
pub(in crate::crm) const START: i64 = 1_767_225_600_000;

/// All batches until the source idles, in a minute at most.
pub(in crate::crm) async fn drain(source: &mut dyn Source) -> Result<Vec<SourceBatch>> {
    let all = async {
        let mut batches = Vec::new();
        while let Next::Batch(batch) = source.next_batch().await? {
            batches.push(batch);
        }
        Ok(batches)
    };
    tokio::time::timeout(Duration::from_secs(60), all).await.expect("the source idles")
}

/// All batches of a new source that goes on after a position.
pub(in crate::crm) async fn read_by(
    source: Result<impl Source>,
    from: Option<&Position>,
) -> Result<Vec<SourceBatch>> {
    let mut source = source?;
    source.seek(from).await?;
    drain(&mut source).await
}

/// The records of batches.
pub(in crate::crm) fn records<'a>(batches: impl IntoIterator<Item = &'a SourceBatch>) -> Vec<Value> {
    let mut records = Vec::new();
    for document in batches.into_iter().flat_map(|batch| &batch.documents) {
        split(document, |piece| {
            assert!(piece.error.is_none(), "{:?}", piece.error);
            records.push(serde_json::from_slice(&piece.body).unwrap());
        });
    }
    records
}

/// The ids of records, in order.
#[cfg(any(feature = "crm-hubspot", feature = "crm-salesforce"))]
pub(in crate::crm) fn ids(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["Id"].as_str().or(record["id"].as_str()).unwrap()).collect()
}

/// A source that is asked again when it fails for a while, as a pipeline does. A refused token is taken as such a while:
/// the next run would go on.
pub(in crate::crm) struct Stubborn<S>(pub(in crate::crm) S);

impl<S: fmt::Debug> fmt::Debug for Stubborn<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[async_trait]
impl<S: Source> Source for Stubborn<S> {
    fn info(&self) -> &SourceInfo {
        self.0.info()
    }

    async fn next_batch(&mut self) -> Result<Next> {
        let again = |error: &Error| error.is_retryable() || error.kind() == ErrorKind::Unauthenticated;
        for _ in 0..10 {
            match self.0.next_batch().await {
                Err(error) if again(&error) => {}
                answer => return answer,
            }
        }
        self.0.next_batch().await
    }

    async fn seek(&mut self, position: Option<&Position>) -> Result<()> {
        self.0.seek(position).await
    }

    async fn commit(&mut self, position: &Position) -> Result<()> {
        self.0.commit(position).await
    }

    async fn close(&mut self) -> Result<()> {
        self.0.close().await
    }
}

/// What was committed, and the worker that reads.
pub(in crate::crm) struct World<S, F> {
    source: F,
    worker: Option<Stubborn<S>>,
    /// Read and not committed.
    open: Vec<SourceBatch>,
    pub(in crate::crm) landed: Vec<Value>,
    committed: Option<Position>,
}

impl<S: Source, F: Fn() -> S> World<S, F> {
    /// A world whose workers have a source each.
    pub(in crate::crm) fn new(source: F) -> Self {
        Self { source, worker: None, open: Vec::new(), landed: Vec::new(), committed: None }
    }

    async fn worker(&mut self) -> &mut Stubborn<S> {
        if self.worker.is_none() {
            let mut worker = Stubborn((self.source)());
            worker.seek(self.committed.as_ref()).await.unwrap();
            self.worker = Some(worker);
        }
        self.worker.as_mut().unwrap()
    }

    /// Reads one batch. Whether there was one.
    pub(in crate::crm) async fn read(&mut self) -> bool {
        match self.worker().await.next_batch().await {
            Ok(Next::Batch(batch)) => {
                self.open.push(batch);
                true
            }
            Ok(_) => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// Commits the first of what was read. The worker may be killed before it is told.
    pub(in crate::crm) async fn commit(&mut self, batches: usize, told: bool) {
        for batch in self.open.drain(..batches.min(self.open.len())) {
            self.landed.extend(records([&batch]));
            self.committed = Some(batch.position);
        }
        if let (Some(worker), Some(position), true) = (&mut self.worker, &self.committed, told) {
            worker.commit(position).await.unwrap();
        }
    }

    /// The position of the last commit.
    #[cfg(feature = "crm-dynamics")]
    pub(in crate::crm) fn committed(&self) -> Option<&Position> {
        self.committed.as_ref()
    }

    pub(in crate::crm) fn kill(&mut self) {
        self.worker = None;
        self.open.clear();
    }

    pub(in crate::crm) async fn drain(&mut self) {
        while self.read().await {}
        self.commit(usize::MAX, true).await;
    }
}

/// Goes through a thousand random histories, or through the one that `DATALAKE_SIM_SEED` names.
pub(in crate::crm) fn histories(run: impl AsyncFn(u64)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let one = std::env::var("DATALAKE_SIM_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = one.map_or(0..1_000, |seed: u64| seed..seed + 1);
    eprintln!("seeds {seeds:?}; DATALAKE_SIM_SEED goes through one of them alone");
    for seed in seeds {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on(run(seed))));
        assert!(result.is_ok(), "the run with seed {seed} has failed");
    }
}

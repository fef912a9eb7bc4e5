//! What a pipeline takes from the world around it: the time, randomness and processors. All three can be replaced,
//! which is how a simulation makes a run repeatable.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::Semaphore;

use crate::id::AttemptId;
use crate::{Error, Result};

/// Tells the time. Used for lineage, file names and partitions by time of acquisition, never for correctness.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> DateTime<Utc>;
}

/// Gives randomness: for attempt ids and for the jitter of retries. Never for record ids.
pub trait Entropy: Send + Sync + 'static {
    /// Sixty-four random bits.
    fn bits(&self) -> u64;
}

/// The clock of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// The random number generator of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn bits(&self) -> u64 {
        // The operating system's generator does not fail after start; the clock is as good for what is left.
        getrandom::u64().unwrap_or_else(|_| Utc::now().timestamp_micros().unsigned_abs())
    }
}

/// Where work that keeps a processor busy is done: splitting, transforming, encoding, compressing.
#[derive(Debug, Clone)]
pub struct Cpu {
    /// `None` to work in the task that asks.
    slots: Option<Arc<Semaphore>>,
    threads: usize,
}

impl Cpu {
    /// On blocking threads of the runtime, at most `threads` at a time.
    #[must_use]
    pub fn threads(threads: usize) -> Self {
        let threads = threads.max(1);
        Self { slots: Some(Arc::new(Semaphore::new(threads))), threads }
    }

    /// In the task that asks. For simulations, where every run must take the same turns.
    #[must_use]
    pub fn inline() -> Self {
        Self { slots: None, threads: 1 }
    }

    /// How many pieces of work are done side by side at most.
    #[must_use]
    pub fn width(&self) -> usize {
        self.threads
    }

    /// Runs a piece of work and waits for it. Cancelled by dropping the future; work already begun runs to its end
    /// and its result is dropped.
    ///
    /// # Errors
    /// [`Unexpected`](crate::ErrorKind::Unexpected) if the work panics.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let Some(slots) = &self.slots else { return Ok(work()) };
        let slot = Arc::clone(slots).acquire_owned().await;
        let task = tokio::task::spawn_blocking(move || {
            let _slot = slot;
            work()
        });
        task.await.map_err(|cause| Error::unexpected("a piece of work panicked").caused_by(cause))
    }
}

impl Default for Cpu {
    fn default() -> Self {
        Self::threads(std::thread::available_parallelism().map_or(1, usize::from))
    }
}

/// Time, randomness and processors, shared by the parts of a pipeline.
#[derive(Clone)]
pub struct Ambient {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    cpu: Cpu,
}

impl Ambient {
    /// The real ones.
    #[must_use]
    pub fn system() -> Self {
        Self::new(SystemClock, SystemEntropy, Cpu::default())
    }

    /// Given ones.
    pub fn new(clock: impl Clock, entropy: impl Entropy, cpu: Cpu) -> Self {
        Self { clock: Arc::new(clock), entropy: Arc::new(entropy), cpu }
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Sixty-four random bits.
    #[must_use]
    pub fn bits(&self) -> u64 {
        self.entropy.bits()
    }

    /// Where to do work that keeps a processor busy.
    #[must_use]
    pub fn cpu(&self) -> &Cpu {
        &self.cpu
    }

    /// A new attempt id.
    #[must_use]
    pub fn attempt(&self) -> AttemptId {
        let mut random = [0; 10];
        random[..8].copy_from_slice(&self.bits().to_le_bytes());
        random[8..].copy_from_slice(&self.bits().to_le_bytes()[..2]);
        AttemptId::new(self.now().timestamp_millis().unsigned_abs(), random)
    }
}

impl Default for Ambient {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Ambient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ambient").field("cpu", &self.cpu).finish_non_exhaustive()
    }
}

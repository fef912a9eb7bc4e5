//! A worker that is lent to a thread.

use datalake_core::{Error, Next, Result};
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, spawn_blocking};

/// What one step gave.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) next: Next,
    /// Bytes left to read after it.
    pub(super) left: u64,
}

/// Reads, one step after the other, and may block.
pub(super) trait Work: Send + 'static {
    fn step(&mut self, runtime: &Handle) -> Result<Step>;
}

/// Who has the worker.
#[derive(Debug)]
pub(super) enum Hand<W> {
    Ours(Box<W>),
    /// A thread that reads. `ahead` says that nobody has asked yet.
    Busy {
        task: JoinHandle<(Box<W>, Result<Step>)>,
        ahead: bool,
    },
    /// Nobody, after a panic or a close.
    Nobody,
}

impl<W: Work> Hand<W> {
    pub(super) fn new(worker: W) -> Self {
        Self::Ours(Box::new(worker))
    }

    /// Has the next step done, and says whether it was begun before it was asked for. One that is not waited for to its
    /// end goes on, and is given the next time.
    pub(super) async fn step(&mut self) -> (Result<Step>, bool) {
        let gone = || Error::unexpected("the source is closed");
        self.start(false);
        let Self::Busy { task, ahead } = self else { return (Err(gone()), false) };
        let (ahead, done) = (*ahead, task.await);
        *self = Self::Nobody;
        match done {
            Ok((worker, step)) => {
                *self = Self::Ours(worker);
                (step, ahead)
            }
            Err(cause) => (Err(gone().caused_by(cause)), ahead),
        }
    }

    /// Begins the next step before it is asked for.
    pub(super) fn go_ahead(&mut self) {
        self.start(true);
    }

    fn start(&mut self, ahead: bool) {
        *self = match std::mem::replace(self, Self::Nobody) {
            Self::Ours(mut worker) => {
                let runtime = Handle::current();
                let task = spawn_blocking(move || {
                    let step = worker.step(&runtime);
                    (worker, step)
                });
                Self::Busy { task, ahead }
            }
            hand => hand,
        };
    }
}

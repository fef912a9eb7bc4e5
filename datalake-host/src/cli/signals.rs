//! Being asked to stop.

use std::future::Future;

use datalake_core::{Error, Result};
use tokio::sync::watch;

use super::out::complain;

/// The code after a second signal.
const INTERRUPTED: i32 = 130;

/// Listens for ctrl-c and SIGTERM. The first makes every future of [`Shutdown::wait`] ready; the second ends the
/// process at once, which loses nothing that was committed.
#[derive(Debug, Clone)]
pub(super) struct Shutdown(watch::Receiver<bool>);

impl Shutdown {
    pub(super) fn listen() -> Result<Self> {
        let (sender, receiver) = watch::channel(false);
        let mut signals = Signals::new()?;
        tokio::spawn(async move {
            signals.next().await;
            tracing::info!("asked to stop; committing what was read");
            sender.send_replace(true);
            signals.next().await;
            complain("stopped at once; the next run goes on from the last commit");
            std::process::exit(INTERRUPTED);
        });
        Ok(Self(receiver))
    }

    /// Ready once a signal has come.
    pub(super) fn wait(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut receiver = self.0.clone();
        async move {
            if receiver.wait_for(|stopped| *stopped).await.is_err() {
                std::future::pending().await
            }
        }
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let failed = |cause| Error::io("signals cannot be listened for", cause);
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}

//! How much log the server keeps for us.

use std::sync::Arc;

use datalake_core::Result;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::connect::connect;
use super::lsn::Lsn;
use super::session::Settings;
use super::slot::Slot;

/// What was seen of the slot last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Growth {
    /// How many bytes of log the server keeps for it.
    pub(super) held: u64,
    /// The end of the server's log.
    pub(super) end: Lsn,
}

/// Looks at the slot from time to time, over a connection of its own, and warns when it holds much.
#[derive(Clone)]
pub(super) struct Watch {
    settings: Arc<Settings>,
    growth: watch::Sender<Growth>,
}

/// Looks for as long as it lives.
pub(super) struct Watching(JoinHandle<()>);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Watch {
    pub(super) fn new(settings: Arc<Settings>, growth: watch::Sender<Growth>) -> Self {
        Self { settings, growth }
    }

    /// Notes what was seen, and says so if it is much.
    pub(super) fn take(&self, slot: &Slot) {
        let name = self.settings.slot.as_str();
        let endangered = matches!(slot.status.as_str(), "unreserved" | "lost");
        if slot.held > self.settings.warn_above || endangered {
            tracing::warn!(
                slot = name,
                held_bytes = slot.held,
                status = slot.status,
                bytes_until_lost = slot.safe,
                "the server keeps much log for the slot: it is read too slowly, or not at all"
            );
        }
        self.growth.send_replace(Growth { held: slot.held, end: slot.end });
    }

    pub(super) fn begin(self) -> Watching {
        Watching(tokio::spawn(async move {
            loop {
                sleep(self.settings.check_every).await;
                match self.look().await {
                    Ok(Some(slot)) => self.take(&slot),
                    // Before it was seen, it has yet to be made.
                    Ok(None) if self.growth.borrow().end == Lsn(0) => {}
                    Ok(None) => tracing::error!(slot = self.settings.slot, "the slot is gone"),
                    Err(error) => tracing::warn!(%error, "the slot could not be looked at"),
                }
            }
        }))
    }

    async fn look(&self) -> Result<Option<Slot>> {
        let mut wire = connect(&self.settings.server).await?;
        Slot::read(&mut wire, &self.settings.slot).await
    }
}

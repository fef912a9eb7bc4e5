//! What a program can see of a source at work.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// A connection that ends sooner than this after it began was not worth much.
const SHORT: Duration = Duration::from_secs(5);
/// So many of them in a row are a fight.
const FIGHT: u32 = 3;

/// How a source and its broker get on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MqttStatus {
    /// Whether there is a connection, and every subscription is granted.
    pub subscribed: bool,
    /// Connections that the broker has accepted.
    pub connections: u64,
    /// How often the broker had no session where it should have had one. **Each time messages may be lost**: those that
    /// came while the source was away for longer than the session lasts, or that the broker has not kept.
    pub sessions_lost: u64,
    /// How often another client took the session over, as far as the broker says it.
    pub taken_over: u64,
    /// Whether connections end as soon as they begin, one after the other: as a rule, two clients have one id.
    pub fighting: bool,
}

/// Watches a source, also while an engine owns it.
#[derive(Debug, Clone)]
pub struct MqttWatch(pub(super) Arc<watch::Sender<MqttStatus>>);

impl MqttWatch {
    /// How it is now.
    #[must_use]
    pub fn status(&self) -> MqttStatus {
        *self.0.borrow()
    }

    /// Waits until something is so.
    pub async fn until(&self, is_so: impl FnMut(&MqttStatus) -> bool) -> MqttStatus {
        let mut receiver = self.0.subscribe();
        // The sender lives as long as this does.
        receiver.wait_for(is_so).await.map_or_else(|_| self.status(), |status| *status)
    }
}

/// Connections that end too soon.
#[derive(Debug, Default)]
pub(super) struct Fight {
    began: Option<Instant>,
    short: u32,
}

impl Fight {
    pub(super) fn began(&mut self) {
        self.began = Some(Instant::now());
    }

    /// Whether this was the last of several that were short.
    pub(super) fn ended(&mut self) -> bool {
        if let Some(began) = self.began.take() {
            self.short = if began.elapsed() < SHORT { self.short + 1 } else { 0 };
        }
        self.short >= FIGHT
    }
}

//! The settings that all receivers have.

use std::net::SocketAddr;
use std::time::Duration;

use datalake_core::{Cpu, Error, Result};
use tokio::net::TcpListener;

use super::inbox::{Inbox, Names};
use super::queue::Queue;
use super::request::{Intake, Receiver};

/// Where a receiver listens, and its bounds.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) paths: Vec<String>,
    pub(crate) health: Option<String>,
    pub(crate) max_body: usize,
    pub(crate) queue: usize,
    pub(crate) queue_bytes: usize,
    pub(crate) connections: usize,
    pub(crate) read_timeout: Duration,
    pub(crate) commit_timeout: Duration,
    pub(crate) commit_within: Duration,
    pub(crate) remember: Duration,
}

impl Settings {
    pub(crate) fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            paths: Vec::new(),
            health: None,
            max_body: 1 << 20,
            queue: 1000,
            queue_bytes: 64 << 20,
            connections: 1024,
            read_timeout: Duration::from_secs(10),
            commit_timeout: Duration::from_secs(25),
            commit_within: Duration::from_millis(25),
            remember: Duration::from_secs(3600),
        }
    }

    /// Where it is, for lineage.
    pub(crate) fn locator(&self, local: SocketAddr) -> String {
        format!("http://{local}{}", self.paths.join(","))
    }

    /// Binds the address and begins to take events.
    ///
    /// # Errors
    /// The address cannot be used. The settings are expected to be [checked](Self::check).
    pub(crate) async fn open<I: Intake>(
        &self,
        system: &'static str,
        schema: &'static str,
        intake: I,
    ) -> Result<Inbox<I>> {
        let failed = |cause| {
            Error::config("the address cannot be listened on").with("listen", self.listen).caused_by(cause)
        };
        let receiver = Receiver {
            paths: self.paths.clone(),
            health: self.health.clone(),
            max_body: self.max_body,
            read_timeout: self.read_timeout,
            commit_timeout: self.commit_timeout,
            queue: Queue::new(self.queue, self.queue_bytes, self.remember),
            cpu: Cpu::default(),
            intake,
        };
        let listener = TcpListener::bind(self.listen).await.map_err(failed)?;
        let local = listener.local_addr().map_err(failed)?;
        let names = Names { system, schema };
        Ok(Inbox::open(names, listener, local, receiver, self.connections, self.queue))
    }

    /// Whether the settings go together.
    pub(crate) fn check(&self) -> Result<()> {
        if self.paths.is_empty() {
            return Err(Error::config("give at least one path to receive events at"));
        }
        for path in self.paths.iter().chain(&self.health) {
            let ok =
                path.starts_with('/') && path.bytes().all(|b| b.is_ascii_graphic() && b != b'?' && b != b'#');
            if !ok {
                return Err(Error::config("a path begins with / and has no query, blank or fragment")
                    .with("path", format_args!("{path:?}")));
            }
        }
        if self.health.as_ref().is_some_and(|health| self.paths.contains(health)) {
            return Err(Error::config("the path of the health check also receives events"));
        }
        let numbers = [
            ("max_body", self.max_body, 1 << 30),
            ("queue", self.queue, 60_000),
            ("queue_bytes", self.queue_bytes, 1 << 40),
            ("connections", self.connections, 1 << 20),
        ];
        for (setting, number, most) in numbers {
            if number == 0 || number > most {
                return Err(Error::config("a bound is out of range")
                    .with(setting, number)
                    .with("most", most));
            }
        }
        if self.queue_bytes < self.max_body {
            return Err(Error::config("the queue has no room for the longest body")
                .with("queue_bytes", self.queue_bytes)
                .with("max_body", self.max_body));
        }
        if self.commit_within >= self.commit_timeout {
            return Err(Error::config("an event is answered before its commit is due")
                .with("commit_within", format_args!("{:?}", self.commit_within))
                .with("commit_timeout", format_args!("{:?}", self.commit_timeout)));
        }
        Ok(())
    }
}

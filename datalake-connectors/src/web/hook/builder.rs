//! The settings of a receiver.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use datalake_core::{
    Clock, Cpu, Dataset, Entropy as _, Error, Format, Result, SourceInfo, SystemClock, SystemEntropy,
};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::id::IdRule;
use super::queue::Queue;
use super::request::Receiver;
use super::signature::{FUTURE, PAST};
use super::verify::{Verify, header_name};
use super::{HookSource, SYSTEM, server};

/// Makes a [`HookSource`].
#[derive(Debug, Clone)]
#[must_use]
pub struct HookSourceBuilder {
    dataset: Dataset,
    listen: SocketAddr,
    paths: Vec<String>,
    health: Option<String>,
    verify: Option<Verify>,
    id: Option<IdSetting>,
    type_header: Option<String>,
    format: Format,
    max_body: usize,
    queue: usize,
    queue_bytes: usize,
    connections: usize,
    read_timeout: Duration,
    commit_timeout: Duration,
    commit_within: Duration,
    remember: Duration,
    clock: SharedClock,
}

#[derive(Debug, Clone)]
enum IdSetting {
    Header(String),
    Pointer(String),
}

#[derive(Clone)]
struct SharedClock(Arc<dyn Clock>);

impl std::fmt::Debug for SharedClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

impl HookSourceBuilder {
    pub(super) fn new(dataset: Dataset, listen: SocketAddr) -> Self {
        Self {
            dataset,
            listen,
            paths: Vec::new(),
            health: None,
            verify: None,
            id: None,
            type_header: None,
            format: Format::Json,
            max_body: 1 << 20,
            queue: 1000,
            queue_bytes: 64 << 20,
            connections: 1024,
            read_timeout: Duration::from_secs(10),
            commit_timeout: Duration::from_secs(25),
            commit_within: Duration::from_millis(25),
            remember: Duration::from_secs(3600),
            clock: SharedClock(Arc::new(SystemClock)),
        }
    }

    /// Receives events at a path, for instance `/events`. Call it again for more. At least one is needed.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.paths.push(path.into());
        self
    }

    /// Answers `GET` at a path with 200 while the receiver is open, for the health check of a load balancer.
    pub fn health(mut self, path: impl Into<String>) -> Self {
        self.health = Some(path.into());
        self
    }

    /// Says how events prove who sent them. Needed; [`Verify::nothing`] if they do not.
    pub fn verify(mut self, verify: Verify) -> Self {
        self.verify = Some(verify);
        self
    }

    /// Takes the id of an event from a header. By default from where the sender that [`verify`](Self::verify) names
    /// puts it.
    pub fn id_header(mut self, name: impl Into<String>) -> Self {
        self.id = Some(IdSetting::Header(name.into()));
        self
    }

    /// Takes the id of an event from its JSON body, a string or a number at a JSON Pointer such as `/event/id`.
    pub fn id_pointer(mut self, pointer: impl Into<String>) -> Self {
        self.id = Some(IdSetting::Pointer(pointer.into()));
        self
    }

    /// Keeps the type of an event, given in a header, in the locator of its document. By default the header in which
    /// GitHub and Shopify put it.
    pub fn type_header(mut self, name: impl Into<String>) -> Self {
        self.type_header = Some(name.into());
        self
    }

    /// How a body divides into records. [`Format::Json`] by default: one event a request.
    pub fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// The longest body in bytes, as sent and without its content encoding. 1 MiB by default.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// How many events may be under way, received and not yet committed. 1,000 by default; a sender of more is
    /// answered 503.
    pub fn queue(mut self, events: usize) -> Self {
        self.queue = events;
        self
    }

    /// How many bytes of bodies may be under way, being read or not yet committed. 64 MiB by default; a sender of
    /// more is answered 503.
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.queue_bytes = bytes;
        self
    }

    /// How many connections may be open. 1,024 by default; more wait to be accepted.
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections;
        self
    }

    /// How long a sender may take to send the head of a request, and again for its body. 10 s by default.
    pub fn read_timeout(mut self, timeout: Duration) -> Self {
        self.read_timeout = timeout;
        self
    }

    /// How long a request waits for the commit of its event before it is answered 503. 25 s by default; keep it below
    /// the patience of the sender.
    pub fn commit_timeout(mut self, timeout: Duration) -> Self {
        self.commit_timeout = timeout;
        self
    }

    /// How long an event waits for others to share its commit. 25 ms by default; longer makes fewer and larger commits,
    /// and slower answers.
    pub fn commit_within(mut self, time: Duration) -> Self {
        self.commit_within = time;
        self
    }

    /// How long a committed event is known again by its id. One hour by default, at least 6 minutes: as long as a
    /// signed time is accepted.
    pub fn remember(mut self, time: Duration) -> Self {
        self.remember = time;
        self
    }

    /// The clock that signed times are checked against. The system's by default.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = SharedClock(Arc::new(clock));
        self
    }

    /// Checks the settings, binds the address and begins to take events. Needs a Tokio runtime with time and I/O.
    ///
    /// # Errors
    /// [`ConfigInvalid`](datalake_core::ErrorKind::ConfigInvalid) if a setting is wrong or the address cannot be used;
    /// what kept a named secret from being looked up.
    pub async fn build(self) -> Result<HookSource> {
        self.listen().await.map_err(|error| error.component(SYSTEM))
    }

    async fn listen(self) -> Result<HookSource> {
        self.check()?;
        let verify = self.verify.as_ref().ok_or_else(|| {
            Error::config("say how events are verified, or Verify::nothing() if they are not")
        })?;
        let id = match &self.id {
            None => verify.id_rule(),
            Some(IdSetting::Header(name)) => IdRule::Header(header_name(name)?),
            Some(IdSetting::Pointer(pointer)) => IdRule::Pointer(pointer.clone()),
        };
        let type_header = match &self.type_header {
            None => verify.type_header(),
            Some(name) => Some(header_name(name)?),
        };
        let verifier = verify.verifier()?;
        if let Some(error) = verifier.keys.ready().await.missing {
            return Err(error);
        }
        let receiver = Receiver {
            verifier,
            id_is_signed: verify.signs(&id),
            id,
            type_header,
            format: Arc::new(self.format.clone()),
            max_body: self.max_body,
            read_timeout: self.read_timeout,
            commit_timeout: self.commit_timeout,
            queue: Queue::new(self.queue, self.queue_bytes, self.remember),
            clock: Arc::clone(&self.clock.0),
            cpu: Cpu::default(),
            paths: self.paths.clone(),
            health: self.health.clone(),
        };
        let failed = |cause| {
            Error::config("the address cannot be listened on").with("listen", self.listen).caused_by(cause)
        };
        let listener = TcpListener::bind(self.listen).await.map_err(failed)?;
        let local = listener.local_addr().map_err(failed)?;
        let info = self.info(local, verify);

        let receiver = Arc::new(receiver);
        let (closing, closed) = watch::channel(false);
        let served = server::serve(listener, Arc::clone(&receiver), self.connections, closed);
        Ok(HookSource {
            info,
            local,
            boot: format!("{:016x}", SystemEntropy.bits()).into(),
            window: self.queue,
            receiver,
            closing,
            server: Some(tokio::spawn(served)),
        })
    }

    fn check(&self) -> Result<()> {
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
        if let Some(IdSetting::Pointer(pointer)) = &self.id
            && !pointer.starts_with('/')
        {
            return Err(
                Error::config("a JSON Pointer begins with /").with("pointer", format_args!("{pointer:?}"))
            );
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
        if self.remember < Duration::from_secs((PAST + FUTURE).unsigned_abs()) {
            return Err(Error::config("events are remembered for at least 6 minutes")
                .with("remember", format_args!("{:?}", self.remember)));
        }
        Ok(())
    }

    fn info(&self, local: SocketAddr, verify: &Verify) -> SourceInfo {
        let locator = format!("http://{local}{}", self.paths.join(","));
        SourceInfo::new(SYSTEM, self.dataset.clone(), locator)
            .without_seek()
            .with_commit(self.commit_within)
            .with_window(self.queue)
            .with_config(json!({
                "paths": self.paths,
                "verify": verify.name(),
                "format": self.format,
                "max_body": self.max_body,
            }))
    }
}

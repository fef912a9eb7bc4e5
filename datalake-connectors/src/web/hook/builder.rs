//! The settings of a receiver.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use datalake_core::{Clock, Dataset, Error, Format, Result, SourceInfo, SystemClock};
use serde_json::json;

use super::id::IdRule;
use super::intake::Hooks;
use super::signature::{FUTURE, PAST};
use super::verify::{Verify, header_name};
use super::{HookSource, SCHEMA, SYSTEM};
use crate::receive::Settings;

/// Makes a [`HookSource`].
#[derive(Debug, Clone)]
#[must_use]
pub struct HookSourceBuilder {
    dataset: Dataset,
    settings: Settings,
    verify: Option<Verify>,
    id: Option<IdSetting>,
    type_header: Option<String>,
    format: Format,
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
            settings: Settings::new(listen),
            verify: None,
            id: None,
            type_header: None,
            format: Format::Json,
            clock: SharedClock(Arc::new(SystemClock)),
        }
    }

    /// Receives events at a path, for instance `/events`. Call it again for more. At least one is needed.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.settings.paths.push(path.into());
        self
    }

    /// Answers `GET` at a path with 200 while the receiver is open, for the health check of a load balancer.
    pub fn health(mut self, path: impl Into<String>) -> Self {
        self.settings.health = Some(path.into());
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
        self.settings.max_body = bytes;
        self
    }

    /// How many events may be under way, received and not yet committed. 1,000 by default; a sender of more is
    /// answered 503.
    pub fn queue(mut self, events: usize) -> Self {
        self.settings.queue = events;
        self
    }

    /// How many bytes of bodies may be under way, being read or not yet committed. 64 MiB by default; a sender of
    /// more is answered 503.
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.settings.queue_bytes = bytes;
        self
    }

    /// How many connections may be open. 1,024 by default; more wait to be accepted.
    pub fn connections(mut self, connections: usize) -> Self {
        self.settings.connections = connections;
        self
    }

    /// How long a sender may take to send the head of a request, and again for its body. 10 s by default.
    pub fn read_timeout(mut self, timeout: Duration) -> Self {
        self.settings.read_timeout = timeout;
        self
    }

    /// How long a request waits for the commit of its event before it is answered 503. 25 s by default; keep it below
    /// the patience of the sender.
    pub fn commit_timeout(mut self, timeout: Duration) -> Self {
        self.settings.commit_timeout = timeout;
        self
    }

    /// How long an event waits for others to share its commit. 25 ms by default; longer makes fewer and larger commits,
    /// and slower answers.
    pub fn commit_within(mut self, time: Duration) -> Self {
        self.settings.commit_within = time;
        self
    }

    /// How long a committed event is known again by its id. One hour by default, at least 6 minutes: as long as a
    /// signed time is accepted.
    pub fn remember(mut self, time: Duration) -> Self {
        self.settings.remember = time;
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
        let intake = Hooks {
            verifier,
            id_is_signed: verify.signs(&id),
            id,
            type_header,
            format: Arc::new(self.format.clone()),
            clock: Arc::clone(&self.clock.0),
        };
        let inbox = self.settings.open(SYSTEM, SCHEMA, intake).await?;
        let info = self.info(inbox.local(), verify);
        Ok(HookSource { info, inbox })
    }

    fn check(&self) -> Result<()> {
        self.settings.check()?;
        if let Some(IdSetting::Pointer(pointer)) = &self.id
            && !pointer.starts_with('/')
        {
            return Err(
                Error::config("a JSON Pointer begins with /").with("pointer", format_args!("{pointer:?}"))
            );
        }
        if self.settings.remember < Duration::from_secs((PAST + FUTURE).unsigned_abs()) {
            return Err(Error::config("events are remembered for at least 6 minutes")
                .with("remember", format_args!("{:?}", self.settings.remember)));
        }
        Ok(())
    }

    fn info(&self, local: SocketAddr, verify: &Verify) -> SourceInfo {
        SourceInfo::new(SYSTEM, self.dataset.clone(), self.settings.locator(local))
            .without_seek()
            .with_commit(self.settings.commit_within)
            .with_window(self.settings.queue)
            .with_config(json!({
                "paths": self.settings.paths,
                "verify": verify.name(),
                "format": self.format,
                "max_body": self.settings.max_body,
            }))
    }
}

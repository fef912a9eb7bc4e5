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
use crate::receive::{Opening, Settings, setters};

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

    setters! { path: "/events", max_body: "1 MiB", commit_timeout: "25 s" }

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
        self.open().await.map_err(|error| error.component(SYSTEM))
    }

    fn open(self) -> Opening<HookSource> {
        Box::pin(self.listen())
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

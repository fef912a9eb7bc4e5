//! The settings of a function.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::api::Api;
use super::{Attached, Lambda, Settings};

/// The settings of a function: [`Lambda::builder`].
#[derive(Debug)]
#[must_use]
pub struct Builder(Settings);

impl Builder {
    pub(super) fn new() -> Self {
        Self(Settings {
            name: "function".into(),
            memory: 512,
            region: "eu-central-1".into(),
            timeout: Duration::from_secs(3),
            initialisation: Duration::from_secs(10),
            grace: Duration::from_millis(500),
            concurrency: 10,
            variables: Vec::new(),
        })
    }

    /// Names the function. By default `function`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.0.name = name.into();
        self
    }

    /// Sets how long an invocation may take. By default three seconds, as of the service.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.0.timeout = timeout;
        self
    }

    /// Sets how long a process may take until it asks for its first event. By default ten seconds.
    pub fn initialisation(mut self, time: Duration) -> Self {
        self.0.initialisation = time;
        self
    }

    /// Sets how long a process has from SIGTERM to its end. By default half a second.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.0.grace = grace;
        self
    }

    /// Sets the memory that the process is told it has, in MiB. Nothing enforces it.
    pub fn memory(mut self, mebibytes: u32) -> Self {
        self.0.memory = mebibytes;
        self
    }

    /// Sets the region. By default `eu-central-1`.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.0.region = region.into();
        self
    }

    /// Sets how many environments there may be at once. By default ten.
    pub fn concurrency(mut self, environments: usize) -> Self {
        self.0.concurrency = environments.max(1);
        self
    }

    /// Adds an environment variable of the function.
    pub fn env(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.0.variables.push((name.into(), value.to_string()));
        self
    }

    /// A function of a binary. Nothing is started before the first event.
    #[must_use]
    pub fn binary(self, binary: impl Into<PathBuf>) -> Lambda {
        Lambda::new(self.0, binary.into())
    }

    /// An interface without a process.
    ///
    /// # Errors
    /// No port is free.
    pub async fn attach(self) -> io::Result<Attached> {
        Ok(Attached { settings: Arc::new(self.0), api: Api::start().await? })
    }
}

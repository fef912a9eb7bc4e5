//! The runtime interface of AWS Lambda on loopback, and the binaries that speak to it.
//!
//! [`Lambda`] is one function. [`Lambda::invoke`] gives an event to one of its execution environments and says what
//! came of it: the answer, an error of the function, a deadline that passed, a process that ended, an answer that was
//! too large. An environment is a process of **the very binary that would be deployed**, started when the first event
//! needs it, kept for the next, and killed when it is over its deadline, as the service does. Events that overlap get
//! environments of their own.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use datalake_simulators::lambda::{Lambda, Outcome};
//! use serde_json::json;
//!
//! # async fn example() -> std::io::Result<()> {
//! let lambda = Lambda::builder()
//!     .timeout(Duration::from_secs(10))
//!     .env("LAKE", "s3://lake")
//!     .binary("target/release/sourcing_lambda");
//! let first = lambda.invoke(json!({})).await?;
//! assert!(first.cold_start.is_some());
//! let Outcome::Answer(answer) = &first.outcome else { panic!("{:?}", first.outcome) };
//! println!("{} in {:?}", String::from_utf8_lossy(answer), first.took);
//! for ended in lambda.shutdown().await {
//!     assert!(ended.in_time());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What it does as the service does
//!
//! | | |
//! | --- | --- |
//! | `GET /2018-06-01/runtime/invocation/next` | waits for an event; gives it with request id, deadline in milliseconds since 1970, ARN and X-Ray trace |
//! | `POST …/invocation/{id}/response` | takes the answer; 413 over [`RESPONSE_LIMIT`]; 400 for an id that is not the current one, for instance after the deadline |
//! | `POST …/invocation/{id}/error`, `POST …/init/error` | takes an error |
//! | `POST /2020-01-01/extension/register`, `GET …/extension/event/next` | registers an extension, which then waits |
//! | deadline | the process is killed by SIGKILL and the environment is gone |
//! | event over [`REQUEST_LIMIT`] | is refused and reaches nobody |
//! | initialisation over ten seconds | the process is killed |
//! | shutdown | SIGTERM if an extension is registered, and SIGKILL after the grace of half a second; SIGKILL at once if none is |
//! | environment variables | only those the service sets, `PATH`, and those given |
//!
//! # What it does not
//!
//! It does not freeze a process between events, has no asynchronous invocations of its own with their retries, streams
//! no answers and bounds no memory.
//!
//! # Without a process
//!
//! [`Builder::attach`] starts an interface and no process, for a handler that runs in the test's own process, or in
//! one that the test starts itself: point it to [`Attached::address`].

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

mod api;
mod builder;
mod environment;
mod outcome;
mod process;
#[cfg(test)]
mod tests;

pub use builder::Builder;
pub use outcome::{Ended, FunctionError, Invocation, Outcome};

use api::Api;
use environment::Environment;

/// The most bytes of an event of a synchronous invocation.
pub const REQUEST_LIMIT: usize = 6_291_456;
/// The most bytes of an answer.
pub const RESPONSE_LIMIT: usize = 6_291_556;

/// What an invocation and an environment must know of the function.
#[derive(Debug, Clone)]
struct Settings {
    name: String,
    memory: u32,
    region: String,
    timeout: Duration,
    initialisation: Duration,
    grace: Duration,
    concurrency: usize,
    variables: Vec<(String, String)>,
}

impl Settings {
    fn arn(&self) -> String {
        format!("arn:aws:lambda:{}:000000000000:function:{}", self.region, self.name)
    }
}

/// A function whose environments are processes of a binary. They are killed when it is dropped.
#[derive(Debug)]
pub struct Lambda {
    settings: Arc<Settings>,
    binary: PathBuf,
    idle: Mutex<Vec<Environment>>,
    slots: tokio::sync::Semaphore,
    started: AtomicU64,
    logs: Arc<Mutex<Vec<String>>>,
}

impl Lambda {
    /// Begins a function.
    pub fn builder() -> Builder {
        Builder::new()
    }

    fn new(settings: Settings, binary: PathBuf) -> Self {
        let slots = tokio::sync::Semaphore::new(settings.concurrency);
        Self {
            settings: Arc::new(settings),
            binary,
            idle: Mutex::default(),
            slots,
            started: AtomicU64::new(0),
            logs: Arc::default(),
        }
    }

    /// Gives an event to an environment, a new one if none is idle, and waits for what comes of it. Waits too while
    /// as many invocations run as there may be environments.
    ///
    /// If the future is dropped, the environment is killed.
    ///
    /// # Errors
    /// The binary cannot be started.
    pub async fn invoke(&self, event: impl ToString) -> io::Result<Invocation> {
        let event = event.to_string();
        if event.len() > REQUEST_LIMIT {
            return Ok(Invocation::refused(event.len()));
        }
        let Ok(_slot) = self.slots.acquire().await else { return Err(io::Error::other("no slots")) };
        let idle = self.idle().pop();
        let mut environment = match idle {
            Some(environment) => environment,
            None => {
                self.started.fetch_add(1, Ordering::Relaxed);
                match Environment::start(&self.settings, &self.binary, &self.logs).await? {
                    Ok(environment) => environment,
                    Err(failed) => return Ok(failed),
                }
            }
        };
        let invocation = environment.invoke(event.into()).await;
        if environment.is_alive() {
            self.idle().push(environment);
        }
        Ok(invocation)
    }

    /// How many environments were started so far: cold starts.
    #[must_use]
    pub fn cold_starts(&self) -> u64 {
        self.started.load(Ordering::Relaxed)
    }

    /// The lines that all processes have written to standard output and error so far.
    #[must_use]
    pub fn logs(&self) -> Vec<String> {
        lock(&self.logs).clone()
    }

    /// Ends the idle environments as the service does, and says how each has ended.
    pub async fn shutdown(&self) -> Vec<Ended> {
        let idle = std::mem::take(&mut *self.idle());
        let ends = idle.into_iter().map(Environment::shutdown);
        futures::future::join_all(ends).await
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Environment>> {
        lock(&self.idle)
    }
}

/// An interface without a process.
#[derive(Debug)]
pub struct Attached {
    settings: Arc<Settings>,
    api: Api,
}

impl Attached {
    /// The address for `AWS_LAMBDA_RUNTIME_API`: host and port.
    #[must_use]
    pub fn address(&self) -> String {
        self.api.address()
    }

    /// The variables that the service would set.
    #[must_use]
    pub fn variables(&self) -> Vec<(String, String)> {
        environment::variables(&self.settings, &self.api.address())
    }

    /// Gives an event to whoever asks for the next one, and waits for what comes of it, at most until the deadline.
    /// One at a time.
    pub async fn invoke(&self, event: impl ToString) -> Invocation {
        let event = event.to_string();
        if event.len() > REQUEST_LIMIT {
            return Invocation::refused(event.len());
        }
        self.api.invoke(&self.settings, event.into()).await
    }

    /// The error that the initialisation has reported, if it has.
    #[must_use]
    pub fn init_error(&self) -> Option<FunctionError> {
        self.api.init_error()
    }

    /// Whether an extension is registered.
    #[must_use]
    pub fn has_extension(&self) -> bool {
        self.api.has_extension()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

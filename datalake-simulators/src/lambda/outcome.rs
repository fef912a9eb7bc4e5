//! What comes of an invocation, and of an environment.

use std::process::ExitStatus;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

/// An invocation that is over.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Invocation {
    /// The request id. Empty if the event reached nobody.
    pub request_id: String,
    /// What came of it.
    pub outcome: Outcome,
    /// How long it took from the event to the outcome, without initialisation.
    pub took: Duration,
    /// How long the environment took from its start until it asked for an event, if it was started for this one.
    pub cold_start: Option<Duration>,
}

/// What came of an invocation.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Outcome {
    /// The function answered.
    Answer(Bytes),
    /// The function reported an error.
    Failed(FunctionError),
    /// The deadline passed. The process was killed.
    TimedOut,
    /// The process ended before it answered.
    Exited(Option<ExitStatus>),
    /// The answer was larger than the service takes, by its bytes.
    AnswerTooLarge(usize),
    /// The event was larger than the service takes, by its bytes. It reached nobody.
    EventTooLarge(usize),
    /// The initialisation failed: an error if the process reported one, and how it ended if it has.
    InitFailed(Option<FunctionError>, Option<ExitStatus>),
}

impl Outcome {
    /// The answer as JSON, if there is one and it is JSON.
    #[must_use]
    pub fn json(&self) -> Option<Value> {
        match self {
            Self::Answer(bytes) => serde_json::from_slice(bytes).ok(),
            _ => None,
        }
    }
}

impl Invocation {
    pub(super) fn refused(bytes: usize) -> Self {
        Self {
            request_id: String::new(),
            outcome: Outcome::EventTooLarge(bytes),
            took: Duration::ZERO,
            cold_start: None,
        }
    }
}

/// An error as a function reports it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FunctionError {
    /// `errorType` of the body.
    pub error_type: String,
    /// `errorMessage` of the body.
    pub message: String,
    /// The header `Lambda-Runtime-Function-Error-Type`.
    pub header: Option<String>,
}

impl FunctionError {
    pub(super) fn read(body: &[u8], header: Option<String>) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        Self { error_type: text("errorType"), message: text("errorMessage"), header }
    }
}

/// How an environment has ended at its shutdown.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Ended {
    /// Whether it was asked to: an extension was registered.
    pub asked: bool,
    /// How it ended by itself; `None` if it was killed.
    pub status: Option<ExitStatus>,
    /// How long it took.
    pub took: Duration,
}

impl Ended {
    /// Whether it was asked to end and did so by itself, with success and in time.
    #[must_use]
    pub fn in_time(&self) -> bool {
        self.asked && self.status.is_some_and(|status| status.success())
    }
}

//! One execution environment: an interface and a process that speaks to it.

use std::io;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::api::{Api, Stage};
use super::process::Process;
use super::{Ended, Invocation, Outcome, Settings};

#[derive(Debug)]
pub(super) struct Environment {
    settings: Arc<Settings>,
    api: Api,
    process: Process,
    cold_start: Option<Duration>,
    alive: bool,
}

/// How long a process that has reported a failure may take to end by itself.
const LAST_WORDS: Duration = Duration::from_secs(2);

impl Environment {
    /// Starts a process and waits for the end of its initialisation; `Err` inside if that failed.
    pub(super) async fn start(
        settings: &Arc<Settings>,
        binary: &Path,
        logs: &Arc<Mutex<Vec<String>>>,
    ) -> io::Result<Result<Self, Invocation>> {
        let api = Api::start().await?;
        let began = Instant::now();
        let mut process = Process::start(binary, variables(settings, &api.address()), logs)?;
        let over = tokio::select! {
            stage = tokio::time::timeout(settings.initialisation, api.initialised()) => stage.ok(),
            status = process.ended() => return Ok(Err(failed(&api, began, status))),
        };
        if over == Some(Stage::Ready) {
            let cold_start = Some(began.elapsed());
            return Ok(Ok(Self { settings: Arc::clone(settings), api, process, cold_start, alive: true }));
        }
        let status = tokio::time::timeout(LAST_WORDS, process.ended()).await.ok().flatten();
        process.kill().await;
        Ok(Err(failed(&api, began, status)))
    }

    /// Whether it can take another event.
    pub(super) fn is_alive(&self) -> bool {
        self.alive
    }

    pub(super) async fn invoke(&mut self, event: Bytes) -> Invocation {
        let began = Instant::now();
        let mut invocation = tokio::select! {
            biased;
            invocation = self.api.invoke(&self.settings, event) => invocation,
            status = self.process.ended() => Invocation {
                request_id: String::new(),
                outcome: Outcome::Exited(status),
                took: began.elapsed(),
                cold_start: None,
            },
        };
        invocation.cold_start = self.cold_start.take();
        self.alive = matches!(
            invocation.outcome,
            Outcome::Answer(_) | Outcome::Failed(_) | Outcome::AnswerTooLarge(_)
        );
        if !self.alive {
            self.process.kill().await;
        }
        invocation
    }

    /// Asks the process to end if an extension is registered, and kills it after the grace.
    pub(super) async fn shutdown(mut self) -> Ended {
        let (began, asked) = (Instant::now(), self.api.has_extension());
        let status = match asked {
            true => {
                self.process.terminate();
                tokio::time::timeout(self.settings.grace, self.process.ended()).await.ok().flatten()
            }
            false => None,
        };
        self.process.kill().await;
        Ended { asked, status, took: began.elapsed() }
    }
}

fn failed(api: &Api, began: Instant, status: Option<ExitStatus>) -> Invocation {
    Invocation {
        request_id: String::new(),
        outcome: Outcome::InitFailed(api.init_error(), status),
        took: Duration::ZERO,
        cold_start: Some(began.elapsed()),
    }
}

/// What the service sets, and what the function was given.
pub(super) fn variables(settings: &Settings, api: &str) -> Vec<(String, String)> {
    let set = [
        ("AWS_LAMBDA_RUNTIME_API", api),
        ("AWS_LAMBDA_FUNCTION_NAME", &settings.name),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &settings.memory.to_string()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", &format!("/aws/lambda/{}", settings.name)),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/01/01/[$LATEST]0123456789abcdef"),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023"),
        ("AWS_REGION", &settings.region),
        ("AWS_DEFAULT_REGION", &settings.region),
        ("LANG", "en_US.UTF-8"),
        ("TZ", ":UTC"),
        ("_HANDLER", "bootstrap"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    set.into_iter().chain(settings.variables.iter().cloned()).collect()
}

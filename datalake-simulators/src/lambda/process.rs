//! A process, its lines, and its end.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};

use super::lock;

/// The most lines that are kept of all processes of a function.
const LINES: usize = 100_000;

/// A process that is killed when it is dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
}

impl Process {
    pub(super) fn start(
        binary: &Path,
        variables: Vec<(String, String)>,
        logs: &Arc<Mutex<Vec<String>>>,
    ) -> io::Result<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut child = Command::new(binary)
            .env_clear()
            .env("PATH", path)
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(stdout) = child.stdout.take() {
            keep(stdout, logs);
        }
        if let Some(stderr) = child.stderr.take() {
            keep(stderr, logs);
        }
        Ok(Self { child })
    }

    /// Waits for the end. Cancel safe.
    pub(super) async fn ended(&mut self) -> Option<ExitStatus> {
        self.child.wait().await.ok()
    }

    /// Sends SIGTERM.
    pub(super) fn terminate(&self) {
        #[cfg(unix)]
        if let Some(pid) = self.child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed())) {
            // It may have ended by itself.
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).ok();
        }
    }

    /// Sends SIGKILL and waits for the end.
    pub(super) async fn kill(&mut self) {
        if let Err(error) = self.child.kill().await {
            tracing::debug!(%error, "a process could not be killed");
        }
    }
}

fn keep(pipe: impl AsyncRead + Unpin + Send + 'static, logs: &Arc<Mutex<Vec<String>>>) {
    let logs = Arc::clone(logs);
    tokio::spawn(async move {
        let mut lines = BufReader::new(pipe).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let mut logs = lock(&logs);
            if logs.len() < LINES {
                logs.push(line);
            }
        }
    });
}

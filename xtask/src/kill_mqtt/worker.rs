//! The worker that is killed.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::{Result, run};

pub(super) struct Worker {
    program: PathBuf,
    folder: PathBuf,
    port: u16,
    /// Whether it keeps messages in a folder of its own before they are in the lake.
    spools: bool,
    child: Option<Child>,
}

impl Worker {
    pub(super) fn new(program: &Path, folder: &Path, port: u16, spools: bool) -> Self {
        Self { program: program.into(), folder: folder.into(), port, spools, child: None }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--lake").arg(self.folder.join("lake")).args(["--dataset", "kill"]);
        command.stdin(Stdio::null()).env("RUST_LOG", "info");
        command
    }

    fn reading(&self, task: &str) -> Command {
        let mut command = self.command();
        command.args(["--url", &format!("mqtt://127.0.0.1:{}", self.port), "--client-id", "kill"]);
        command.args(["--topic", "kill/#", "--qos", "2", "--window", "20", "--commit-within", "10"]);
        if self.spools {
            command.arg("--spool").arg(self.folder.join("spool"));
        }
        command.arg(task);
        command
    }

    pub(super) fn start(&mut self) -> Result<()> {
        let log = OpenOptions::new().create(true).append(true).open(self.log())?;
        self.child = Some(self.reading("run").stdout(Stdio::null()).stderr(log).spawn()?);
        Ok(())
    }

    /// Kills it. It may not have ended by itself.
    pub(super) fn kill(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        let over = child.try_wait()?;
        child.kill()?;
        child.wait()?;
        match over {
            Some(status) => Err(format!("the worker ended by itself: {status}").into()),
            None => Ok(()),
        }
    }

    /// Takes what the broker has, undisturbed.
    pub(super) fn drain(&self) -> Result<()> {
        run::output(&mut self.reading("drain")).map(drop)
    }

    /// What the worker writes about its lake.
    pub(super) fn ask(&self, task: &[&str]) -> Result<Vec<u8>> {
        run::output(self.command().args(task))
    }

    pub(super) fn log(&self) -> PathBuf {
        self.folder.join("worker.log")
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

//! What runs, as a file in its folder says.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use serde_json::{Value, json};

use super::{container, health};
use crate::Result;
use crate::process::{signal, within};

/// After this, what was asked to end is killed.
const GRACE: Duration = Duration::from_secs(10);

/// A process, which leads a group, or a container.
#[derive(Debug, PartialEq)]
pub(crate) enum Running {
    Process { id: u32, program: String, port: u16 },
    Container { id: String, port: u16 },
}

impl Running {
    /// The endpoint of what runs in a folder, if it answers.
    pub(crate) fn find(folder: &Path, path: &str) -> Result<Option<String>> {
        let Some(running) = Self::read(folder)? else { return Ok(None) };
        let (Self::Process { port, .. } | Self::Container { port, .. }) = running;
        Ok(health::answers(port, path).then(|| health::endpoint(port)))
    }

    /// Stops what runs in a folder and removes the folder. Whether anything ran.
    pub(crate) fn stop(folder: &Path) -> Result<bool> {
        let stopped = match Self::read(folder)? {
            None => false,
            Some(Self::Container { id, .. }) => container::stop(&id),
            Some(Self::Process { id, program, .. }) => {
                let ours = || command_line(id).is_some_and(|line| line.contains(&program));
                let ran = ours();
                if ran {
                    signal("TERM", &id.to_string());
                    within(GRACE, || !ours());
                    signal("KILL", &format!("-{id}"));
                }
                ran
            }
        };
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        Ok(stopped)
    }

    /// Writes the file.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        let text = match self {
            Self::Process { id, program, port } => json!({"process": id, "program": program, "port": port}),
            Self::Container { id, port } => json!({"container": id, "port": port}),
        };
        Ok(fs::write(folder.join("running.json"), text.to_string())?)
    }

    fn read(folder: &Path) -> Result<Option<Self>> {
        let file = folder.join("running.json");
        if !file.is_file() {
            return Ok(None);
        }
        let text: Value = serde_json::from_slice(&fs::read(&file)?)?;
        let read = || {
            let port = text["port"].as_u64()?.try_into().ok()?;
            if let Some(id) = text["container"].as_str() {
                return Some(Self::Container { id: id.into(), port });
            }
            let id = text["process"].as_u64()?.try_into().ok()?;
            Some(Self::Process { id, program: text["program"].as_str()?.into(), port })
        };
        read().map(Some).ok_or_else(|| format!("{} is damaged", file.display()).into())
    }
}

/// A process that this program has started.
pub(crate) struct Started {
    pub(crate) endpoint: String,
    pub(crate) folder: PathBuf,
    pub(crate) child: Option<Child>,
}

impl Started {
    /// Leaves it running, and gives its endpoint.
    pub(crate) fn keep(mut self) -> String {
        self.child = None;
        std::mem::take(&mut self.endpoint)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        signal("TERM", &child.id().to_string());
        within(GRACE, || !matches!(child.try_wait(), Ok(None)));
        signal("KILL", &format!("-{}", child.id()));
        child.wait().ok();
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// How a process was started, if it is still there: a number can have gone to another since.
fn command_line(id: u32) -> Option<String> {
    if let Ok(line) = fs::read(format!("/proc/{id}/cmdline")) {
        return Some(String::from_utf8_lossy(&line).into_owned());
    }
    let mut ps = Command::new("ps");
    let output = ps.args(["-o", "command=", "-p", &id.to_string()]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("xtask-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn what_was_written_is_read() {
        let folder = folder("written");
        assert_eq!(Running::read(&folder).unwrap(), None);
        let process = Running::Process { id: 7, program: "/a b".into(), port: 9 };
        for running in [process, Running::Container { id: "c".into(), port: 9 }] {
            running.write(&folder).unwrap();
            assert_eq!(Running::read(&folder).unwrap(), Some(running));
        }
        fs::write(folder.join("running.json"), "{}").unwrap();
        assert!(Running::read(&folder).is_err());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_number_that_went_to_another_process_is_left_alone() {
        let folder = folder("other");
        let mut other = Command::new("sleep").arg("60").spawn().unwrap();
        Running::Process { id: other.id(), program: "python-localstack".into(), port: 9 }
            .write(&folder)
            .unwrap();
        assert!(!Running::stop(&folder).unwrap());
        assert!(other.try_wait().unwrap().is_none(), "it was killed");
        other.kill().unwrap();
        other.wait().unwrap();
    }
}

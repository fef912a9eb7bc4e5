//! An emulator as a container.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::running::Running;
use super::{READY_WITHIN, health};
use crate::{Result, run};

/// The image of an emulator.
pub(crate) struct Image {
    pub(crate) name: &'static str,
    /// The port on which it listens inside.
    pub(crate) port: u16,
    pub(crate) settings: &'static [(&'static str, &'static str)],
}

impl Image {
    /// Starts a container and waits until it answers. Gives the endpoint. It can start containers itself, for functions.
    pub(crate) fn start(&self, folder: &Path, health: &str) -> Result<String> {
        fs::create_dir_all(folder)?;
        let port = health::free_port()?;
        let mut docker = Command::new("docker");
        docker.args(["run", "--detach", "--rm", "--publish", &format!("127.0.0.1:{port}:{}", self.port)]);
        docker.args(["--volume", "/var/run/docker.sock:/var/run/docker.sock"]);
        for (name, value) in self.settings {
            docker.args(["--env", &format!("{name}={value}")]);
        }
        let id = String::from_utf8(run::output(docker.arg(self.name))?)?.trim().to_owned();
        Running::Container { id: id.clone(), port }.write(folder)?;
        let begun = Instant::now();
        while !health::answers(port, health) {
            if begun.elapsed() > READY_WITHIN {
                stop(&id);
                return Err(
                    format!("{} did not answer within {} s", self.name, READY_WITHIN.as_secs()).into()
                );
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(health::endpoint(port))
    }
}

/// Whether a container engine answers.
pub(crate) fn engine() -> bool {
    let mut docker = Command::new("docker");
    docker.args(["version", "--format", "{{.Server.Version}}"]).stderr(Stdio::null());
    run::within(Duration::from_secs(20), &mut docker).is_ok()
}

/// Stops a container. Whether it ran.
pub(crate) fn stop(id: &str) -> bool {
    run::output(Command::new("docker").args(["stop", id])).is_ok()
}

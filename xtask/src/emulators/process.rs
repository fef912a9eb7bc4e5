//! An emulator as a process of this machine.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::running::{Running, Started};
use super::{READY_WITHIN, elsewhere, health};
use crate::Result;

/// Starts a module of Python in a group of its own and waits until it answers.
pub(crate) fn start(
    python: &Path,
    module: &str,
    settings: &[(&'static str, String)],
    folder: &PathBuf,
    port: u16,
    health: &str,
) -> Result<Started> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder.join("tmp"))?;
    let log = folder.join("log");
    let output = File::create(&log)?;
    let mut command = Command::new(python);
    command.args(["-m", module]).current_dir(folder).process_group(0);
    for variable in elsewhere(std::env::vars_os().map(|(name, _)| name)) {
        command.env_remove(variable);
    }
    command.env("TMPDIR", folder.join("tmp")).envs(settings.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    let child = command.spawn().map_err(|cause| format!("{}: {cause}", python.display()))?;
    let running = Running::Process { id: child.id(), program: python.display().to_string(), port };
    let mut started =
        Started { endpoint: health::endpoint(port), folder: folder.clone(), child: Some(child) };
    running.write(folder)?;
    let begun = Instant::now();
    while !health::answers(port, health) {
        let ended = started.child.as_mut().map(std::process::Child::try_wait).transpose()?.flatten();
        if ended.is_some() || begun.elapsed() > READY_WITHIN {
            let why = match ended {
                Some(status) => format!("{module} ended with {status}"),
                None => format!("{module} did not answer within {} s", READY_WITHIN.as_secs()),
            };
            return Err(format!("{why}; the end of its log:\n{}", tail(&log)).into());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    eprintln!("{module} answers at {} after {:.1} s", started.endpoint, begun.elapsed().as_secs_f64());
    Ok(started)
}

fn tail(log: &Path) -> String {
    let text = String::from_utf8_lossy(&fs::read(log).unwrap_or_default()).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

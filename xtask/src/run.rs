//! Running other programs.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{Result, process};

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// The cargo that runs this.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Whether a program can be started.
pub(crate) fn has(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Runs a command to its end, with its output where ours goes. Fails if it does.
pub(crate) fn ok(command: &mut Command) -> Result<()> {
    let shown = show(command);
    eprintln!("+ {shown}");
    let status = command.stdin(Stdio::null()).status().map_err(|cause| format!("{shown}: {cause}"))?;
    if status.success() { Ok(()) } else { Err(format!("{shown}: {status}").into()) }
}

/// Runs a command to its end as [`ok`] does, and kills it if that takes longer than `bound`.
pub(crate) fn within(bound: Duration, command: &mut Command) -> Result<()> {
    let shown = show(command);
    eprintln!("+ {shown}");
    let child = command.stdin(Stdio::null()).stdout(std::io::stderr()).spawn();
    let mut child = child.map_err(|cause| format!("{shown}: {cause}"))?;
    let started = Instant::now();
    loop {
        match child.try_wait()? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(format!("{shown}: {status}").into()),
            None if started.elapsed() > bound => {
                child.kill()?;
                child.wait()?;
                return Err(format!("{shown}: not done after {} s", bound.as_secs()).into());
            }
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// Runs a command to its end and gives what it writes to its standard output. Fails if it does.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>> {
    let shown = show(command);
    let output = command.stdin(Stdio::null()).output().map_err(|cause| format!("{shown}: {cause}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(format!("{shown}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)).into())
}

/// Runs a command to its end, showing each line of its standard output and giving it to `line`. Whether it succeeded.
/// Kills it, and whatever it has started, once it has said nothing for longer than `silence`.
pub(crate) fn watched(command: &mut Command, silence: Duration, mut line: impl FnMut(&str)) -> Result<bool> {
    let shown = show(command);
    eprintln!("+ {shown}");
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = child.map_err(|cause| format!("{shown}: {cause}"))?;
    let stdout = child.stdout.take().ok_or("there is no output to watch")?;
    let (sender, lines) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut texts = BufReader::new(stdout).split(b'\n').map_while(io::Result::ok);
        texts.all(|text| sender.send(text).is_ok());
    });
    loop {
        match lines.recv_timeout(silence) {
            Ok(text) => {
                let text = String::from_utf8_lossy(&text);
                println!("{text}");
                line(&text);
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                process::kill_with_children(child.id());
                child.wait()?;
                return Err(format!("{shown}: nothing happened for {} s", silence.as_secs()).into());
            }
        }
    }
    drop(reader);
    Ok(child.wait()?.success())
}

/// What cargo knows of the workspace and of everything it depends on, on all platforms and with all features.
pub(crate) fn metadata() -> Result<Value> {
    let text = output(cargo().args(["metadata", "--format-version", "1", "--all-features", "--locked"]))?;
    Ok(serde_json::from_slice(&text)?)
}

/// The folder for everything that is built.
pub(crate) fn target() -> Result<PathBuf> {
    let text =
        output(cargo().args(["metadata", "--format-version", "1", "--no-deps", "--offline", "--locked"]))?;
    let metadata: Value = serde_json::from_slice(&text)?;
    let target = metadata["target_directory"].as_str().ok_or("cargo names no target directory")?;
    Ok(target.into())
}

/// Builds the real worker as users run it, and says where it is.
pub(crate) fn hydrate() -> Result<PathBuf> {
    let args = ["build", "--release", "--locked", "-p", "datalake-examples", "--bin", "hydrate"];
    ok(cargo().args(args))?;
    Ok(target()?.join("release").join(format!("hydrate{}", std::env::consts::EXE_SUFFIX)))
}

/// Builds a worker with everything that it can have, as tests have it, and says where it is.
pub(crate) fn with_all(worker: &str) -> Result<PathBuf> {
    ok(cargo().args(["build", "--workspace", "--all-features", "--locked", "--bin", worker]))?;
    Ok(target()?.join("debug").join(format!("{worker}{}", std::env::consts::EXE_SUFFIX)))
}

fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_falls_silent_is_killed_with_what_it_has_started() {
        let mut silent = Command::new("sh");
        silent.args(["-c", "sleep 600 & echo $!; wait"]);
        let mut started = String::new();
        let error = watched(&mut silent, Duration::from_millis(500), |line| started = line.to_owned());
        assert!(error.unwrap_err().to_string().contains("nothing happened"));
        let gone = || !Path::new("/proc").join(&started).join("exe").exists();
        assert!(process::within(Duration::from_secs(10), gone), "{started} still runs");
    }
}

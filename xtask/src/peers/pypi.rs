//! Packages of the Python package index, each list of them in a virtual environment of its own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::apt;
use crate::{Result, run};

/// Longer than this, no installation takes.
const BOUND: Duration = Duration::from_secs(15 * 60);

/// Interpreters that the lists are made for, the one they were tried with first.
const INTERPRETERS: [&str; 5] = ["python3.11", "python3.12", "python3.13", "python3", "python"];

/// Installs the list `python/<list>.txt`, and the given projects below `python/`. Gives the interpreter that sees them.
pub(crate) fn environment(list: &str, projects: &[&str]) -> Result<PathBuf> {
    let here = run::root().join("xtask").join("python");
    let lists = ["build", list].map(|name| here.join(format!("{name}.txt")));
    let mut digest = Sha256::new();
    for file in lists.iter().cloned().chain(sources(&here, projects)?) {
        digest.update(fs::read(file)?);
    }
    let digest: String = digest.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let peers = run::target()?.join("peers");
    fs::create_dir_all(&peers)?;
    let folder = peers.join(format!("python-{list}-{digest}"));
    let python = folder.join("bin").join("python");
    let lock = File::create(peers.join(format!("python-{list}.lock")))?;
    lock.lock()?;
    let complete = folder.join("complete");
    if complete.is_file() {
        return Ok(python);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    create(&folder)?;
    for list in &lists {
        pip(&python, |pip| pip.args(["--no-deps", "--require-hashes", "--requirement"]).arg(list))?;
    }
    for project in projects {
        // pip builds in the folder that it is given.
        let copy = folder.join("projects").join(project);
        for file in sources(&here, &[project])? {
            let to = copy.join(file.strip_prefix(here.join(project))?);
            fs::create_dir_all(to.parent().unwrap_or(&copy))?;
            fs::copy(file, to)?;
        }
        pip(&python, |pip| pip.arg("--no-deps").arg(copy))?;
    }
    File::create(complete)?;
    Ok(python)
}

/// The files of the projects, in order.
fn sources(here: &Path, projects: &[&str]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders: Vec<PathBuf> = projects.iter().map(|project| here.join(project)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "py" || extension == "toml") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn create(folder: &Path) -> Result<()> {
    let make = || {
        let python = interpreter().ok_or("there is no Python 3.11 or newer")?;
        run::within(BOUND, Command::new(python).args(["-m", "venv"]).arg(folder))
    };
    make().or_else(|error| {
        if !apt::install(&["python3", "python3-venv"]) {
            return Err(format!("{error}; it is needed with its module venv").into());
        }
        make()
    })
}

fn interpreter() -> Option<&'static str> {
    let new_enough = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))";
    INTERPRETERS.into_iter().find(|python| run::output(Command::new(python).args(["-c", new_enough])).is_ok())
}

fn pip(python: &Path, what: impl FnOnce(&mut Command) -> &mut Command) -> Result<()> {
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]);
    pip.args(["--no-build-isolation", "--timeout", "60", "--retries", "4"]);
    run::within(BOUND, what(&mut pip))
}

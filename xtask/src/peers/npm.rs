//! Packages of the npm registry.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use sha2::{Digest, Sha256, Sha512};

use super::apt;
use crate::{Result, run};

/// Longer than this, no installation takes.
const BOUND: Duration = Duration::from_secs(10 * 60);

/// Used where npm is not installed but Docker is.
const IMAGE: &str = "node:20-slim";

/// Fetches a package at a version, checks its digest (SHA-512, hexadecimal) and unpacks it. Gives the folder it is in.
pub(crate) fn fetch(name: &str, version: &str, sha512: &str) -> Result<PathBuf> {
    let peers = run::target()?.join("peers");
    let unpacked = peers.join(format!("{name}-{version}"));
    if unpacked.join("package.json").is_file() {
        return Ok(unpacked);
    }
    fs::create_dir_all(&peers)?;
    let archive = peers.join(format!("{name}-{version}.tgz"));
    pack(&format!("{name}@{version}"), &peers)?;
    let found: String =
        Sha512::digest(fs::read(&archive)?).iter().map(|byte| format!("{byte:02x}")).collect();
    if found != sha512 {
        return Err(format!("{name} {version} is not what was pinned: its SHA-512 is {found}").into());
    }
    let staged = peers.join(format!("{name}-{version}.new"));
    if staged.exists() {
        fs::remove_dir_all(&staged)?;
    }
    fs::create_dir_all(&staged)?;
    let mut tar = Command::new("tar");
    run::ok(tar.arg("-xzf").arg(&archive).arg("-C").arg(&staged).arg("--strip-components=1"))?;
    fs::rename(&staged, &unpacked)?;
    Ok(unpacked)
}

/// Installs npm and node, unless they are there, where that takes no question.
pub(crate) fn ensure() -> Result<()> {
    if run::has("npm") || apt::install(&["npm"]) {
        Ok(())
    } else {
        Err("npm is not here, and neither is apt-get as root to get it".into())
    }
}

/// Installs what `node/package-lock.json` names, every package at one version and with its digest. Gives the folder
/// whose `node_modules` has it.
pub(crate) fn environment() -> Result<PathBuf> {
    let lists =
        ["package.json", "package-lock.json"].map(|name| run::root().join("xtask").join("node").join(name));
    let mut digest = Sha256::new();
    for list in &lists {
        digest.update(fs::read(list)?);
    }
    let digest: String = digest.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let peers = run::target()?.join("peers");
    fs::create_dir_all(&peers)?;
    let folder = peers.join(format!("node-{digest}"));
    let lock = File::create(peers.join("node.lock"))?;
    lock.lock()?;
    let complete = folder.join("complete");
    if complete.is_file() {
        return Ok(folder);
    }
    if !run::has("node") || !run::has("npm") {
        ensure()?;
    }
    fs::create_dir_all(&folder)?;
    for list in &lists {
        fs::copy(list, folder.join(list.file_name().unwrap_or_default()))?;
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&folder);
    run::within(BOUND, &mut npm)?;
    File::create(complete)?;
    Ok(folder)
}

/// Writes the archive of a package into a folder.
fn pack(package: &str, folder: &Path) -> Result<()> {
    if !run::has("npm") && !apt::install(&["npm"]) {
        if !run::has("docker") {
            return Err("npm is not here, and neither is apt-get as root nor Docker to get it".into());
        }
        let mount = format!("{}:/peers", folder.display());
        let mut docker = Command::new("docker");
        docker.args(["run", "--rm", "-v", &mount, "-w", "/peers", IMAGE, "npm", "pack", "--silent", package]);
        return run::ok(&mut docker);
    }
    let mut npm = Command::new("npm");
    npm.args(["pack", "--silent", "--ignore-scripts", package, "--pack-destination"]).arg(folder);
    run::ok(npm.current_dir(folder))
}

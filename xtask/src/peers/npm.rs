//! Packages of the npm registry.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha512};

use super::apt;
use crate::{Result, run};

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

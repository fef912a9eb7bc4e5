//! Packages of Debian.

use std::process::Command;

use crate::run;

/// Installs packages where that takes no question: on Debian, as root. Whether it did.
pub(crate) fn install(packages: &[&str]) -> bool {
    let root = run::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim_ascii() == b"0");
    if !root || !run::has("apt-get") {
        return false;
    }
    let apt = |args: &[&str]| {
        let mut apt = Command::new("apt-get");
        run::ok(apt.args(args).env("DEBIAN_FRONTEND", "noninteractive")).is_ok()
    };
    let install = [&["install", "--quiet", "--yes", "--no-install-recommends"], packages].concat();
    apt(&["update", "--quiet"]) && apt(&install)
}

//! The dependency tree.

use std::process::Command;

use serde_json::Value;

use super::licence::is_allowed;
use crate::{Result, run};

/// TLS is rustls, without a C library of its own.
const BANNED: &[&str] = &["openssl", "openssl-sys", "native-tls", "aws-lc-rs", "aws-lc-sys"];
const DENY: &str = "0.20.2";

/// Checks the licence and the source of every package in the tree.
pub(crate) fn licences() -> Result<String> {
    let metadata = run::metadata()?;
    let packages = packages(&metadata)?;
    let mut wrong = Vec::new();
    for package in packages {
        let name = text(package, "name");
        let licence = text(package, "license");
        if !is_allowed(licence) {
            wrong.push(format!("{name} is under `{licence}`"));
        }
        if BANNED.contains(&name) {
            wrong.push(format!("{name} is banned"));
        }
        if package["source"].as_str().is_some_and(|source| !source.starts_with("registry+")) {
            wrong.push(format!("{name} is not from the registry"));
        }
    }
    none_wrong(&wrong)?;
    Ok(format!("{} packages", packages.len()))
}

/// Checks that every crate states the Rust version of the workspace and that no package needs a newer one.
pub(crate) fn msrv() -> Result<String> {
    let metadata = run::metadata()?;
    let members: Vec<&str> =
        metadata["workspace_members"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let packages = packages(&metadata)?;
    let is_member = |package: &Value| members.contains(&text(package, "id"));
    let stated = packages
        .iter()
        .filter(|package| is_member(package))
        .filter_map(|package| package["rust_version"].as_str());
    let ours = stated.max_by_key(|version| parts(version)).ok_or("no crate states a Rust version")?;
    let mut wrong = Vec::new();
    for package in packages {
        let (name, needs) = (text(package, "name"), package["rust_version"].as_str());
        match needs {
            None if is_member(package) => wrong.push(format!("{name} states no Rust version")),
            Some(needs) if is_member(package) && needs != ours => {
                wrong.push(format!("{name} states Rust {needs}, others {ours}"));
            }
            Some(needs) if parts(needs) > parts(ours) => wrong.push(format!("{name} needs Rust {needs}")),
            _ => {}
        }
    }
    none_wrong(&wrong)?;
    Ok(format!("{} crates state {ours}, nothing needs a newer one", members.len()))
}

/// Runs cargo-deny, all but the advisories, whose data base is not a package.
pub(crate) fn deny() -> Result<()> {
    let tools = run::target()?.join("tools");
    let mut deny = tools.join("bin/cargo-deny");
    if run::has("cargo-deny") {
        deny = "cargo-deny".into();
    } else if !deny.is_file() {
        run::ok(
            run::cargo().args(["install", "cargo-deny", "--version", DENY, "--locked", "--root"]).arg(&tools),
        )?;
    }
    run::ok(Command::new(deny).current_dir(run::root()).args(["check", "bans", "licenses", "sources"]))
}

fn packages(metadata: &Value) -> Result<&Vec<Value>> {
    Ok(metadata["packages"].as_array().ok_or("cargo names no packages")?)
}

fn text<'a>(package: &'a Value, key: &str) -> &'a str {
    package[key].as_str().unwrap_or_default()
}

fn parts(version: &str) -> Vec<u32> {
    let mut parts: Vec<u32> = version.split('.').map(|part| part.parse().unwrap_or(0)).collect();
    parts.resize(3, 0);
    parts
}

fn none_wrong(wrong: &[String]) -> Result<()> {
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn versions_compare_by_number() {
        assert!(parts("1.9") < parts("1.10"));
        assert_eq!(parts("1.89"), parts("1.89.0"));
    }
}

//! Clients that are programs of their own.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

/// What a program prints, given JSON.
pub(crate) fn run(program: &OsStr, arguments: &[&OsStr], input: &Value) -> Value {
    let mut child = Command::new(program)
        .args(arguments)
        .env("NO_PROXY", "*")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The value of a variable; or a line that says why a client is left out.
pub(crate) fn variable(name: &str, client: &str) -> Option<OsString> {
    let value = std::env::var_os(name);
    if value.is_none() {
        let line = format!("left out: {client}, since {name} is not set; `cargo xtask test` sets it\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
    value
}

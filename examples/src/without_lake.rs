//! Commands that are about no lake.

use std::process::ExitCode;

use datalake_host::Host;
use datalake_host::cli::{Command, Globals};

/// Runs a command that is about no lake, such as `health`, and gives its code. `None` if it is about one.
pub async fn without_lake(name: &str, command: Option<&Command>, globals: &Globals) -> Option<ExitCode> {
    let command = command.filter(|command| !command.needs_lake())?;
    Some(Host::new(name, env!("CARGO_PKG_VERSION")).run(Some(command.clone()), globals).await)
}

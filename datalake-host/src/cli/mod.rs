//! The command line of a worker.
//!
//! [`Host::main`] is the whole of it. A program with options of its own puts [`Command`] and [`Globals`] into its own
//! arguments and calls [`Host::run`]:
//!
//! ```
//! use clap::Parser;
//! use datalake_host::Host;
//! use datalake_host::cli::{Command, Globals};
//!
//! #[derive(Parser)]
//! struct Arguments {
//!     /// Where to read orders from.
//!     #[arg(long)]
//!     url: Option<String>,
//!     #[command(flatten)]
//!     globals: Globals,
//!     #[command(subcommand)]
//!     command: Option<Command>,
//! }
//!
//! # async fn example() {
//! let arguments = Arguments::parse();
//! let host = Host::new("orders", "1.0.0");
//! host.run(arguments.command, &arguments.globals).await;
//! # }
//! ```
//!
//! What was asked for goes to standard output: text for people, or with `--json` one JSON value a line. Logs, errors
//! and progress bars go to standard error. Texts out of data are shown with their control characters escaped.

mod args;
mod bars;
mod command;
mod exit;
mod health;
mod log;
mod out;
mod signals;
mod units;

use clap::{CommandFactory, FromArgMatches, Parser};
use datalake_core::Error;
use futures::future::BoxFuture;
use serde_json::json;

pub use args::{Cat, Clean, Compact, Drain, Health, Ls, Pipelines, Run, Trace};
pub use args::{Command, Globals, LogFormat};
pub use exit::Exit;
pub use units::duration;

use crate::Host;
use out::Out;

#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Option<Command>,
}

impl Host {
    /// Reads the command line of the process, does what it says, and gives the code to end with.
    ///
    /// In AWS Lambda it serves events instead, if the feature `lambda` is on.
    pub async fn main(self) -> std::process::ExitCode {
        #[cfg(feature = "lambda")]
        if crate::lambda::is_here() {
            return crate::lambda::serve(self).await;
        }
        let mut command = Arguments::command().name(self.worker.name.clone());
        if !self.worker.version.is_empty() {
            command = command.version(self.worker.version.clone());
        }
        match command.try_get_matches().and_then(|found| Arguments::from_arg_matches(&found)) {
            Ok(arguments) => self.run(arguments.command, &arguments.globals).await,
            Err(error) => {
                // Nobody is left to tell if standard error is closed.
                error.print().ok();
                if error.use_stderr() { Exit::Usage } else { Exit::Done }.into()
            }
        }
    }

    /// Does what a command says (`drain` for `None`), and gives the code to end with.
    ///
    /// In AWS Lambda, and without a command, it serves events instead, if the feature `lambda` is on.
    pub async fn run(self, command: Option<Command>, globals: &Globals) -> std::process::ExitCode {
        #[cfg(feature = "lambda")]
        if command.is_none() && crate::lambda::is_here() {
            return crate::lambda::serve(self).await;
        }
        self.obey(command.unwrap_or_default(), globals).await
    }

    /// A box, and not an `async fn`, so that the commands are compiled with this crate and not into every program again.
    fn obey(self, command: Command, globals: &Globals) -> BoxFuture<'_, std::process::ExitCode> {
        Box::pin(self.perform(command, globals))
    }

    async fn perform(self, command: Command, globals: &Globals) -> std::process::ExitCode {
        let name = self.worker.name.clone();
        let mut out = Out::new(globals.json);
        if let Err(error) = log::start(globals, &command, out.bars()) {
            return fail(&name, &error, globals.json).into();
        }
        let exit = match command::run(self, command, &mut out).await {
            Ok(exit) => exit,
            Err(error) => fail(&name, &error, globals.json),
        };
        match out.finish() {
            Ok(()) => exit,
            Err(error) => fail(&name, &error, globals.json),
        }
        .into()
    }
}

/// Says what failed in one line on standard error.
pub(crate) fn fail(name: &str, error: &Error, json: bool) -> Exit {
    out::complain(&if json {
        json!({ "error": out::error(error) }).to_string()
    } else {
        format!("{name}: {}", out::plain(&error.to_string()))
    });
    Exit::of(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_fits_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_worker_drains_unless_told_otherwise() {
        let arguments = Arguments::parse_from(["worker", "--json"]);
        assert!(arguments.globals.json);
        assert!(matches!(arguments.command.unwrap_or_default(), Command::Drain(_)));
        let arguments = Arguments::parse_from(["worker", "drain", "--budget", "1h30m", "--bytes", "2GiB"]);
        let Some(Command::Drain(drain)) = arguments.command else { panic!("another command") };
        assert_eq!((drain.budget.map(|time| time.as_secs()), drain.bytes), (Some(5400), Some(2 << 30)));
    }
}

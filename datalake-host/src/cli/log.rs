//! Logs, on standard error.

use std::io::{self, IsTerminal, Write};

use datalake_core::{Error, Result};
use tracing_subscriber::filter::{Targets, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::args::{Command, Globals, LogFormat};
use super::bars::Bars;

/// Begins to log, unless the program has set up its own logs already.
pub(super) fn start(globals: &Globals, command: &Command, bars: &Bars) -> Result<()> {
    let filter = match &globals.log {
        Some(filter) => filter.parse().map_err(|cause| {
            Error::config("the log filter cannot be read")
                .with("log", format_args!("{filter:?}"))
                .caused_by(cause)
        })?,
        None => by_environment(command),
    };
    let writer = BesideBars(bars.clone());
    let registry = tracing_subscriber::registry().with(filter).with(filter_fn(crate::may_be_logged));
    let colour =
        io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let layer = tracing_subscriber::fmt::layer().with_writer(writer);
    let started = match globals.log_format {
        LogFormat::Text => registry.with(layer.with_ansi(colour)).try_init(),
        LogFormat::Json => registry.with(layer.json().flatten_event(true)).try_init(),
    };
    // The program's own logs stay as they are.
    started.ok();
    Ok(())
}

/// A variable of the environment that cannot be read is meant for another program.
fn by_environment(command: &Command) -> Targets {
    let level = if matches!(command, Command::Run(_)) { "info" } else { "warn" };
    let named = std::env::var("RUST_LOG").ok().filter(|filter| !filter.is_empty());
    let parse = |filter: &str| filter.parse::<Targets>().ok();
    named.as_deref().and_then(parse).or_else(|| parse(level)).unwrap_or_default()
}

#[derive(Debug, Clone)]
struct BesideBars(Bars);

impl Write for BesideBars {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for BesideBars {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

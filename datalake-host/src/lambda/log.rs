//! Logs, one JSON value a line on standard error, where the platform collects them.

use tracing_subscriber::filter::{Targets, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Begins to log, unless the program has set up its own logs already.
pub(super) fn start() {
    let layer = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_ansi(false)
        .with_writer(std::io::stderr);
    // The program's own logs stay as they are.
    tracing_subscriber::registry()
        .with(by_environment())
        .with(filter_fn(crate::may_be_logged))
        .with(layer)
        .try_init()
        .ok();
}

/// `RUST_LOG`, or else the level that the function is configured with, or else `info`.
fn by_environment() -> Targets {
    let named = |name: &str| std::env::var(name).ok()?.parse::<Targets>().ok();
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").ok().and_then(|level| level_of(&level));
    named("RUST_LOG").or(level).unwrap_or_else(|| Targets::new().with_default(tracing::Level::INFO))
}

fn level_of(level: &str) -> Option<Targets> {
    let level = if level.eq_ignore_ascii_case("FATAL") { "error" } else { level };
    Some(Targets::new().with_default(level.parse::<tracing::Level>().ok()?))
}

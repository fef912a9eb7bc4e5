//! Progress on a terminal.

use std::io::{self, Write};
use std::time::Duration;

use datalake_core::Pipeline;
use datalake_core::pipeline::Progress;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;

use super::out::plain;
use super::units;

/// How often a bar moves.
const BEAT: Duration = Duration::from_millis(100);

/// The bars on standard error; none if that is no terminal.
#[derive(Debug, Clone)]
pub(super) struct Bars(MultiProgress);

/// A bar that goes when this is dropped.
#[derive(Debug)]
pub(super) struct Bar {
    bar: ProgressBar,
    watch: Option<JoinHandle<()>>,
}

impl Bars {
    pub(super) fn new() -> Self {
        Self(MultiProgress::with_draw_target(ProgressDrawTarget::stderr()))
    }

    /// Shows that something goes on.
    pub(super) fn spin(&self, what: &str) -> Bar {
        let bar = self.0.add(ProgressBar::new_spinner());
        bar.set_style(style("{spinner} {msg} {elapsed}"));
        bar.set_message(plain(what));
        if !self.0.is_hidden() {
            bar.enable_steady_tick(BEAT);
        }
        Bar { bar, watch: None }
    }

    /// Shows how much of something is done, once [`Bar::set`] says how much there is.
    pub(super) fn measure(&self, what: &str) -> Bar {
        let bar = self.spin(what);
        bar.bar.set_style(style("{spinner} {msg}  [{bar:24}] {percent:>3} %  {elapsed}"));
        bar
    }

    /// Shows how a pipeline gets on.
    pub(super) fn watch(&self, pipeline: &Pipeline) -> Bar {
        let bar = self.0.add(ProgressBar::new_spinner());
        if self.0.is_hidden() {
            return Bar { bar, watch: None };
        }
        bar.set_style(style("{spinner} {prefix}  {msg}"));
        bar.set_prefix(pipeline.id().to_string());
        bar.enable_steady_tick(BEAT);
        let mut progress = pipeline.progress();
        let shown = bar.clone();
        let watch = tokio::spawn(async move {
            let mut known = false;
            while progress.changed().await.is_ok() {
                let now = *progress.borrow_and_update();
                if let (false, Some(_)) = (known, now.fraction()) {
                    known = true;
                    shown.set_style(style("{spinner} {prefix}  [{bar:24}] {percent:>3} %  {msg}"));
                    shown.set_length(1000);
                }
                if let Some(fraction) = now.fraction() {
                    shown.set_position((fraction * 1000.0) as u64);
                }
                shown.set_message(describe(&now));
                tokio::time::sleep(BEAT).await;
            }
        });
        Bar { bar, watch: Some(watch) }
    }

    /// Writes to standard error without tearing the bars.
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        self.0.suspend(|| io::stderr().lock().write_all(bytes))
    }
}

impl Bar {
    /// Says how much is done, of how much.
    pub(super) fn set(&self, done: u64, all: u64) {
        self.bar.set_length(all);
        self.bar.set_position(done);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(watch) = &self.watch {
            watch.abort();
        }
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn describe(progress: &Progress) -> String {
    let mut text = format!(
        "{} records  {}  {}/s",
        units::count(progress.counts.read),
        units::size(progress.bytes_committed),
        units::size(progress.bytes_per_second() as u64),
    );
    if progress.counts.quarantined > 0 {
        text.push_str(&format!("  {} quarantined", units::count(progress.counts.quarantined)));
    }
    if let Some(left) = progress.time_left().and_then(|left| left.to_std().ok())
        && progress.fraction().is_some_and(|fraction| fraction < 1.0)
    {
        text.push_str(&format!("  {} left", units::span(left)));
    }
    text
}

//! What runs did, for people or for machines.

use datalake_core::pipeline::{Ended, Progress, Report};
use datalake_core::{Counts, Error, PipelineId, Result};
use serde_json::json;

use crate::cli::exit::Exit;
use crate::cli::out::{self, Out, plain};
use crate::cli::{fail, units};

/// Says how the run of one pipeline ended, and gives the code for it. A failure is a line on standard error.
pub(super) fn tell(
    worker: &str,
    pipeline: &PipelineId,
    ended: &Result<Report>,
    out: &mut Out,
) -> Result<Exit> {
    match ended {
        Ok(report) if out.is_json() => out.value(report).map(|()| Exit::Done),
        Ok(report) => {
            let line = describe(report, out);
            out.line(line);
            Ok(Exit::Done)
        }
        Err(error) if out.is_json() => {
            out.value(&json!({ "pipeline": pipeline, "error": out::error(error) }))?;
            Ok(Exit::of(error))
        }
        Err(error) => {
            out.flush();
            Ok(fail(&format!("{worker}: {pipeline}"), error, false))
        }
    }
}

/// How far a pipeline was when its grace was over.
pub(super) fn late(pipeline: &PipelineId, progress: &Progress, out: &Out) -> String {
    let line = format!("{}  {}", out.bold(pipeline), counts(&progress.counts));
    let commits = units::many(progress.commits, "commit");
    line + &out.dim(format!("; {commits}; stopped before all was committed"))
}

fn describe(report: &Report, out: &Out) -> String {
    let took = (report.ended - report.started).to_std().unwrap_or_default();
    let mut line = format!("{}  {}", out.bold(&report.pipeline), self::counts(&report.counts));
    if !report.reasons.is_empty() {
        let reasons =
            report.reasons.iter().map(|(reason, n)| format!("{} {}", plain(reason), units::count(*n)));
        line.push_str(&format!(" ({})", reasons.collect::<Vec<_>>().join(", ")));
    }
    let rest = format!(
        "; {} in, {} out, {} in {}{}",
        units::size(report.bytes_in),
        units::size(report.bytes_out),
        units::many(report.commits, "commit"),
        units::span(took),
        why(report.why),
    );
    line.push_str(&out.dim(rest));
    line
}

fn why(why: Ended) -> &'static str {
    match why {
        Ended::Budget => "; the budget is spent, there may be more",
        Ended::Shutdown => "; stopped",
        _ => "",
    }
}

/// `1,000 read, 990 written, 10 quarantined`, leaving out what is zero.
pub(super) fn counts(counts: &Counts) -> String {
    let mut parts = vec![format!("{} read", units::count(counts.read))];
    let more = [
        (counts.expanded, "added"),
        (counts.written, "written"),
        (counts.filtered, "filtered"),
        (counts.quarantined, "quarantined"),
        (counts.merged, "merged"),
    ];
    parts.extend(more.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", units::count(*n))));
    parts.join(", ")
}

/// A task that broke is an error of its own pipeline.
pub(super) fn joined<T>(ended: Result<Result<T>, tokio::task::JoinError>) -> Result<T> {
    ended.unwrap_or_else(|cause| Err(Error::unexpected("the pipeline panicked").caused_by(cause)))
}

//! `status`: how far each pipeline is, by its ledger.

use chrono::Utc;
use datalake_core::Result;
use datalake_core::lake::View;
use serde_json::json;

use super::{lake, lanes, summary};
use crate::Host;
use crate::cli::args::Pipelines;
use crate::cli::exit::Exit;
use crate::cli::out::{Out, excerpt};
use crate::cli::units;

pub(super) async fn run(host: Host, args: &Pipelines, out: &mut Out) -> Result<Exit> {
    let lake = lake(host).await?;
    for pipeline in lanes(&lake, &args.only).await? {
        let view = lake.view(&pipeline).await?;
        if out.is_json() {
            out.value(&json!({
                "pipeline": view.pipeline,
                "commits": view.seq,
                "batches": view.batches,
                "counts": view.counts,
                "last_commit": view.last,
                "lag_seconds": lag(&view).map(|lag| lag.as_secs_f64()),
                "position": view.position,
            }))?;
        } else {
            show(&view, out);
        }
    }
    Ok(Exit::Done)
}

/// How long ago the last commit was made.
fn lag(view: &View) -> Option<std::time::Duration> {
    view.last.map(|last| (Utc::now() - last).to_std().unwrap_or_default())
}

fn show(view: &View, out: &mut Out) {
    let name = out.bold(&view.pipeline);
    out.line(name);
    out.line(format_args!("  records    {}", summary::counts(&view.counts)));
    if let (Some(last), Some(lag)) = (view.last, lag(view)) {
        let at = last.format("%Y-%m-%d %H:%M:%S UTC");
        let commits = units::many(view.seq, "commit");
        out.line(format_args!("  committed  {commits}, the last {} ago, {at}", units::span(lag)));
    }
    if let Some(position) = &view.position {
        out.line(format_args!("  position   {}", excerpt(position.to_string().as_bytes(), 200)));
    }
}

//! `verify`: is the lake whole?

use datalake_core::lake::{Problem, Verified};
use datalake_core::{ErrorKind, Result};
use serde_json::json;

use super::{lake, lanes};
use crate::Host;
use crate::cli::args::Pipelines;
use crate::cli::exit::Exit;
use crate::cli::out::{Out, plain};
use crate::cli::units;

/// Checks pipeline by pipeline. Ends with [`Exit::Failed`] if anything is wrong.
pub(super) async fn run(host: Host, args: &Pipelines, out: &mut Out) -> Result<Exit> {
    let lake = lake(host).await?;
    let lanes = match lanes(&lake, &args.only).await {
        Err(error) if error.kind() == ErrorKind::Corrupt => {
            let problem = Problem { at: "_ledger".into(), what: error.to_string() };
            if out.is_json() {
                out.value(&json!({ "problems": [problem] }))?;
            } else {
                list(&[problem], out);
            }
            return Ok(Exit::Failed);
        }
        lanes => lanes?,
    };
    let mut exit = Exit::Done;
    for pipeline in lanes {
        let bar = out.bars().measure(&format!("{pipeline}: checking"));
        let verified =
            lake.verify_watched(&pipeline, |checking| bar.set(checking.done, checking.all)).await?;
        drop(bar);
        if !verified.is_whole() {
            exit = Exit::Failed;
        }
        if out.is_json() {
            out.value(&verified)?;
        } else {
            show(&verified, out);
        }
    }
    Ok(exit)
}

fn show(verified: &Verified, out: &mut Out) {
    let found = match verified.problems.len() as u64 {
        0 => out.green("whole"),
        n => out.red(units::many(n, "problem")),
    };
    let line = format!(
        "{}  {found}: {}, {}, {} checked",
        out.bold(&verified.pipeline),
        units::many(verified.commits, "commit"),
        units::many(verified.objects, "object"),
        units::size(verified.bytes),
    );
    out.line(line);
    list(&verified.problems, out);
}

fn list(problems: &[Problem], out: &mut Out) {
    for problem in problems {
        out.line(format_args!("  {}", plain(&problem.to_string())));
    }
}

//! `describe`: what the pipelines are made of.

use datalake_core::{Error, Result};
use serde_json::Value;

use crate::Host;
use crate::cli::args::Pipelines;
use crate::cli::exit::Exit;
use crate::cli::out::{Out, plain};

pub(super) async fn run(host: Host, args: &Pipelines, out: &mut Out) -> Result<Exit> {
    for pipeline in host.pipelines(&args.only).await? {
        let described = pipeline.describe();
        pipeline.close().await;
        if out.is_json() {
            out.value(&described)?;
        } else {
            show(&described, out)?;
        }
    }
    Ok(Exit::Done)
}

fn show(described: &Value, out: &mut Out) -> Result<()> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), plain);
    let name = out.bold(text(&described["pipeline"]));
    out.line(name);
    let source = &described["source"];
    out.line(format_args!(
        "  source     {} {} -> {}",
        text(&source["system"]),
        text(&source["locator"]),
        text(&source["dataset"])
    ));
    settings(&source["config"], out)?;
    if described["archive"] == Value::Bool(false) {
        out.line("  archive    none: no raw documents are kept");
    }
    for transform in described["transforms"].as_array().into_iter().flatten() {
        out.line(format_args!("  transform  {} {}", text(&transform["name"]), text(&transform["version"])));
        settings(&transform["config"], out)?;
    }
    for sink in described["sinks"].as_array().into_iter().flatten() {
        out.line(format_args!("  sink       {}", text(&sink["name"])));
        settings(&sink["config"], out)?;
    }
    Ok(())
}

fn settings(config: &Value, out: &mut Out) -> Result<()> {
    if config.is_null() {
        return Ok(());
    }
    let text = serde_json::to_string(config)
        .map_err(|cause| Error::unexpected("settings cannot be written as JSON").caused_by(cause))?;
    let line = format!("             {}", out.dim(plain(&text)));
    out.line(line);
    Ok(())
}

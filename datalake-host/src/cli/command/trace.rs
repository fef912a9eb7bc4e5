//! `trace`: from a record back to its raw bytes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use datalake_core::lake::Trace;
use datalake_core::{Error, Hop, Result, Worker};
use serde_json::{Value, json};

use super::lake;
use crate::Host;
use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::out::{Out, excerpt, plain};

/// How much of a line or of raw bytes is shown.
const SHOWN: usize = 300;

pub(super) async fn run(host: Host, args: &args::Trace, out: &mut Out) -> Result<Exit> {
    let trace = lake(host).await?.trace(&args.record).await?;
    if out.is_json() {
        out.value(&machine(&trace)?)?;
    } else {
        show(&trace, if args.full { usize::MAX } else { SHOWN }, out);
    }
    Ok(Exit::Done)
}

/// The trace with the raw bytes: as text where they are UTF-8, else in Base64.
fn machine(trace: &Trace) -> Result<Value> {
    let mut value = serde_json::to_value(trace)
        .map_err(|cause| Error::unexpected("a trace cannot be written as JSON").caused_by(cause))?;
    if let (Some(raw), Some(members)) = (&trace.raw, value.as_object_mut()) {
        match std::str::from_utf8(raw) {
            Ok(text) => members.insert("raw".into(), json!(text)),
            Err(_) => members.insert("raw_base64".into(), json!(STANDARD.encode(raw))),
        };
    }
    Ok(value)
}

fn show(trace: &Trace, most: usize, out: &mut Out) {
    let label = |label: &str, out: &Out| out.bold(format!("{label:<12}"));
    let title = format!("{}{}", label("record", out), trace.record);
    out.line(title);
    for curated in &trace.curated {
        let line = format!("{}{}", label("curated", out), plain(&curated.object));
        out.line(line);
        out.line(format_args!("            {}", excerpt(&curated.line, most)));
    }
    if let Some(refused) = &trace.quarantined {
        let (step, error) = (&refused.step, out.red(plain(&refused.error.to_string())));
        let line =
            format!("{}by {} {}: {error}", label("quarantine", out), plain(&step.name), plain(&step.version));
        out.line(line);
    }
    if trace.curated.is_empty() && trace.quarantined.is_none() {
        let line = format!("{}left out by a transform", label("filtered", out));
        out.line(line);
    }
    // Back from the last step that the record met, or one that it became.
    let refused = trace.quarantined.as_ref().filter(|_| trace.curated.is_empty());
    let last = refused.map_or(u32::MAX, |refused| refused.step.n);
    let met = trace.envelope.hops.iter().filter(|hop| hop.n <= last);
    for (n, hop) in met.rev().enumerate() {
        let line = format!("{}{}", label(if n == 0 { "changed by" } else { "" }, out), describe(hop));
        out.line(line);
    }
    let pipeline = &trace.record.batch.pipeline;
    if let Some(remade) = &trace.remade {
        let done = by(&remade.committed_at, &remade.worker);
        let line = format!("{}{done}", label("remade", out));
        out.line(line);
        let detail =
            out.dim(format!("            run {}, commit {pipeline}#{}", plain(&remade.run), remade.commit));
        out.line(detail);
    }
    let envelope = &trace.envelope;
    let done = by(&envelope.acquired.end, &envelope.worker);
    let line = format!("{}{done}", label("acquired", out));
    out.line(line);
    let detail =
        out.dim(format!("            run {}, commit {pipeline}#{}", plain(&envelope.run), trace.commit));
    out.line(detail);
    let line = format!("{}{} {}", label("from", out), plain(&envelope.origin.system), plain(&trace.locator));
    out.line(line);
    if let Some(id) = &trace.document_id {
        out.line(format_args!("            document {}", plain(id)));
    }
    out.line(format_args!("            bytes {} to {}", trace.offset, trace.offset + trace.length));
    if let (Some(object), Some(raw)) = (&trace.raw_object, &trace.raw) {
        let line =
            format!("{}{}, at byte {} of its content", label("raw", out), plain(object), trace.raw_offset);
        out.line(line);
        out.line(format_args!("            {}", excerpt(raw, most)));
    } else {
        let line = format!("{}not kept", label("raw", out));
        out.line(line);
    }
}

/// When something was done, and by whom.
fn by(when: &DateTime<Utc>, worker: &Worker) -> String {
    let when = when.format("%Y-%m-%d %H:%M:%S%.3f UTC");
    let host = worker.host.as_deref().map(|host| format!(" on {}", plain(host))).unwrap_or_default();
    format!("{when} by {} {}{host}", plain(&worker.name), plain(&worker.version))
}

/// A step, and what it did with the whole batch.
fn describe(hop: &Hop) -> String {
    let mut text = format!(
        "{} {} (of the batch: {} in, {} out",
        plain(&hop.name),
        plain(&hop.version),
        hop.records_in,
        hop.records_out
    );
    if hop.filtered > 0 {
        text.push_str(&format!(", {} filtered", hop.filtered));
    }
    if hop.rejected > 0 {
        text.push_str(&format!(", {} refused", hop.rejected));
    }
    text.push(')');
    text
}

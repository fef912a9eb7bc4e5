//! `clean`: remove what no commit names.

use chrono::Utc;
use datalake_core::Result;
use datalake_core::lake::clean;
use serde_json::json;

use super::lake;
use crate::Host;
use crate::cli::args::Clean;
use crate::cli::exit::Exit;
use crate::cli::out::{Out, plain};
use crate::cli::units;

pub(super) async fn run(host: Host, args: &Clean, out: &mut Out) -> Result<Exit> {
    let lake = lake(host).await?;
    let bar = out.bars().spin("looking for objects that no commit names");
    let cleaned = clean(&lake, Utc::now(), args.older_than, args.dry_run).await?;
    drop(bar);
    if out.is_json() {
        out.value(&json!({
            "dry_run": args.dry_run,
            "removed": cleaned.removed,
            "bytes": cleaned.bytes,
            "spared": cleaned.spared,
        }))?;
        return Ok(Exit::Done);
    }
    for key in &cleaned.removed {
        out.line(plain(key));
    }
    let done = if args.dry_run { "would be removed" } else { "removed" };
    out.line(format_args!(
        "{} {done}, {}; {} too young",
        units::many(cleaned.removed.len() as u64, "object"),
        units::size(cleaned.bytes),
        units::count(cleaned.spared),
    ));
    Ok(Exit::Done)
}

//! `compact`: join small objects.

use datalake_core::Result;
use datalake_core::lake::{Compacted, Compaction};

use super::{lake, lanes};
use crate::Host;
use crate::cli::args::Compact;
use crate::cli::exit::Exit;
use crate::cli::out::Out;
use crate::cli::units;

/// Goes over the pipelines one after the other.
pub(super) async fn run(host: Host, args: &Compact, out: &mut Out) -> Result<Exit> {
    let compaction = Compaction::new(host.worker.clone()).target_bytes(args.target);
    let lake = lake(host).await?;
    for pipeline in lanes(&lake, &args.pipelines.only).await? {
        let bar = out.bars().spin(&format!("{pipeline}: joining small objects"));
        let compacted = compaction.run(&lake, &pipeline).await;
        drop(bar);
        let compacted = compacted.map_err(|error| error.with("pipeline", &pipeline))?;
        if out.is_json() {
            out.value(&compacted)?;
        } else {
            let line = describe(&compacted, out);
            out.line(line);
        }
    }
    Ok(Exit::Done)
}

fn describe(compacted: &Compacted, out: &Out) -> String {
    let name = out.bold(&compacted.pipeline);
    if compacted.commits == 0 {
        return format!("{name}  nothing to join");
    }
    let rest = format!(
        "; {} became {}, in {}",
        units::size(compacted.bytes_before),
        units::size(compacted.bytes_after),
        units::many(compacted.commits, "commit"),
    );
    format!(
        "{name}  {} became {}, {}{}",
        units::many(compacted.joined, "object"),
        units::count(compacted.into),
        units::many(compacted.records, "record"),
        out.dim(rest),
    )
}

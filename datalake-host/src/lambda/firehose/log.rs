//! What the log says of a call.

use std::collections::BTreeMap;

use datalake_core::Hop;

use super::event::Event;
use super::reply::Said;

/// Refusals that are logged one by one in each call; all are counted.
const ONE_BY_ONE: usize = 50;

/// Logs the refusals, each with its reason, and what the call did. `hops` are those of each part of the event.
pub(super) fn tell<'a>(event: &Event, said: impl Iterator<Item = (&'a [u8], Said<'a>)>, hops: &[Hop]) {
    let (mut ok, mut dropped, mut failed) = (0_u64, 0_u64, 0_usize);
    let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
    for (id, said) in said {
        match said {
            Said::Ok(_) => ok += 1,
            Said::Dropped => dropped += 1,
            Said::Failed(error) => {
                failed += 1;
                *reasons.entry(error.reason.to_string()).or_default() += 1;
                if failed <= ONE_BY_ONE {
                    let record = String::from_utf8_lossy(id);
                    tracing::warn!(invocation = event.invocation, %record, %error, "a record is refused");
                }
            }
        }
    }
    if failed > ONE_BY_ONE {
        tracing::warn!(invocation = event.invocation, failed, ?reasons, "many records are refused");
    }
    for hop in hops {
        tracing::debug!(
            invocation = event.invocation,
            step = hop.name,
            version = hop.version,
            records_in = hop.records_in,
            records_out = hop.records_out,
            filtered = hop.filtered,
            rejected = hop.rejected,
            "a step is done with a part"
        );
    }
    let records = event.records.len();
    tracing::info!(
        invocation = event.invocation,
        stream = event.stream,
        records,
        ok,
        dropped,
        failed,
        "transformed"
    );
}

//! Is every message there, and those of QoS 2 once?

use std::fs;

use serde_json::Value;

use super::worker::Worker;
use crate::Result;

/// Checks the curated zone by its ids, the lake by its own check, and that no session was lost. Gives how many messages of
/// QoS 1 are there more than once.
pub(super) fn all(worker: &Worker, published: [u64; 2]) -> Result<usize> {
    let lines = worker.ask(&["cat", "--zone", "curated"])?;
    let mut seen = published.map(|messages| vec![0_u32; messages as usize]);
    let mut foreign = 0;
    for line in lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        let record: Value = serde_json::from_slice(line)?;
        let place = record["qos"].as_u64().and_then(|qos| seen.get_mut((qos as usize).checked_sub(1)?));
        match place.zip(record["id"].as_u64()).and_then(|(seen, id)| seen.get_mut(id as usize)) {
            Some(times) => *times += 1,
            None => foreign += 1,
        }
    }
    let count = |qos: usize, of: fn(u32) -> bool| seen[qos - 1].iter().filter(|times| of(**times)).count();
    let (lost, doubled) =
        (count(1, |times| times == 0) + count(2, |times| times == 0), count(2, |times| times > 1));
    if lost + doubled + foreign > 0 {
        return Err(format!("{lost} lost, {doubled} of QoS 2 more than once, {foreign} foreign").into());
    }
    if fs::read_to_string(worker.log())?.contains("no longer has the session") {
        return Err("the broker has lost a session".into());
    }
    worker.ask(&["verify"])?;
    Ok(count(1, |times| times > 1))
}

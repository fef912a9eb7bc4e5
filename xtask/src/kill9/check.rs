//! Is every record there, once?

use std::fs;

use serde_json::Value;

use super::input::Written;
use super::worker::Hydrate;
use crate::Result;

/// Checks the raw zone by its bytes, the curated zone by its ids, and the lake by its own check.
pub(super) fn all(hydrate: &Hydrate, written: &Written) -> Result<()> {
    ids(&hydrate.ask(&["cat", "--zone", "curated"])?, written.records)?;
    let mut input = Vec::new();
    for file in &written.files {
        input.extend(fs::read(file)?);
    }
    same(&hydrate.ask(&["cat", "--zone", "raw"])?, &input)?;
    hydrate.ask(&["verify"]).map(drop)
}

/// Checks that lines of JSON have the ids from 0 to `records`, each once, in any order.
fn ids(lines: &[u8], records: u64) -> Result<()> {
    let mut seen = vec![0_u32; records as usize];
    let mut foreign = 0;
    for line in lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        let id = serde_json::from_slice::<Value>(line).ok().and_then(|record| record["id"].as_u64());
        match id.and_then(|id| seen.get_mut(id as usize)) {
            Some(times) => *times += 1,
            None => foreign += 1,
        }
    }
    let lost = seen.iter().filter(|&&times| times == 0).count();
    let duplicate = seen.iter().filter(|&&times| times > 1).count();
    if lost + duplicate + foreign == 0 {
        return Ok(());
    }
    let first = seen.iter().position(|&times| times != 1).unwrap_or_default();
    Err(format!(
        "{lost} lost, {duplicate} duplicate, {foreign} foreign of {records} records; the first is id {first}"
    )
    .into())
}

/// Checks that the raw zone has the bytes of the input.
fn same(raw: &[u8], input: &[u8]) -> Result<()> {
    if raw == input {
        return Ok(());
    }
    let at = raw.iter().zip(input).take_while(|(a, b)| a == b).count();
    let (have, want) = (raw.len(), input.len());
    Err(format!("the raw zone has {have} bytes and the input {want}; they differ from byte {at} on").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_doubled_and_foreign_records_are_found() {
        assert!(ids(b"{\"id\":1}\n{\"id\":0}\n", 2).is_ok());
        for bad in [
            "{\"id\":0}\n",
            "{\"id\":0}\n{\"id\":0}\n{\"id\":1}\n",
            "{\"id\":0}\n{\"id\":1}\n{\"id\":2}\n",
            "{\"id\":0}\n{\"id\":1}\nx\n",
        ] {
            assert!(ids(bad.as_bytes(), 2).is_err(), "{bad}");
        }
    }

    #[test]
    fn one_changed_byte_is_found() {
        assert!(same(b"abc", b"abc").is_ok());
        assert!(same(b"abx", b"abc").is_err());
        assert!(same(b"ab", b"abc").is_err());
    }
}

//! The lineage of a record in its own line: `"_lake":{"b":"orders/17","i":42}` as the last member of the object.
//!
//! `b` is the batch, `i` the ordinal in it, and `c` the number of the child where one record became several. Together
//! they are the id of the record, which leads to its commit and from there to its raw bytes. `"w":1` says that the record
//! was no JSON object and stands under `value`, `text` or `base64`.

use memchr::memmem;

use crate::id::{BatchId, RecordId};
use crate::record::RecordRef;

/// The member of a record that holds its lineage.
pub const KEY: &str = "_lake";

/// What follows the id of a record that came over a stream.
const MORE: [&str; 2] = [",\"e\":", ",\"h\":"];

/// The mark of a record that was no JSON object.
const WRAPPED: &str = r#","w":1"#;

const START: &str = r#""_lake":{"b":""#;

/// Stamps the records of one batch.
#[derive(Debug, Clone)]
pub struct Stamp {
    start: String,
}

impl Stamp {
    /// The stamp of a batch.
    #[must_use]
    pub fn new(batch: &BatchId) -> Self {
        Self { start: format!("{START}{batch}\",\"i\":") }
    }

    /// Writes the member and the brace that closes the object. `wrapped` says that the record was no JSON object.
    pub fn write(&self, line: &mut Vec<u8>, origin: RecordRef, wrapped: bool) {
        let mut digits = itoa::Buffer::new();
        line.extend_from_slice(self.start.as_bytes());
        line.extend_from_slice(digits.format(origin.ordinal).as_bytes());
        if origin.child > 0 {
            line.extend_from_slice(b",\"c\":");
            line.extend_from_slice(digits.format(origin.child).as_bytes());
        }
        if wrapped {
            line.extend_from_slice(WRAPPED.as_bytes());
        }
        line.extend_from_slice(b"}}");
    }
}

/// Whether a stamped line holds a record that was no JSON object.
#[must_use]
pub fn is_wrapped(line: &[u8]) -> bool {
    line.strip_suffix(b"}}").is_some_and(|line| line.ends_with(WRAPPED.as_bytes()))
}

/// A stamped line taken apart: the record without its stamp, and whose it is.
///
/// Gives `None` for a line without a stamp at its end.
#[must_use]
pub fn read(line: &[u8]) -> Option<(Vec<u8>, RecordId)> {
    let start = memmem::rfind(line, START.as_bytes())?;
    let text = std::str::from_utf8(&line[start + START.len()..]).ok()?;
    let (batch, rest) = text.strip_suffix("}}")?.split_once("\",\"i\":")?;
    let rest = MORE.iter().fold(rest, |rest, more| rest.split_once(more).map_or(rest, |(id, _)| id));
    let rest = rest.strip_suffix(WRAPPED).unwrap_or(rest);
    let (ordinal, child) = rest.split_once(",\"c\":").unwrap_or((rest, "0"));
    let id =
        RecordId { batch: batch.parse().ok()?, ordinal: ordinal.parse().ok()?, child: child.parse().ok()? };
    let before = line[..start].strip_suffix(b",").unwrap_or(&line[..start]);
    Some(([before, b"}"].concat(), id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_reads_back() {
        for text in ["orders/17/42", "orders/1/0.3"] {
            let id: RecordId = text.parse().unwrap();
            let origin =
                RecordRef { ordinal: id.ordinal, offset: 0, length: 0, document: 0, child: id.child };
            for body in [r#"{"a":1}"#, r#"{"_lake":{"b":"x/1","i":2}}"#] {
                let mut line = body.as_bytes()[..body.len() - 1].to_vec();
                line.push(b',');
                for wrapped in [false, true] {
                    let mut line = line.clone();
                    Stamp::new(&id.batch).write(&mut line, origin, wrapped);
                    assert_eq!(read(&line).unwrap(), (body.as_bytes().to_vec(), id.clone()));
                    assert_eq!(is_wrapped(&line), wrapped);
                }
            }
        }
        assert!(read(br#"{"a":1}"#).is_none());
        let changed = br#"{"a":1,"_lake":{"b":"orders/17","i":4,"c":2,"e":"9f.2","h":[{"by":"w/1"}]}}"#;
        assert_eq!(read(changed).unwrap(), (br#"{"a":1}"#.to_vec(), "orders/17/4.2".parse().unwrap()));
    }
}

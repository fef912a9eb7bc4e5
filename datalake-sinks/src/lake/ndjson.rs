//! A record as one stamped line of JSON.

use datalake_core::Record;
use datalake_core::lake::ndjson;
use datalake_core::lake::stamp::Stamp;

/// Adds a record as a line, with the stamp as its last member.
pub(super) fn write(lines: &mut Vec<u8>, record: &Record, stamp: &Stamp) {
    let wrapped = ndjson::open(lines, record.body(), record.content());
    stamp.write(lines, record.origin(), wrapped);
    lines.push(b'\n');
}

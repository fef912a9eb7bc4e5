//! Parquet files.
//!
//! The file is the document, and each row of it is a record: a JSON object under the names of the columns. Types are those
//! that Parquet itself states; what a writer noted for itself beside them is not looked at.
//!
//! ```
//! use datalake_connectors::files::{FilesSource, Parquet};
//!
//! let sales = FilesSource::builder("sales".parse()?, "/var/exports").parquet(Parquet::new()).build()?;
//! # Ok::<(), datalake_core::Error>(())
//! ```
//!
//! | in the file | in the record |
//! |---|---|
//! | integers of any width, with a sign or without | a number, exact |
//! | floating point numbers | a number, the shortest that reads as the same; `"NaN"`, `"Infinity"` and `"-Infinity"` as text, since JSON has no such numbers |
//! | decimals | text, with all their digits: `"12.30"` |
//! | text, also enumerations and JSON | text |
//! | bytes, also UUIDs | text, base64 |
//! | a date; a time | `"2026-11-26"`; `"09:30:00.500"` |
//! | a timestamp in UTC; one in local time | `"2026-11-26T09:30:00Z"`; `"2026-11-26T09:30:00"`, with the digits of the second it needs. One of 96 bits, as older programs write them, is taken to the microsecond |
//! | a list; a structure | an array; an object |
//! | a map | an object if its keys are text, otherwise an array of objects with `key` and `value` |
//! | nothing | `null` |
//!
//! A column whose name was there before gets `_2`, `_3` and so on.
//!
//! **Bad input.** A file that is damaged at its end, cut off, encrypted or no Parquet goes to quarantine as a whole. If a
//! row group breaks off, the rows before the damage stay, one record in quarantine says which rows are missing, and the next
//! row group is read.
//!
//! **Memory.** A file is read while all of it is in memory, and so are its records; beyond that, 1,024 rows and a page of each
//! column are unpacked at a time.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use datalake_core::split::{Decoder, Piece};
use datalake_core::{Cut, Document, Format};
use serde::{Deserialize, Serialize};
use serde_json::Value;

mod column;
mod reading;
#[cfg(test)]
mod tests;

use super::out::Out;

/// The name of the decoder.
const NAME: &str = "files.parquet";

/// How Parquet files are read. It travels with each document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parquet {
    max_bytes: u64,
}

impl Default for Parquet {
    fn default() -> Self {
        Self { max_bytes: 1 << 30 }
    }
}

impl Parquet {
    /// All rows and columns.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many bytes the columns of a file may unpack to by what it says itself, and how many its records may have as
    /// JSON: 1 GiB by default. A file beyond the first goes to quarantine; beyond the second, what is left of it does.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// The format of a document that is a Parquet file.
    #[must_use]
    pub fn format(&self) -> Format {
        // Nothing in it can fail to be JSON.
        let settings = serde_json::to_value(self).unwrap_or_default();
        Format::Decoded { decoder: NAME.to_owned(), settings, cut: Cut::Whole }
    }
}

/// Makes records of Parquet files, see the [module](self).
///
/// [`FilesSource`](crate::files::FilesSource) brings it along. Another source that gives Parquet files gives them in the
/// [format](Parquet::format) and is joined to it by [`decoder`](datalake_core::pipeline::PipelineBuilder::decoder).
#[derive(Debug, Clone, Copy, Default)]
pub struct ParquetDecoder;

impl Decoder for ParquetDecoder {
    fn name(&self) -> &str {
        NAME
    }

    fn decode(&self, document: &Document, settings: &Value, piece: &mut dyn FnMut(Piece)) {
        let mut out = Out::new(document, piece);
        let settings = match serde_json::from_value::<Parquet>(settings.clone()) {
            Ok(settings) => settings,
            Err(error) => {
                return out
                    .refuse("settings", format!("the settings of the file are not understood: {error}"));
            }
        };
        out.left = settings.max_bytes;
        // Some damage makes the library panic.
        let read = catch_unwind(AssertUnwindSafe(|| reading::read(document.bytes(), &settings, &mut out)));
        match read {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => out.refuse(fault.reason, fault.message),
            Err(_) => out.refuse("parquet", "the file, or what follows in it, is damaged"),
        }
    }
}

/// Why a file or the rest of it cannot be read.
#[derive(Debug)]
struct Fault {
    reason: &'static str,
    message: String,
}

impl Fault {
    fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

/// A name for each of some columns, of its own.
fn names<'a>(given: impl Iterator<Item = &'a str> + Clone) -> Vec<String> {
    let all: HashSet<&str> = given.clone().collect();
    let mut taken: HashSet<String> = HashSet::new();
    let mut names = Vec::new();
    for name in given {
        let (mut unique, mut again) = (name.to_owned(), 1);
        while taken.contains(&unique) || (unique != name && all.contains(unique.as_str())) {
            again += 1;
            unique = format!("{name}_{again}");
        }
        taken.insert(unique.clone());
        names.push(unique);
    }
    names
}

//! What is in a file.

use std::path::Path;
use std::sync::Arc;

use datalake_core::split::{Decoder, detect_json};
use datalake_core::{Cut, Format, Result};

use super::access::{AccessLog, divide};
use super::dialect::{CsvDialect, Found};

/// As much of the beginning of a file as is looked at to find out what is in it.
pub(super) const PROBE: u64 = 1 << 20;

/// What the files contain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileFormat {
    /// By the extension of each file, after `.gz` or `.zst` and the date or number of a rotated file:
    ///
    /// | extension | format |
    /// |---|---|
    /// | `ndjson`, `jsonl` | one JSON value a line |
    /// | `json` | an array of records if it begins with `[`; several values, one a line, if it looks like that; otherwise one record |
    /// | `csv` | delimited text of any [dialect](CsvDialect) that can be detected |
    /// | `tsv` | the same, delimited by tabs |
    /// | `txt`, `log` | lines of text |
    /// | `xml` and all others | the file is one record |
    #[default]
    Auto,
    /// One JSON value a line.
    Ndjson,
    /// The file is one record, a JSON value.
    Json,
    /// An array of records, at a JSON Pointer; empty for the array that is the file. With a pointer a file is one
    /// document and must fit in memory.
    JsonArray(String),
    /// Delimited text (RFC 4180) in UTF-8 whose first row is the header.
    Csv {
        /// The character between fields, ASCII.
        delimiter: char,
    },
    /// Delimited text of a dialect.
    Dialect(CsvDialect),
    /// The access log of a web server, one line a record.
    AccessLog(AccessLog),
    /// Lines of text.
    Lines,
    /// The file is one record of any content.
    Whole,
}

/// A format, or what must be seen of the content to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Guess {
    Known(Format),
    Json,
    Csv(CsvDialect),
}

impl FileFormat {
    /// A short name, for lineage.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Auto => "auto".to_owned(),
            Self::Ndjson => "ndjson".to_owned(),
            Self::Json => "json".to_owned(),
            Self::JsonArray(pointer) => format!("json-array:{pointer}"),
            Self::Csv { delimiter } => format!("csv:{delimiter}"),
            Self::Dialect(dialect) => format!("csv:{}", dialect.config()),
            Self::AccessLog(log) => format!("access-log:{}", log.name()),
            Self::Lines => "lines".to_owned(),
            Self::Whole => "whole".to_owned(),
        }
    }

    /// What is wrong with the settings.
    pub(super) fn check(&self) -> Result<()> {
        match self {
            Self::Csv { delimiter } => CsvDialect::plain(*delimiter).check(),
            Self::Dialect(dialect) => dialect.check(),
            _ => Ok(()),
        }
    }

    pub(super) fn guess(&self, path: &Path, decoded: &[Decoded]) -> Guess {
        Guess::Known(match self {
            Self::Auto => return by_name(path, decoded),
            Self::Csv { delimiter } => return Guess::Csv(CsvDialect::plain(*delimiter)),
            Self::Dialect(dialect) => return Guess::Csv(dialect.clone()),
            Self::Ndjson => Format::Ndjson,
            Self::Json => Format::Json,
            Self::JsonArray(pointer) => Format::JsonArray { pointer: pointer.clone() },
            Self::AccessLog(log) => log.format(),
            Self::Lines => Format::Lines,
            Self::Whole => Format::Whole,
        })
    }
}

/// Files that a decoder makes records of, by their extensions.
#[derive(Debug, Clone)]
pub(super) struct Decoded {
    pub(super) extensions: &'static [&'static str],
    pub(super) format: Format,
    pub(super) decoder: Arc<dyn Decoder>,
}

impl Decoded {
    #[cfg(feature = "files-sheets")]
    pub(super) fn sheets(sheets: super::Sheets) -> Self {
        Self {
            extensions: &["xlsx", "xlsm", "xltx", "xltm", "xlsb", "xls", "ods"],
            format: sheets.format(),
            decoder: Arc::new(super::SheetsDecoder),
        }
    }

    #[cfg(feature = "files-parquet")]
    pub(super) fn parquet(parquet: super::Parquet) -> Self {
        Self {
            extensions: &["parquet", "parq", "pq"],
            format: parquet.format(),
            decoder: Arc::new(super::ParquetDecoder),
        }
    }
}

fn by_name(path: &Path, decoded: &[Decoded]) -> Guess {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let stamp = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'_'));
    let extension =
        name.split('.').skip(1).filter(|part| !matches!(*part, "gz" | "zst") && !stamp(part)).last();
    let known = |of: &&Decoded| extension.is_some_and(|extension| of.extensions.contains(&extension));
    if let Some(decoded) = decoded.iter().find(known) {
        return Guess::Known(decoded.format.clone());
    }
    Guess::Known(match extension {
        Some("ndjson" | "jsonl") => Format::Ndjson,
        Some("json") => return Guess::Json,
        Some("csv") => return Guess::Csv(CsvDialect::detected()),
        Some("tsv") => return Guess::Csv(CsvDialect::detected().delimiter('\t')),
        Some("txt" | "log") => Format::Lines,
        _ => Format::Whole,
    })
}

/// The format of a file, and where its header ends; up to there, documents have the header.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) format: Arc<Format>,
    pub(super) headed: Option<(u64, Arc<Format>)>,
    /// What was found out of the content, to be kept with the position.
    pub(super) detected: Option<Found>,
}

impl Known {
    pub(super) fn plain(format: impl Into<Arc<Format>>) -> Self {
        Self { format: format.into(), headed: None, detected: None }
    }

    /// The format of a document that begins at an offset.
    pub(super) fn at(&self, offset: u64) -> &Arc<Format> {
        match &self.headed {
            Some((end, headed)) if offset < *end => headed,
            _ => &self.format,
        }
    }

    /// What the content says of the format of the document that begins with it, and where that ends at the latest.
    pub(super) fn divide(&mut self, bytes: &[u8]) -> usize {
        match divide(&self.format, bytes) {
            Some((format, end)) => {
                if *format != *self.format {
                    self.format = format;
                }
                end
            }
            None => bytes.len(),
        }
    }

    /// Whether the format of what follows depends on what came before, which a position must then keep.
    pub(super) fn goes_on(&self) -> bool {
        divide(&self.format, b"").is_some()
    }
}

impl Guess {
    /// Makes up its mind on the beginning of the content, or on what was found before. `whole` says that this is all, and
    /// that there will be no more. `None` if there is not enough yet.
    pub(super) fn resolve(&self, head: &[u8], found: Option<&Found>, whole: bool) -> Result<Option<Known>> {
        match self {
            Self::Known(format) => Ok(Some(Known::plain(format.clone()))),
            Self::Json => Ok(Some(Known::plain(detect_json(head)))),
            Self::Csv(dialect) => dialect.resolve(head, found, whole),
        }
    }
}

/// Whether a file is only ever taken as a whole.
pub(super) fn is_one(format: &Format) -> bool {
    match format {
        Format::Whole | Format::Json | Format::Decoded { cut: Cut::Whole, .. } => true,
        Format::JsonArray { pointer } => !pointer.is_empty(),
        _ => false,
    }
}

/// Whether a file that is being written can be cut at the last whole record.
pub(super) fn is_appended(format: &Format) -> bool {
    matches!(
        format,
        Format::Lines | Format::Ndjson | Format::Csv(_) | Format::Decoded { cut: Cut::Lines, .. }
    )
}

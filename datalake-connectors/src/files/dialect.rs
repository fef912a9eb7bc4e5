//! How delimited text is written.

use std::sync::Arc;

use datalake_core::split::{HeaderPlace, detect_csv, find_csv_header};
use datalake_core::{Csv, CsvRules, Encoding, Error, ErrorKind, Format, Ragged, Result};
use serde_json::{Value, json};

use super::format::{Known, PROBE};

/// How delimited text is written, and what of it is no record. What is not said is found out from the first mebibyte of
/// each file, as [`detect_csv`] tells, and kept for as long as the file is read.
///
/// ```
/// use datalake_connectors::files::{CsvDialect, FileFormat, FilesSource};
///
/// let report = CsvDialect::detected()
///     .header_with(["Order no.", "Amount"])
///     .null("NULL")
///     .footer("Total")
///     .keep_ragged();
/// let reports = FilesSource::builder("reports".parse()?, "/var/reports/*.csv")
///     .format(FileFormat::Dialect(report))
///     .build()?;
/// # Ok::<(), datalake_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CsvDialect {
    delimiter: Option<char>,
    quote: Option<Option<char>>,
    encoding: Option<Encoding>,
    place: HeaderPlace,
    names: Option<Vec<String>>,
    columns: Option<Vec<String>>,
    ragged: Ragged,
    nulls: Vec<String>,
    footers: Vec<String>,
}

impl CsvDialect {
    /// Delimiter, quote and encoding as they are found, a header in the first row, and ragged rows refused.
    #[must_use]
    pub fn detected() -> Self {
        Self::default()
    }

    /// UTF-8 with a delimiter, and `"` around fields.
    pub(super) fn plain(delimiter: char) -> Self {
        Self::detected().delimiter(delimiter).quote(Some('"')).encoding(Encoding::UTF_8)
    }

    /// The character between fields, ASCII.
    #[must_use]
    pub fn delimiter(mut self, delimiter: char) -> Self {
        self.delimiter = Some(delimiter);
        self
    }

    /// The character around fields that contain a delimiter or a line end, ASCII; with `None` there is none.
    #[must_use]
    pub fn quote(mut self, quote: Option<char>) -> Self {
        self.quote = Some(quote);
        self
    }

    /// How the text is encoded.
    #[must_use]
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = Some(encoding);
        self
    }

    /// Says that the header is below as many lines, blank ones counted. They are no records.
    #[must_use]
    pub fn header_after(mut self, lines: usize) -> Self {
        self.place = HeaderPlace::After(lines);
        self
    }

    /// Says that the header is the first row with all of these columns. What is above it is no record; a file without
    /// such a row fails, and costs no other file anything.
    #[must_use]
    pub fn header_with<T: Into<String>>(mut self, columns: impl IntoIterator<Item = T>) -> Self {
        self.place = HeaderPlace::With(columns.into_iter().map(Into::into).collect());
        self
    }

    /// Says that there is no header row, and the names of the columns.
    #[must_use]
    pub fn without_header<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.names = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Demands these columns, in this order. A file with others fails, and costs no other file anything. Otherwise each
    /// file has the columns of its own header, whatever the header of the file before.
    #[must_use]
    pub fn columns<T: Into<String>>(mut self, columns: impl IntoIterator<Item = T>) -> Self {
        self.columns = Some(columns.into_iter().map(Into::into).collect());
        self
    }

    /// Keeps rows with too few fields, which get `null`, and with too many, which get an array `_extra`. They go to
    /// quarantine otherwise.
    #[must_use]
    pub fn keep_ragged(mut self) -> Self {
        self.ragged = Ragged::Keep;
        self
    }

    /// Makes `null` of a field without quotes that is this text, for instance `NULL` or nothing at all. Can be given
    /// several times.
    #[must_use]
    pub fn null(mut self, token: impl Into<String>) -> Self {
        self.nulls.push(token.into());
        self
    }

    /// Says that rows are no records whose first field that is not empty begins with a word, for instance `Total` or `#`,
    /// as [`CsvRules::footers`] tells. They stay in the raw zone. Can be given several times.
    #[must_use]
    pub fn footer(mut self, word: impl Into<String>) -> Self {
        self.footers.push(word.into());
        self
    }

    /// What is wrong with the settings.
    pub(super) fn check(&self) -> Result<()> {
        let is_special = |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || matches!(c, '\n' | '\r');
        if self.delimiter.is_some_and(|c| is_special(c) || Some(Some(c)) == self.quote.or(Some(Some('"')))) {
            return Err(Error::config(
                "a delimiter is an ASCII character that is no quote, line end, letter or digit",
            ));
        }
        if self.quote.flatten().is_some_and(is_special) {
            return Err(Error::config("a quote is an ASCII character that is no line end, letter or digit"));
        }
        let hidden = |c: char| matches!(c, '@'..='~');
        if self.encoding.is_some_and(|encoding| !encoding.is_transparent() && !is_wide(encoding))
            && (self.delimiter.is_some_and(hidden) || self.quote.flatten().is_some_and(hidden))
        {
            return Err(Error::config("in this encoding the delimiter can be a part of another character"));
        }
        if self.names.is_some() && (self.columns.is_some() || self.place != HeaderPlace::First) {
            return Err(Error::config(
                "text without a header has no columns to demand, and no lines above them",
            ));
        }
        Ok(())
    }

    /// For lineage and the digest of the settings: every setting that is given.
    pub(super) fn config(&self) -> Value {
        let mut config = json!({});
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                config[name] = value;
            }
        };
        let list = |list: &[String]| (!list.is_empty()).then(|| json!(list));
        set("delimiter", self.delimiter.map(|delimiter| json!(delimiter)));
        set("quote", self.quote.map(|quote| json!(quote)));
        set("encoding", self.encoding.map(|encoding| json!(encoding)));
        set("names", self.names.as_ref().map(|names| json!(names)));
        set("columns", self.columns.as_ref().map(|columns| json!(columns)));
        set("ragged", (self.ragged != Ragged::Refuse).then(|| json!(self.ragged)));
        set("nulls", list(&self.nulls));
        set("footers", list(&self.footers));
        match &self.place {
            HeaderPlace::After(lines) => set("header_after", Some(json!(lines))),
            HeaderPlace::With(columns) => set("header_with", Some(json!(columns))),
            _ => {}
        }
        config
    }

    /// Whether something is found out from the content.
    pub(super) fn is_detected(&self) -> bool {
        self.delimiter.is_none() || self.quote.is_none() || self.encoding.is_none()
    }

    /// Makes up its mind on the beginning of the content, or on what was found before. `whole` says that this is all, and
    /// that there will be no more. `None` if there is not enough yet.
    pub(super) fn resolve(&self, head: &[u8], found: Option<&Found>, whole: bool) -> Result<Option<Known>> {
        let found = match found {
            Some(found) => found.clone(),
            None => Found::of(&detect_csv(head, whole)),
        };
        let mut rules = CsvRules::default();
        rules.encoding = self.encoding.unwrap_or(found.encoding);
        rules.quote = self.quote.unwrap_or(found.quote);
        rules.ragged = self.ragged;
        rules.nulls.clone_from(&self.nulls);
        rules.footers.clone_from(&self.footers);
        let csv = Csv::new(self.delimiter.unwrap_or(found.delimiter)).with_rules(rules.clone());
        let detected = self.is_detected().then(|| Found::of(&csv));
        if let Some(names) = &self.names {
            if head.len() < 3 && !whole {
                return Ok(None);
            }
            let csv = Csv { header: names.as_slice().into(), has_header: false, ..csv };
            return Ok(Some(Known { detected, ..Known::plain(Format::Csv(csv)) }));
        }
        let Some(header) = find_csv_header(head, &csv, &self.place, whole) else {
            let looked = head.len() as u64 >= PROBE;
            if let HeaderPlace::With(columns) = &self.place
                && (looked || whole)
            {
                let error = Error::new(ErrorKind::RecordInvalid, "no row has the columns of the header");
                return Err(error.with("columns", columns.join(", ")));
            }
            if looked {
                let message = "the header row is longer than is looked at";
                return Err(Error::new(ErrorKind::RecordTooLarge, message).with("bytes", PROBE));
            }
            // Blank lines only: there is no row, so the names do not matter.
            return Ok(whole.then(|| Known { detected, ..Known::plain(Format::Csv(csv)) }));
        };
        if let Some(columns) = self.columns.as_ref().filter(|columns| **columns != header.names) {
            let error =
                Error::new(ErrorKind::RecordInvalid, "the header has other columns than are demanded");
            return Err(error.with("found", header.names.join(", ")).with("demanded", columns.join(", ")));
        }
        if self.place != HeaderPlace::First {
            rules.preamble = header.start as u64;
        }
        let rows = Csv { header: header.names.into(), has_header: false, ..csv.with_rules(rules) };
        let first = Csv { has_header: true, ..rows.clone() };
        Ok(Some(Known {
            format: Arc::new(Format::Csv(rows)),
            headed: Some((header.end as u64, Arc::new(Format::Csv(first)))),
            detected,
        }))
    }
}

fn is_wide(encoding: Encoding) -> bool {
    encoding == Encoding::UTF_16LE || encoding == Encoding::UTF_16BE
}

/// What was found out of the content of a file, so that it stays when the file grows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    delimiter: char,
    quote: Option<char>,
    encoding: Encoding,
}

impl Found {
    fn of(csv: &Csv) -> Self {
        Self { delimiter: csv.delimiter, quote: csv.rules.quote, encoding: csv.rules.encoding }
    }

    /// As a position keeps it: the delimiter, and if they are not the usual ones the quote and the encoding.
    pub(super) fn to_text(&self) -> String {
        let mut text = self.delimiter.to_string();
        if (self.quote, self.encoding) != (Some('"'), Encoding::UTF_8) {
            text.push(self.quote.unwrap_or(' '));
            text.push_str(self.encoding.name());
        }
        text
    }

    pub(super) fn from_text(text: &str) -> Option<Self> {
        let mut chars = text.chars();
        let delimiter = chars.next()?;
        let (quote, encoding) = match chars.next() {
            None => (Some('"'), Encoding::UTF_8),
            Some(quote) => (Some(quote).filter(|quote| *quote != ' '), chars.as_str().parse().ok()?),
        };
        Some(Self { delimiter, quote, encoding })
    }
}

//! What must be known of a page to find the next one: how many records, where it leads, how far it reaches.

use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::format::without_mark;
use super::incremental::{Incremental, Mark, TimeFormat, text};
use super::pagination::{Pagination, Style};
use super::position::Fingerprint;
use super::probe::Probe;
use datalake_core::{Error, Format, Result};

const RECORDS: usize = 0;
const NEXT: usize = 1;
const MORE: usize = 2;
const TOTAL: usize = 3;
const TIME: usize = 0;
const ID: usize = 1;

type Slots<'a, const N: usize> = [Option<&'a RawValue>; N];

/// What a page says about itself.
#[derive(Debug)]
pub(super) struct Facts {
    /// How many records it has, as far as that was needed.
    pub(super) records: u64,
    /// Whether it is known to have none.
    pub(super) empty: bool,
    /// The link or cursor in the body.
    pub(super) next: Option<String>,
    /// The link in the header.
    pub(super) link: Option<String>,
    pub(super) more: Option<bool>,
    pub(super) total: Option<u64>,
    /// The greatest record.
    pub(super) high: Option<Mark>,
    /// Whether no record is older than the one before it.
    pub(super) ascending: bool,
    /// Of the records, or of the whole page where they cannot be told apart from the rest.
    pub(super) fingerprint: Fingerprint,
}

/// What to look for in every page of a source.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    body: Probe,
    in_body: bool,
    counts: bool,
    record: Probe,
    incremental: Option<TimeFormat>,
    cursor: bool,
}

impl Reader {
    pub(super) fn new(pagination: &Pagination, incremental: Option<&Incremental>) -> Self {
        let own = match &pagination.style {
            Style::NextUrl { pointer } | Style::Cursor { pointer, .. } => Some(pointer),
            _ => None,
        };
        let pointers = [(own, NEXT), (pagination.more.as_ref(), MORE), (pagination.total.as_ref(), TOTAL)];
        let mut body = Probe::default();
        for (pointer, slot) in pointers {
            body = pointer.map_or_else(|| body.clone(), |pointer| body.clone().with(pointer, slot));
        }
        let mut record = Probe::default();
        if let Some(incremental) = incremental {
            record = record.with(&incremental.timestamp, TIME);
            if let Some((pointer, _)) = &incremental.id {
                record = record.with(pointer, ID);
            }
        }
        Self {
            in_body: pointers.iter().any(|(pointer, _)| pointer.is_some()),
            body,
            counts: pagination.counts() || incremental.is_some(),
            record,
            incremental: incremental.map(|incremental| incremental.format),
            cursor: matches!(pagination.style, Style::Cursor { .. }),
        }
    }

    /// Reads a page. Keeps a processor busy.
    ///
    /// # Errors
    /// `Unexpected`, and worth another try, if the page is not the JSON it has to be to go on; `ConfigInvalid` if the
    /// settings do not fit what it is.
    pub(super) fn read(&self, body: &[u8], format: &Format) -> Result<Facts> {
        let mut facts = Facts {
            records: 1,
            empty: without_mark(body).iter().all(u8::is_ascii_whitespace),
            next: None,
            link: None,
            more: None,
            total: None,
            high: None,
            ascending: true,
            fingerprint: Fingerprint::of(body),
        };
        if facts.empty {
            facts.records = 0;
            return Ok(facts);
        }
        match format {
            Format::Json => self.value(body, &mut facts)?,
            Format::JsonArray { pointer } => self.array(body, pointer, &mut facts)?,
            _ if self.in_body => {
                return Err(
                    Error::config("only a JSON page has values in its body").with("format", name(format))
                );
            }
            Format::Ndjson => self.lines(body, &mut facts),
            _ if self.incremental.is_some() => {
                return Err(Error::config("only JSON records have timestamps").with("format", name(format)));
            }
            Format::Lines => facts.records = body.split_inclusive(|byte| *byte == b'\n').count() as u64,
            Format::Csv(csv) => {
                facts.records = rows(body).saturating_sub(u64::from(csv.has_header));
                facts.empty = facts.records == 0;
            }
            _ => {}
        }
        if self.incremental.is_some() && facts.records > 0 && facts.high.is_none() {
            return Err(Error::config("no record of the page has a timestamp where it should be"));
        }
        Ok(facts)
    }

    fn value(&self, body: &[u8], facts: &mut Facts) -> Result<()> {
        if self.counts {
            if self.incremental.is_none() && !self.cursor {
                return Err(Error::config(
                    "the page is one JSON value; name its records by records(pointer)",
                ));
            }
            let mut slots = [None; 2];
            self.record.take(without_mark(body), &mut slots).map_err(|cause| not_json(&cause))?;
            self.see(&slots, &mut None, facts);
        }
        if self.in_body {
            let mut slots = [None; 4];
            self.body.take(without_mark(body), &mut slots).map_err(|cause| not_json(&cause))?;
            self.note(&slots, facts)?;
        }
        Ok(())
    }

    fn array(&self, body: &[u8], pointer: &str, facts: &mut Facts) -> Result<()> {
        let needed = self.counts || self.in_body;
        if !needed && pointer.is_empty() {
            let bare = body.iter().filter(|byte| !byte.is_ascii_whitespace()).take(3);
            facts.empty = bare.copied().eq(*b"[]");
            return Ok(());
        }
        let mut slots = [None; 4];
        let probe = self.body.clone().with(pointer, RECORDS);
        let found = match probe.take(without_mark(body), &mut slots) {
            Ok(()) => slots[RECORDS],
            Err(cause) if needed => return Err(not_json(&cause)),
            // Splitting the page will find the damage and keep what can be kept.
            Err(_) => return Ok(()),
        };
        self.note(&slots, facts)?;
        // A pointer that leads nowhere is for the splitter to report: the page is not taken for an empty one.
        facts.records = 0;
        let Some(found) = found else { return Ok(()) };
        facts.empty = found.get() == "null";
        if !found.get().starts_with('[') {
            return Ok(());
        }
        facts.fingerprint = Fingerprint::of(found.get().as_bytes());
        let mut before = None;
        let elements = Elements { reader: self, before: &mut before, facts };
        let mut json = serde_json::Deserializer::from_str(found.get());
        elements.deserialize(&mut json).map_err(|cause| not_json(&cause))?;
        facts.empty = facts.records == 0;
        Ok(())
    }

    fn lines(&self, body: &[u8], facts: &mut Facts) {
        facts.records = 0;
        let mut before = None;
        for line in without_mark(body).split(|byte| *byte == b'\n') {
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            facts.records += 1;
            if self.incremental.is_some() {
                let mut slots = [None; 2];
                if self.record.take(line, &mut slots).is_ok() {
                    self.see(&slots, &mut before, facts);
                }
            }
        }
    }

    /// Notes the values found in the body.
    fn note(&self, slots: &Slots<'_, 4>, facts: &mut Facts) -> Result<()> {
        facts.next = match slots[NEXT].map(|value| (value, value.get())) {
            None | Some((_, "null" | "false" | "\"\"")) => None,
            Some((value, raw)) if self.cursor || raw.starts_with('"') => match text(value) {
                Some(text) => Some(text.into_owned()),
                None => return Err(Error::config("the cursor in the body is neither text nor number")),
            },
            Some(_) => return Err(Error::config("the next link in the body is no text")),
        };
        facts.more = match slots[MORE].map(RawValue::get) {
            Some("true" | "\"true\"") => Some(true),
            Some("false" | "\"false\"") => Some(false),
            _ => None,
        };
        facts.total = slots[TOTAL].and_then(text).and_then(|text| text.parse().ok());
        Ok(())
    }

    /// Notes how far a record reaches.
    fn see(&self, slots: &Slots<'_, 2>, before: &mut Option<Mark>, facts: &mut Facts) {
        let Some(format) = self.incremental else { return };
        let Some(at) = slots[TIME].and_then(|value| format.read(value)) else { return };
        let mark = Mark { at, id: slots[ID].and_then(text).map(|id| id.into_owned()) };
        facts.ascending &= before.as_ref().is_none_or(|before| *before <= mark);
        if facts.high.as_ref().is_none_or(|high| mark > *high) {
            facts.high = Some(mark.clone());
        }
        *before = Some(mark);
    }
}

/// Counts the elements of an array and notes how far each reaches.
struct Elements<'r, 'b, 'f> {
    reader: &'r Reader,
    before: &'b mut Option<Mark>,
    facts: &'f mut Facts,
}

impl<'de> DeserializeSeed<'de> for Elements<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Elements<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        loop {
            let mut slots: Slots<'de, 2> = [None; 2];
            if seq.next_element_seed(self.reader.record.walk(&mut slots))?.is_none() {
                return Ok(());
            }
            self.facts.records += 1;
            self.reader.see(&slots, self.before, self.facts);
        }
    }
}

fn not_json(cause: &serde_json::Error) -> Error {
    Error::unexpected("the page is not the JSON it has to be to go on")
        .with("line", cause.line())
        .with("column", cause.column())
        .retryable()
}

fn name(format: &Format) -> &'static str {
    match format {
        Format::Ndjson => "ndjson",
        Format::Csv(_) => "csv",
        Format::Lines => "lines",
        _ => "whole",
    }
}

/// Counts the rows of delimited text that are not blank.
fn rows(body: &[u8]) -> u64 {
    let (mut rows, mut quoted, mut blank) = (0, false, true);
    for byte in without_mark(body) {
        match byte {
            b'"' => (quoted, blank) = (!quoted, false),
            b'\n' | b'\r' if !quoted => {
                rows += u64::from(!blank);
                blank = true;
            }
            _ => blank = false,
        }
    }
    rows + u64::from(!blank)
}

#[cfg(test)]
mod tests {
    use super::*;
    use datalake_core::ErrorKind;

    fn array(pointer: &str) -> Format {
        Format::JsonArray { pointer: pointer.into() }
    }

    #[test]
    fn a_page_says_how_many_records_it_has_and_where_it_leads() {
        let pagination = Pagination::cursor("/paging/next", "after").while_true("/more").total("/n");
        let reader = Reader::new(&pagination, None);
        let body = br#"{"n":"3","paging":{"next":17},"items":[{"a":1},2,null],"more":true}"#;
        let facts = reader.read(body, &array("/items")).unwrap();
        assert_eq!((facts.records, facts.empty), (3, false));
        assert_eq!((facts.next.as_deref(), facts.more, facts.total), (Some("17"), Some(true), Some(3)));
        let other = br#"{"n":4,"items":[{"a":1},2,null],"at":"noon"}"#;
        assert_eq!(reader.read(other, &array("/items")).unwrap().fingerprint, facts.fingerprint);
    }

    #[test]
    fn a_page_without_records_is_told_from_one_where_they_are_missing() {
        let reader = Reader::new(&Pagination::next_url("/next"), None);
        for (body, empty) in [
            (r#"{"items":[]}"#, true),
            (r#"{"items":null}"#, true),
            (" \n", true),
            (r#"{"item":[]}"#, false),
            (r#"{"items":{}}"#, false),
        ] {
            let facts = reader.read(body.as_bytes(), &array("/items")).unwrap();
            assert_eq!((facts.records, facts.empty), (0, empty), "{body}");
        }
    }

    #[test]
    fn rows_are_counted_as_a_reader_would() {
        for (body, count) in
            [("", 0), ("a,b\r\n1,2\r\n\r\n3,4", 3), ("a\n\"x\ny\"\n", 2), ("\n\n", 0), ("\"a\"\"\n\"\n", 1)]
        {
            assert_eq!(rows(body.as_bytes()), count, "{body:?}");
        }
    }

    #[test]
    fn a_page_that_cannot_lead_on_is_an_error_and_one_that_need_not_is_none() {
        let reader = Reader::new(&Pagination::next_url("/next"), None);
        let error = reader.read(b"<html>", &array("/items")).unwrap_err();
        assert!(error.is_retryable() && error.kind() == ErrorKind::Unexpected, "{error}");
        let reader = Reader::new(&Pagination::none(), None);
        assert!(!reader.read(b"{\"items\":[1,", &array("/items")).unwrap().empty);
    }

    #[test]
    fn the_greatest_record_is_found_whatever_the_order() {
        let incremental = Incremental::since("since", "/at").id("/id", None);
        let reader = Reader::new(&Pagination::none(), Some(&incremental));
        let body = br#"[{"at":"2024-01-02T00:00:00Z","id":9},{"at":"2024-01-02T01:00:00+01:00","id":10},
            {"at":"2023-01-01T00:00:00Z","id":99},{"at":null},"odd"]"#;
        let facts = reader.read(body, &Format::json_array()).unwrap();
        assert_eq!(facts.high.unwrap().id.as_deref(), Some("10"));
        assert!(!facts.ascending);
        let lines = b"{\"at\":\"2024-01-02\",\"id\":1}\n\n{\"at\":\n{\"at\":\"2024-01-03\",\"id\":2}";
        let facts = reader.read(lines, &Format::Ndjson).unwrap();
        assert_eq!((facts.records, facts.high.unwrap().id.as_deref()), (3, Some("2")));
        assert!(reader.read(b"[{\"when\":1}]", &Format::json_array()).is_err());
    }
}

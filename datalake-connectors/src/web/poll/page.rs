//! What must be known of a page to find the next one: how many records, where it leads, how far it reaches.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::after_id::{AfterId, greater};
use super::incremental::{Incremental, Mark, TimeFormat, text};
use super::pagination::{Pagination, Style};
use super::position::Fingerprint;
use super::probe::Probe;
use datalake_core::split::{Decoder, Decoders, Piece};
use datalake_core::{Content, Document, Error, ErrorKind, Format, Result, Sha256};

const NEXT: usize = 0;
const MORE: usize = 1;
const TOTAL: usize = 2;
const RECORDS: usize = 3;
const TIME: usize = 0;
const ID: usize = 1;
const LAST: usize = 2;
const KEY: usize = 3;

type Slots<'a, const N: usize> = [Option<&'a RawValue>; N];

/// What a page says about itself.
#[derive(Debug)]
pub(super) struct Facts {
    /// How many records it has, if that was needed.
    pub(super) records: u64,
    /// Whether it is known to have none.
    pub(super) empty: bool,
    /// Whether it has no content at all.
    pub(super) blank: bool,
    /// Whether there is nothing where the records should be, not even `null`.
    pub(super) missing: bool,
    /// The link or cursor in the body.
    pub(super) next: Option<String>,
    /// The link in the header.
    pub(super) link: Option<String>,
    pub(super) more: Option<bool>,
    pub(super) total: Option<u64>,
    /// The greatest timestamp; for keyset pages the last record.
    pub(super) high: Option<Mark>,
    /// What the last record leads on by.
    pub(super) last: Option<String>,
    /// The greatest id.
    pub(super) greatest: Option<String>,
    /// Whether no record is older than the one before it.
    pub(super) ascending: bool,
    /// Of the records, or of the whole page where they cannot be told apart from the rest.
    pub(super) fingerprint: Fingerprint,
}

/// What to look for in every page of a source.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    body: Option<Probe>,
    counts: bool,
    cursor: bool,
    fields: Option<Probe>,
    time: Option<TimeFormat>,
    key: bool,
    decoders: Decoders,
}

impl Reader {
    pub(super) fn new(
        pagination: &Pagination,
        incremental: Option<&Incremental>,
        after: Option<&AfterId>,
    ) -> Self {
        let own = match &pagination.style {
            Style::NextUrl { pointer } | Style::Cursor { pointer, .. } => Some(pointer),
            _ => None,
        };
        let pointers = [(own, NEXT), (pagination.more.as_ref(), MORE), (pagination.total.as_ref(), TOTAL)];
        let body = probe(pointers);
        let id = incremental.and_then(|incremental| incremental.id.as_ref());
        let last = match &pagination.style {
            Style::LastRecord { pointer, .. } => Some(pointer),
            _ => None,
        };
        let pointers = [
            (incremental.map(|incremental| &incremental.timestamp), TIME),
            (id.map(|(pointer, _)| pointer), ID),
            (last, LAST),
            (after.map(|after| &after.pointer), KEY),
        ];
        let fields = probe(pointers);
        let cursor = matches!(pagination.style, Style::Cursor { .. });
        let time = incremental.map(|incremental| incremental.format);
        let counts = pagination.counts() || fields.is_some();
        let decoders = Decoders::default();
        Self { body, counts, cursor, fields, time, key: after.is_some(), decoders }
    }

    /// The same with decoders for what needs them.
    pub(super) fn with(mut self, decoders: impl IntoIterator<Item = Arc<dyn Decoder>>) -> Self {
        self.decoders = self.decoders.with_all(decoders);
        self
    }

    /// Reads a page. Keeps a processor busy.
    ///
    /// # Errors
    /// `Unavailable` if the page is not the JSON it has to be to go on: something else has answered. `ConfigInvalid`
    /// if the settings do not fit what it is.
    pub(super) fn read(&self, page: &Document) -> Result<Facts> {
        let body = page.bytes();
        let mut facts = Facts {
            records: 0,
            empty: bare(body).is_empty(),
            blank: bare(body).is_empty(),
            missing: false,
            next: None,
            link: None,
            more: None,
            total: None,
            high: None,
            last: None,
            greatest: None,
            ascending: true,
            fingerprint: Fingerprint::of(body),
        };
        if facts.empty {
            return Ok(facts);
        }
        self.fits(page.format())?;
        if let Some(probe) = &self.body {
            let mut slots = [None; 4];
            probe.take(bare(body), &mut slots).map_err(|cause| not_json(&cause))?;
            self.note(&slots, &mut facts)?;
        }
        match &**page.format() {
            Format::JsonArray { pointer } if self.counts || !pointer.is_empty() => {
                self.records(page, pointer, &mut facts);
            }
            Format::JsonArray { .. } => {
                let first = bare(body).iter().filter(|byte| !byte.is_ascii_whitespace()).take(3);
                facts.empty = first.copied().eq(*b"[]");
            }
            Format::Csv(csv) if !self.counts => {
                let one = !bare(body).contains(&b'\n');
                facts.empty = csv.has_header && one;
            }
            Format::Decoded { .. } => self.records(page, "", &mut facts),
            _ if self.counts => self.records(page, "", &mut facts),
            _ => {}
        }
        if self.time.is_some() && facts.records > 0 && facts.high.is_none() {
            return Err(Error::config("no record of the page has a timestamp where it should be"));
        }
        if self.key && facts.records > 0 && facts.greatest.is_none() {
            return Err(Error::config("no record of the page has an id where it should be"));
        }
        Ok(facts)
    }

    /// Whether what is looked for can be in a page of a format.
    fn fits(&self, format: &Format) -> Result<()> {
        let json = matches!(format, Format::Json | Format::JsonArray { .. });
        if self.body.is_some() && !json {
            return Err(Error::config("only a JSON page has links, cursors or totals in its body"));
        }
        if self.fields.is_some() && format.content() != Content::Json {
            return Err(Error::config("only records that are JSON or CSV have timestamps and ids"));
        }
        if *format == Format::Json && self.counts && self.fields.is_none() && !self.cursor {
            return Err(Error::config("the page is one JSON value; name its records by records(pointer)"));
        }
        Ok(())
    }

    /// Counts the records and notes how far they reach.
    fn records(&self, page: &Document, pointer: &str, facts: &mut Facts) {
        let mut missing = false;
        let mut place = None;
        let mut before = None;
        let decoded = matches!(&**page.format(), Format::Decoded { .. });
        let mut bodies = Vec::new();
        self.decoders.split(page, |piece| {
            if is_missing(&piece, pointer) {
                missing = true;
                return;
            }
            facts.records += 1;
            if decoded {
                let refused = piece.error.is_some().then(|| &page.bytes()[piece.range.clone()]);
                bodies.extend_from_slice(Sha256::of(refused.unwrap_or(&piece.body)).as_bytes());
            }
            let start = place.map_or(piece.range.start, |(start, _)| start);
            place = Some((start, piece.range.end));
            facts.last = None;
            if let (Some(probe), None) = (&self.fields, &piece.error) {
                let mut slots = [None; 4];
                if probe.take(&piece.body, &mut slots).is_ok() {
                    let id = |slot: usize| slots[slot].and_then(text).map(|id| id.into_owned());
                    facts.last = id(LAST);
                    facts.greatest = greater(facts.greatest.take(), id(KEY));
                    if let Some(format) = self.time {
                        see(&slots, format, &mut before, facts);
                    }
                }
            }
        });
        facts.missing = missing && !is_null(page, pointer);
        facts.empty = facts.records == 0 && !facts.missing;
        if let (Format::JsonArray { .. }, Some((start, end)), false) = (&**page.format(), place, missing) {
            facts.fingerprint = Fingerprint::of(&page.bytes()[start..end]);
        } else if decoded {
            facts.fingerprint = Fingerprint::of(&bodies);
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
}

/// What to take of a text: the pointers there are, each into its slot. `None` if there is none.
fn probe<const N: usize>(pointers: [(Option<&String>, usize); N]) -> Option<Probe> {
    pointers.into_iter().fold(None, |probe: Option<Probe>, (pointer, slot)| match pointer {
        Some(pointer) => Some(probe.unwrap_or_default().with(pointer, slot)),
        None => probe,
    })
}

/// Notes how far a record reaches.
fn see(slots: &Slots<'_, 4>, format: TimeFormat, before: &mut Option<Mark>, facts: &mut Facts) {
    let Some(at) = slots[TIME].and_then(|value| format.read(value)) else { return };
    let mark = Mark { at, id: slots[ID].and_then(text).map(|id| id.into_owned()) };
    let rises = |than: Option<&Mark>| than.is_none_or(|than| than.at <= mark.at);
    facts.ascending &= rises(before.as_ref());
    if mark.id.is_some() || rises(facts.high.as_ref()) {
        facts.high = Some(mark.clone());
    }
    *before = Some(mark);
}

/// Whether a piece stands for a pointer that leads to no array.
fn is_missing(piece: &Piece, pointer: &str) -> bool {
    let path = piece.error.as_ref().and_then(|error| error.path.as_deref());
    !pointer.is_empty() && path == Some(pointer)
}

/// Whether there is `null` where the records should be, as some servers write none.
fn is_null(page: &Document, pointer: &str) -> bool {
    let mut slots = [None; 4];
    let taken = Probe::default().with(pointer, RECORDS).take(bare(page.bytes()), &mut slots);
    taken.is_ok() && slots[RECORDS].map(RawValue::get) == Some("null")
}

/// A body without byte order mark and the white space around it.
fn bare(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii()
}

fn not_json(cause: &serde_json::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "the page is not the JSON it has to be to go on")
        .with("line", cause.line())
        .with("column", cause.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(reader: &Reader, body: impl Into<Vec<u8>>, format: Format) -> Result<Facts> {
        reader.read(&Document::new(body.into(), "http://127.0.0.1/", format))
    }

    fn array(pointer: &str) -> Format {
        Format::JsonArray { pointer: pointer.into() }
    }

    #[test]
    fn a_page_says_how_many_records_it_has_and_where_it_leads() {
        let pagination = Pagination::cursor("/paging/next", "after").while_true("/more").total("/n");
        let reader = Reader::new(&pagination, None, None);
        let body = r#"{"n":"3","paging":{"next":17},"items":[{"a":1},2,null],"more":true}"#;
        let facts = read(&reader, body, array("/items")).unwrap();
        assert_eq!((facts.records, facts.empty), (3, false));
        assert_eq!((facts.next.as_deref(), facts.more, facts.total), (Some("17"), Some(true), Some(3)));
        let other = r#"{"n":4,"items":[{"a":1},2,null],"at":"noon"}"#;
        assert_eq!(read(&reader, other, array("/items")).unwrap().fingerprint, facts.fingerprint);
    }

    #[test]
    fn a_page_without_records_is_told_from_one_where_they_are_missing() {
        let reader = Reader::new(&Pagination::next_url("/next"), None, None);
        for (body, empty) in [
            (r#"{"items":[]}"#, true),
            (r#"{"items":null}"#, true),
            (" \n", true),
            (r#"{"item":[]}"#, false),
            (r#"{"items":{}}"#, false),
        ] {
            let facts = read(&reader, body, array("/items")).unwrap();
            assert_eq!((facts.records, facts.empty, facts.missing), (0, empty, !empty), "{body}");
            assert_eq!(facts.blank, body.trim().is_empty(), "{body}");
        }
    }

    #[test]
    fn rows_are_counted_as_they_are_split() {
        let csv = || Format::Csv(datalake_core::Csv::new(','));
        let reader = Reader::new(&Pagination::offset("o", "l", 2), None, None);
        for (body, count) in [("a,b\r\n1,2\r\n\r\n3,4", 2), ("a\n\"x\ny\"\n", 1), ("a,b\n", 0)] {
            let facts = read(&reader, body, csv()).unwrap();
            assert_eq!((facts.records, facts.empty), (count, count == 0), "{body:?}");
        }
        assert!(read(&Reader::new(&Pagination::none(), None, None), "a,b\n", csv()).unwrap().empty);
    }

    #[test]
    fn a_page_that_cannot_lead_on_is_an_error_and_one_that_need_not_is_none() {
        let reader = Reader::new(&Pagination::next_url("/next"), None, None);
        let error = read(&reader, "<html>", array("/items")).unwrap_err();
        assert!(error.is_retryable(), "{error}");
        let reader = Reader::new(&Pagination::none(), None, None);
        assert!(!read(&reader, "{\"items\":[1,", array("/items")).unwrap().empty);
    }

    #[test]
    fn the_greatest_record_is_found_whatever_the_order() {
        let incremental = Incremental::since("since", "/at");
        let reader = Reader::new(&Pagination::none(), Some(&incremental), None);
        let body = r#"[{"at":"2024-01-02T00:00:00Z","id":9},{"at":"2024-01-02T02:00:00+01:00","id":10},
            {"at":"2023-01-01T00:00:00Z","id":99},{"at":null},"odd"]"#;
        let facts = read(&reader, body, Format::json_array()).unwrap();
        assert_eq!(facts.high.unwrap().at.to_string(), "2024-01-02 01:00:00 UTC");
        assert!(!facts.ascending);
        let lines = "{\"at\":\"2024-01-02\",\"id\":1}\n\n{\"at\":\n{\"at\":\"2024-01-03\",\"id\":2}";
        let facts = read(&reader, lines, Format::Ndjson).unwrap();
        assert_eq!(
            (facts.records, facts.high.unwrap().at.to_string()),
            (3, "2024-01-03 00:00:00 UTC".to_owned())
        );
        assert!(read(&reader, "[{\"when\":1}]", Format::json_array()).is_err());
    }
}

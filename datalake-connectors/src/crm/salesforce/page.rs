//! What is in an answer, as far as the source must know to go on.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer as _};
use serde_json::value::RawValue;

use super::soql::instant;
use datalake_core::{Error, ErrorKind, Result, Sha256};

/// A record by its id, when it was stamped as the page says it, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) stamp: String,
    /// The digest of all of it: stamps have whole seconds, and two states of a record may share one.
    state: Sha256,
}

impl Row {
    pub(super) fn at(&self) -> Option<DateTime<Utc>> {
        instant(&self.stamp)
    }

    /// What it says, in short. A record and the news that it was deleted never say the same.
    pub(super) fn state(&self) -> String {
        self.state.to_string()
    }
}

/// A page of a query.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) rows: Vec<Row>,
    /// How many records the query has in all.
    pub(super) total: u64,
    pub(super) next: Option<String>,
}

/// What was deleted for good.
#[derive(Debug)]
pub(super) struct Deleted {
    pub(super) rows: Vec<Row>,
    pub(super) earliest: Option<DateTime<Utc>>,
    pub(super) latest: Option<DateTime<Utc>>,
}

/// A bulk job as it says of itself.
#[derive(Debug, Deserialize)]
pub(super) struct JobInfo {
    pub(super) id: String,
    pub(super) state: String,
    #[serde(rename = "errorMessage", default)]
    pub(super) message: Option<String>,
}

impl Page {
    /// Reads a page whose records have their time in a field.
    ///
    /// # Errors
    /// `Unavailable` if it is not whole, or something else has answered.
    pub(super) fn read(body: &[u8], cursor: Option<&str>) -> Result<Self> {
        #[derive(Deserialize)]
        struct Body<'a> {
            #[serde(rename = "totalSize")]
            total: u64,
            done: bool,
            #[serde(rename = "nextRecordsUrl", default)]
            next: Option<String>,
            #[serde(borrow)]
            records: Vec<&'a RawValue>,
        }
        let body: Body<'_> = serde_json::from_slice(body).map_err(|cause| broken(&cause))?;
        let rows = body.records.into_iter().map(|record| row(record, "Id", cursor));
        let rows = rows.collect::<Result<Vec<_>>>()?;
        match (body.done, &body.next) {
            (false, None) => Err(odd("a page is not the last and names no next")),
            (true, Some(_)) => Err(odd("a page is the last and names a next")),
            _ => Ok(Self { rows, total: body.total, next: body.next }),
        }
    }
}

impl Deleted {
    /// Reads what was deleted for good.
    ///
    /// # Errors
    /// `Unavailable` if it is not whole, or something else has answered.
    pub(super) fn read(body: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Body<'a> {
            #[serde(rename = "deletedRecords", borrow)]
            records: Vec<&'a RawValue>,
            #[serde(rename = "earliestDateAvailable", default)]
            earliest: Option<String>,
            #[serde(rename = "latestDateCovered", default)]
            latest: Option<String>,
        }
        let body: Body<'_> = serde_json::from_slice(body).map_err(|cause| broken(&cause))?;
        let rows = body.records.into_iter().map(|record| row(record, "id", Some("deletedDate")));
        let at = |text: Option<String>| text.as_deref().and_then(instant);
        Ok(Self { rows: rows.collect::<Result<_>>()?, earliest: at(body.earliest), latest: at(body.latest) })
    }
}

impl JobInfo {
    pub(super) fn read(body: &[u8]) -> Result<Self> {
        let info: Self = serde_json::from_slice(body).map_err(|cause| broken(&cause))?;
        let plain = info.id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if info.id.is_empty() || !plain { Err(odd("a job has no proper id")) } else { Ok(info) }
    }
}

/// How many rows a bulk page has below its header, which must be as many as the system has named, if it has. A row ends
/// with a line end that is not inside of quotes.
///
/// # Errors
/// `Unavailable` if the page is not whole, or is none.
pub(super) fn bulk_rows(body: &Bytes, named: Option<u64>) -> Result<u64> {
    if body.is_empty() && named == Some(0) {
        return Ok(0);
    }
    let (mut lines, mut quoted) = (0_u64, false);
    for byte in body.iter() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => lines += 1,
            _ => {}
        }
    }
    if quoted || body.last() != Some(&b'\n') || body.starts_with(b"<") {
        return Err(odd("a page of results ends in the middle, or is none"));
    }
    let rows = lines - 1;
    match named {
        Some(named) if named != rows => {
            Err(odd("a page of results is not whole").with("rows", rows).with("named", named))
        }
        _ => Ok(rows),
    }
}

fn row(record: &RawValue, id: &'static str, stamp: Option<&str>) -> Result<Row> {
    let mut reader = serde_json::Deserializer::from_str(record.get());
    let found = reader.deserialize_map(Fields { id, stamp }).map_err(|cause| broken(&cause))?;
    let state = Sha256::of_parts([id, "\n", record.get()]);
    match found {
        (Some(id), Some(stamp)) => Ok(Row { id, stamp, state }),
        (Some(id), None) if stamp.is_none() => Ok(Row { id, stamp: String::new(), state }),
        _ => Err(Error::unexpected("a record has no id, or no time where it should be")
            .with("field", stamp.unwrap_or(id))),
    }
}

/// Looks for two members of an object.
struct Fields<'a> {
    id: &'static str,
    stamp: Option<&'a str>,
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = (Option<String>, Option<String>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut id, mut stamp) = (None, None);
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            if name == self.id {
                id = map.next_value()?;
            } else if self.stamp == Some(&*name) {
                stamp = map.next_value()?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok((id, stamp))
    }
}

fn broken(cause: &serde_json::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "the answer is not what it should be")
        .with("line", cause.line())
        .with("column", cause.column())
}

fn odd(what: &'static str) -> Error {
    Error::new(ErrorKind::Unavailable, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_what_it_has_and_where_it_leads() {
        let body = br#"{"totalSize":3,"done":false,"nextRecordsUrl":"/q/01g-2","records":[
            {"attributes":{"type":"A","Id":"no"},"Id":"1","SystemModstamp":"2024-01-01T00:00:00.000+0000"},
            {"SystemModstamp":"2024-01-02T00:00:00.000+0000","N":1.50,"Id":"2"}]}"#;
        let page = Page::read(body, Some("SystemModstamp")).unwrap();
        assert_eq!((page.total, page.next.as_deref()), (3, Some("/q/01g-2")));
        assert_eq!(page.rows[1].id, "2");
        assert_eq!(page.rows[0].at().unwrap().to_rfc3339(), "2024-01-01T00:00:00+00:00");
        assert!(Page::read(body, None).unwrap().rows[0].stamp.is_empty());
        assert_eq!(Page::read(body, Some("Other")).unwrap_err().kind(), ErrorKind::Unexpected);
    }

    #[test]
    fn a_page_that_is_not_whole_comes_again() {
        for body in [
            "<html>",
            r#"{"totalSize":1,"done":true,"records":["#,
            r#"{"totalSize":1,"done":false,"records":[]}"#,
            r#"{"totalSize":1,"done":true,"nextRecordsUrl":"/x","records":[]}"#,
            "[]",
        ] {
            assert!(Page::read(body.as_bytes(), None).unwrap_err().is_retryable(), "{body}");
        }
    }

    #[test]
    fn rows_of_results_are_counted_whatever_is_inside_of_quotes() {
        for (body, rows) in [
            ("\"Id\"\n", 0),
            ("\"Id\",\"Name\"\n\"1\",\"a\n\"\"b\"\"\"\n", 1),
            ("Id,Name\n1,x\0y\n2,\n", 2),
            ("\"Id\"\r\n\"1\"\r\n", 1),
        ] {
            for named in [None, Some(rows)] {
                assert_eq!(bulk_rows(&Bytes::from(body), named).unwrap(), rows, "{body:?}");
            }
            assert!(bulk_rows(&Bytes::from(body), Some(rows + 1)).unwrap_err().is_retryable());
        }
        for body in ["", "\"Id\"\n\"1\"", "\"Id\"\n\"1\n", "<html>\n</html>\n"] {
            assert!(bulk_rows(&Bytes::from(body), None).unwrap_err().is_retryable(), "{body:?}");
        }
        assert_eq!(bulk_rows(&Bytes::new(), Some(0)).unwrap(), 0, "nothing at all");
    }
}

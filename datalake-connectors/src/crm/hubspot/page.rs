//! What is in an answer, as far as the source must know to go on.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use datalake_core::{Error, ErrorKind, Result};

/// A record by its id and times.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Row {
    pub(super) id: String,
    /// When it was changed, as the page says it.
    #[serde(rename = "updatedAt")]
    pub(super) updated: String,
    #[serde(rename = "archivedAt", default)]
    pub(super) archived: Option<String>,
}

/// A page of a list or of a search.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    /// How many records a search finds in all.
    #[serde(default)]
    pub(super) total: Option<u64>,
    pub(super) results: Vec<Row>,
    #[serde(default)]
    paging: Option<Paging>,
}

#[derive(Debug, Deserialize)]
struct Paging {
    #[serde(default)]
    next: Option<After>,
}

#[derive(Debug, Deserialize)]
struct After {
    after: String,
}

/// The links of some records to those of another object.
#[derive(Debug, Deserialize)]
pub(super) struct Links {
    pub(super) results: Vec<Link>,
}

/// The links of one record.
#[derive(Debug, Deserialize)]
pub(super) struct Link {
    from: From,
    #[serde(default)]
    paging: Option<Paging>,
}

#[derive(Debug, Deserialize)]
struct From {
    id: String,
}

#[derive(Debug, Deserialize)]
struct Properties {
    results: Vec<Property>,
}

#[derive(Debug, Deserialize)]
struct Property {
    name: String,
    #[serde(default)]
    archived: bool,
}

impl Row {
    pub(super) fn updated(&self) -> Option<DateTime<Utc>> {
        instant(&self.updated)
    }

    pub(super) fn archived_at(&self) -> Option<DateTime<Utc>> {
        self.archived.as_deref().and_then(instant)
    }
}

impl Page {
    /// Reads a page.
    ///
    /// # Errors
    /// `Unavailable` if it is not whole, or something else has answered.
    pub(super) fn read(body: &[u8]) -> Result<Self> {
        let page: Self = serde_json::from_slice(body).map_err(|cause| broken(&cause))?;
        if page.results.is_empty() && (page.total.is_some_and(|total| total > 0) || page.next().is_some()) {
            return Err(Error::new(ErrorKind::Unavailable, "a page is empty, and more is to come"));
        }
        Ok(page)
    }

    /// The cursor of the next page.
    pub(super) fn next(&self) -> Option<&str> {
        self.paging.as_ref()?.next.as_ref().map(|next| next.after.as_str())
    }

    /// The id after which a search goes on, if it has found more than is on the page.
    pub(super) fn last(&self) -> Option<&str> {
        let more = self.next().is_some() || self.total.is_some_and(|total| total > self.results.len() as u64);
        self.results.last().filter(|_| more).map(|row| row.id.as_str())
    }
}

impl Links {
    pub(super) fn read(body: &[u8]) -> Result<Self> {
        serde_json::from_slice(body).map_err(|cause| broken(&cause))
    }

    /// Records that have more links than are on the page: id and cursor.
    pub(super) fn more(&self) -> impl Iterator<Item = (&str, &str)> {
        self.results.iter().filter_map(|link| {
            let next = link.paging.as_ref()?.next.as_ref()?;
            Some((link.from.id.as_str(), next.after.as_str()))
        })
    }
}

/// The names of the properties of an object.
///
/// # Errors
/// `Unavailable` if the answer is not whole, or something else has answered.
pub(super) fn properties(body: &[u8]) -> Result<Vec<String>> {
    let properties: Properties = serde_json::from_slice(body).map_err(|cause| broken(&cause))?;
    let known = properties.results.into_iter().filter(|property| !property.archived);
    Ok(known.map(|property| property.name).collect())
}

fn instant(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc())
}

fn broken(cause: &serde_json::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "the answer is not what it should be")
        .with("line", cause.line())
        .with("column", cause.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(rest: &str) -> Result<Page> {
        let row = r#"{"id":"7","properties":{},"updatedAt":"2024-01-01T00:00:00.5Z","archived":false}"#;
        Page::read(rest.replace('*', row).as_bytes())
    }

    #[test]
    fn a_page_says_where_it_leads() {
        let list = page(r#"{"results":[*],"paging":{"next":{"after":"8","link":"https://x"}}}"#).unwrap();
        assert_eq!(list.next(), Some("8"));
        assert_eq!(list.results[0].updated().unwrap().timestamp_subsec_millis(), 500);
        let search = page(r#"{"total":2,"results":[*]}"#).unwrap();
        assert_eq!(search.last(), Some("7"), "the total says that there is more");
        assert_eq!(page(r#"{"total":1,"results":[*]}"#).unwrap().last(), None);
        assert_eq!(page(r#"{"results":[]}"#).unwrap().next(), None);
    }

    #[test]
    fn a_page_that_is_not_whole_comes_again() {
        for body in ["<html>", r#"{"results":["#, r#"{"total":3,"results":[]}"#] {
            assert!(page(body).unwrap_err().is_retryable(), "{body}");
        }
    }
}

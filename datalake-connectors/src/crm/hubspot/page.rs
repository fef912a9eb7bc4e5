//! What is in an answer, as far as the source must know to go on.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::missing::Missing;
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
    /// What a batch says of the records that are not among them.
    #[serde(default)]
    pub(super) errors: Vec<Missing>,
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
    /// What is said of the records that are not among them.
    #[serde(default)]
    pub(super) errors: Vec<Missing>,
}

/// The links of one record.
#[derive(Debug, Deserialize)]
pub(super) struct Link {
    pub(super) from: From,
    #[serde(default)]
    paging: Option<Paging>,
}

#[derive(Debug, Deserialize)]
pub(super) struct From {
    pub(super) id: String,
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
    /// Whether it is the system's own.
    #[serde(rename = "hubspotDefined", default)]
    own: Option<bool>,
}

/// The properties of an object.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) names: Vec<String>,
    /// The one that says when a record changed.
    pub(super) modified: Option<&'static str>,
}

/// The properties that say when a record changed: of contacts, and of all others.
const MODIFIED: [&str; 2] = ["lastmodifieddate", "hs_lastmodifieddate"];

impl Row {
    pub(super) fn updated(&self) -> Option<DateTime<Utc>> {
        instant(&self.updated)
    }

    pub(super) fn archived_at(&self) -> Option<DateTime<Utc>> {
        self.archived.as_deref().and_then(instant)
    }
}

impl Page {
    /// Reads a page. One of a list may be empty and lead on; a search that has found records gives some.
    ///
    /// # Errors
    /// `Unavailable` if it is not whole, or something else has answered.
    pub(super) fn read(body: &[u8]) -> Result<Self> {
        let page: Self = serde_json::from_slice(body).map_err(|cause| broken(&cause))?;
        if page.results.is_empty() && page.total.is_some_and(|total| total > 0) {
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

/// The properties of an object.
///
/// # Errors
/// `Unavailable` if the answer is not whole, or something else has answered.
pub(super) fn properties(body: &[u8]) -> Result<Known> {
    let properties: Properties = serde_json::from_slice(body).map_err(|cause| broken(&cause))?;
    let known: Vec<_> = properties.results.into_iter().filter(|property| !property.archived).collect();
    let own = |name: &str| known.iter().any(|known| known.name == name && known.own != Some(false));
    let modified = MODIFIED.into_iter().find(|name| own(name));
    Ok(Known { modified, names: known.into_iter().map(|property| property.name).collect() })
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
        let gap = page(r#"{"results":[],"paging":{"next":{"after":"8"}}}"#).unwrap();
        assert_eq!(gap.next(), Some("8"), "an empty page of a list leads on");
    }

    #[test]
    fn the_time_of_the_last_change_is_in_a_property_of_the_system() {
        let modified = |listed: &[(&str, bool)]| {
            let listed =
                listed.iter().map(|(name, own)| format!(r#"{{"name":"{name}","hubspotDefined":{own}}}"#));
            let body = format!(r#"{{"results":[{}]}}"#, listed.collect::<Vec<_>>().join(","));
            properties(body.as_bytes()).unwrap().modified
        };
        let (contacts, others) = ("lastmodifieddate", "hs_lastmodifieddate");
        assert_eq!(modified(&[(others, true), (contacts, true)]), Some(contacts));
        assert_eq!(modified(&[(contacts, false), (others, true)]), Some(others), "somebody's own is another");
        assert_eq!(modified(&[("name", true)]), None);
    }

    #[test]
    fn a_page_that_is_not_whole_comes_again() {
        for body in ["<html>", r#"{"results":["#, r#"{"total":3,"results":[]}"#] {
            assert!(page(body).unwrap_err().is_retryable(), "{body}");
        }
    }
}

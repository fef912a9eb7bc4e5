//! The queries that are asked.

use std::borrow::Cow;
use std::fmt::Write as _;

use chrono::{DateTime, NaiveDateTime, Utc};

use super::position::{Mark, Window};
use datalake_core::{Error, Result};

/// What is asked for, whatever part of it.
#[derive(Debug, Clone)]
pub(super) struct Query {
    pub(super) object: String,
    pub(super) fields: Vec<String>,
    /// The field that says when a record changed; `None` if the object has none to filter by.
    pub(super) cursor: Option<String>,
    /// Whether records in the recycle bin are left out, though they are among those asked for.
    pub(super) alive: bool,
    /// A condition of the user's.
    pub(super) filter: Option<String>,
}

impl Query {
    /// The records of a window in the order of `(cursor, Id)`, from just after a mark on.
    pub(super) fn ordered(&self, window: &Window, after: Option<&Mark>) -> String {
        let mut soql = self.select(window, after);
        match &self.cursor {
            Some(cursor) => write(&mut soql, format_args!(" ORDER BY {cursor}, Id")),
            None => soql.push_str(" ORDER BY Id"),
        }
        soql
    }

    /// The records of a window in no order, which is what large ones are asked for in.
    pub(super) fn unordered(&self, window: &Window) -> String {
        self.select(window, None)
    }

    fn select(&self, window: &Window, after: Option<&Mark>) -> String {
        let mut conditions: Vec<Cow<'_, str>> = Vec::new();
        if let Some(cursor) = &self.cursor {
            match (after, window.lo) {
                (Some(Mark { at: Some(at), id }), _) => {
                    let at = literal(*at);
                    let id = quoted(id);
                    conditions.push(format!("({cursor} > {at} OR ({cursor} = {at} AND Id > {id}))").into());
                }
                (_, Some(lo)) => conditions.push(format!("{cursor} >= {}", literal(lo)).into()),
                (_, None) => {}
            }
            if let Some(hi) = window.hi {
                conditions.push(format!("{cursor} < {}", literal(hi)).into());
            }
        } else if let Some(after) = after {
            conditions.push(format!("Id > {}", quoted(&after.id)).into());
        }
        if self.alive {
            conditions.push("IsDeleted = false".into());
        }
        if let Some(filter) = &self.filter {
            conditions.push(format!("({filter})").into());
        }
        let mut soql = format!("SELECT {} FROM {}", self.fields.join(","), self.object);
        if !conditions.is_empty() {
            write(&mut soql, format_args!(" WHERE {}", conditions.join(" AND ")));
        }
        soql
    }
}

/// Refuses what is no name of an object or field, so that a setting cannot become part of a query.
///
/// # Errors
/// `ConfigInvalid`.
pub(super) fn check_name(name: &str, setting: &'static str) -> Result<()> {
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if name.len() <= 255 && name.split('.').all(part) {
        return Ok(());
    }
    Err(Error::config("this is no name of an object or field")
        .with("setting", setting)
        .with("found", format_args!("{name:?}")))
}

/// An instant as a literal: without quotes, in milliseconds.
pub(super) fn literal(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// An instant as it is written in records: `…000+0000` over REST, `…000Z` in a bulk result.
pub(super) fn instant(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.to_utc());
    }
    if let Ok(at) = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z") {
        return Some(at.to_utc());
    }
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok().map(|at| at.and_utc())
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('\'');
    for c in text.chars() {
        if matches!(c, '\'' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('\'');
    out
}

fn write(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing into a string does not fail.
    let _written = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        instant(text).unwrap()
    }

    fn query() -> Query {
        Query {
            object: "Account".to_owned(),
            fields: vec!["Id".to_owned(), "SystemModstamp".to_owned()],
            cursor: Some("SystemModstamp".to_owned()),
            alive: false,
            filter: None,
        }
    }

    #[test]
    fn a_window_has_its_lower_bound_inside_and_its_upper_one_outside() {
        let window = Window { lo: Some(at("2024-01-01T00:00:00Z")), hi: Some(at("2024-01-02T00:00:00.5Z")) };
        assert_eq!(
            query().unordered(&window),
            "SELECT Id,SystemModstamp FROM Account WHERE SystemModstamp >= 2024-01-01T00:00:00.000Z \
             AND SystemModstamp < 2024-01-02T00:00:00.500Z"
        );
        assert_eq!(query().unordered(&Window::default()), "SELECT Id,SystemModstamp FROM Account");
    }

    #[test]
    fn a_query_goes_on_after_a_timestamp_and_an_id() {
        let after = Mark { at: Some(at("2024-01-01T00:00:00.000+0000")), id: "001'x".to_owned() };
        let window = Window { lo: None, hi: Some(at("2024-01-02T00:00:00Z")) };
        let query = Query { filter: Some("Name != null OR X = 1".to_owned()), ..query() };
        assert_eq!(
            query.ordered(&window, Some(&after)),
            "SELECT Id,SystemModstamp FROM Account WHERE (SystemModstamp > 2024-01-01T00:00:00.000Z OR \
             (SystemModstamp = 2024-01-01T00:00:00.000Z AND Id > '001\\'x')) AND \
             SystemModstamp < 2024-01-02T00:00:00.000Z AND (Name != null OR X = 1) ORDER BY SystemModstamp, Id"
        );
    }

    #[test]
    fn an_object_without_a_timestamp_is_read_by_id() {
        let query = Query { cursor: None, ..query() };
        let after = Mark { at: None, id: "001".to_owned() };
        assert_eq!(
            query.ordered(&Window::default(), Some(&after)),
            "SELECT Id,SystemModstamp FROM Account WHERE Id > '001' ORDER BY Id"
        );
    }

    #[test]
    fn an_instant_is_the_same_in_every_form() {
        for text in ["2024-01-01T00:00:00.000Z", "2024-01-01T00:00:00.000+0000", "2024-01-01T01:00:00+01:00"]
        {
            assert_eq!(literal(at(text)), "2024-01-01T00:00:00.000Z", "{text}");
        }
        assert_eq!(instant("soon"), None);
    }

    #[test]
    fn a_name_cannot_smuggle_a_query_in() {
        for name in ["Account", "My_Thing__c", "Owner.Name"] {
            check_name(name, "object").unwrap();
        }
        for name in ["", "Account WHERE", "a,b", "1x", "Owner.", "x'"] {
            assert!(check_name(name, "object").is_err(), "{name:?}");
        }
    }
}

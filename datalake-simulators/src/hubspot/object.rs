//! Objects, their properties and their records.

use std::collections::BTreeMap;

use serde_json::Value;

/// What a property holds. In answers every value is text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Text.
    Text,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A point in time. Given as text with an offset or in milliseconds since 1970.
    Datetime,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Number => "number",
            Self::Boolean => "bool",
            Self::Datetime => "datetime",
        }
    }
}

/// A kind of record, for instance `contacts`. It has `hs_object_id`, `createdate` and the property with the time of the
/// last change from the start: `lastmodifieddate` for contacts, `hs_lastmodifieddate` for all others.
#[derive(Debug, Clone)]
#[must_use]
pub struct Object {
    pub(super) name: String,
    pub(super) properties: BTreeMap<String, Kind>,
}

pub(super) const ID: &str = "hs_object_id";
pub(super) const CREATED: &str = "createdate";

impl Object {
    /// An object without properties of its own.
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        let modified = modified(&name);
        let properties = [(ID, Kind::Number), (CREATED, Kind::Datetime), (modified, Kind::Datetime)];
        Self { name, properties: properties.map(|(name, kind)| (name.to_owned(), kind)).into() }
    }

    /// Has a property.
    pub fn property(mut self, name: impl Into<String>, kind: Kind) -> Self {
        self.properties.insert(name.into(), kind);
        self
    }

    /// Whether it goes by a name: in the plural or the singular, in any case, or the id of its type.
    pub(super) fn is_called(&self, name: &str) -> bool {
        let types = [("0-1", "contacts"), ("0-2", "companies"), ("0-3", "deals"), ("0-5", "tickets")];
        name.eq_ignore_ascii_case(&self.name)
            || name.eq_ignore_ascii_case(&singular(&self.name))
            || types.contains(&(name, self.name.as_str()))
    }

    /// The property with the time of the last change.
    pub(super) fn modified(&self) -> &'static str {
        modified(&self.name)
    }
}

fn modified(object: &str) -> &'static str {
    if object == "contacts" { "lastmodifieddate" } else { "hs_lastmodifieddate" }
}

/// A name for one of many.
pub(super) fn singular(object: &str) -> String {
    match object.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => object.trim_end_matches('s').to_owned(),
    }
}

/// A record.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) id: u64,
    pub(super) created: i64,
    pub(super) modified: i64,
    pub(super) archived: Option<i64>,
    pub(super) properties: BTreeMap<String, String>,
}

impl Record {
    /// The value of a property as answers have it.
    pub(super) fn value(&self, object: &Object, name: &str) -> Option<String> {
        match name {
            ID => Some(self.id.to_string()),
            CREATED => Some(time(self.created)),
            name if name == object.modified() => Some(time(self.modified)),
            name => self.properties.get(name).cloned(),
        }
    }
}

/// As the service writes it: without a fraction where that is zero.
pub(super) fn time(millis: i64) -> String {
    let time = chrono::DateTime::from_timestamp_millis(millis).unwrap_or_default();
    let seconds = time.format("%Y-%m-%dT%H:%M:%S");
    match millis.rem_euclid(1000) {
        0 => format!("{seconds}Z"),
        millis => format!("{seconds}.{millis:03}Z"),
    }
}

/// As HTTP has it in `Date`.
pub(super) fn http(millis: i64) -> String {
    let time = chrono::DateTime::from_timestamp_millis(millis).unwrap_or_default();
    time.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Milliseconds since 1970, of text with an offset or of milliseconds.
pub(super) fn millis(text: &str) -> Option<i64> {
    let parsed = chrono::DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_millis());
    parsed.or_else(|| text.parse().ok())
}

/// The text of a value given for a property, or nothing for one that is empty.
///
/// # Panics
/// It does not fit.
pub(super) fn text(name: &str, kind: Kind, value: &Value) -> Option<String> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) if text.is_empty() => return None,
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => panic!("{name} cannot be {value}"),
    };
    match kind {
        Kind::Text => Some(text),
        Kind::Number if text.parse::<f64>().is_ok() => Some(text),
        Kind::Boolean if text == "true" || text == "false" => Some(text),
        Kind::Datetime => {
            let millis = millis(&text);
            Some(time(millis.unwrap_or_else(|| panic!("{name} cannot be {value}"))))
        }
        _ => panic!("{name} cannot be {value}"),
    }
}

//! Objects and their fields.

use serde_json::Value;

use super::stamp;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// The id of the record.
    Id,
    /// The id of another record.
    Reference,
    /// Text.
    Text,
    /// Text too long to filter by.
    LongText,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A point in time. Given as text with an offset or in milliseconds since 1970.
    Datetime,
    /// A day: `2024-01-31`.
    Date,
    /// An address: an object of several values. Bulk does not read it.
    Address,
    /// Bytes. Bulk does not read them.
    Base64,
}

/// A field of an object.
#[derive(Debug, Clone)]
#[must_use]
pub struct Field {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) filterable: bool,
    pub(super) sortable: bool,
    pub(super) calculated: bool,
    /// Nobody sees it any more.
    pub(super) removed: bool,
}

impl Field {
    /// A field that can be filtered and sorted by, as far as its kind allows.
    pub fn new(name: impl Into<String>, kind: Kind) -> Self {
        let free = !matches!(kind, Kind::LongText | Kind::Address | Kind::Base64);
        Self { name: name.into(), kind, filterable: free, sortable: free, calculated: false, removed: false }
    }

    /// Text.
    pub fn text(name: impl Into<String>) -> Self {
        Self::new(name, Kind::Text)
    }

    /// A number.
    pub fn number(name: impl Into<String>) -> Self {
        Self::new(name, Kind::Number)
    }

    /// Queries cannot filter by it, as `describe` says.
    pub fn not_filterable(mut self) -> Self {
        self.filterable = false;
        self
    }

    /// Queries cannot sort by it, as `describe` says.
    pub fn not_sortable(mut self) -> Self {
        self.sortable = false;
        self
    }

    /// The result of a formula: `describe` says so. See [`Salesforce::recalculate`](super::Salesforce::recalculate).
    pub fn formula(mut self) -> Self {
        self.calculated = true;
        self
    }
}

/// An object: what a table is in a database. It has `Id`, `IsDeleted`, `CreatedDate`, `LastModifiedDate` and
/// `SystemModstamp` from the start.
#[derive(Debug, Clone)]
#[must_use]
pub struct Object {
    pub(super) name: String,
    pub(super) prefix: String,
    pub(super) fields: Vec<Field>,
    pub(super) bulk: bool,
}

pub(super) const ID: usize = 0;
pub(super) const IS_DELETED: usize = 1;
pub(super) const CREATED: usize = 2;
pub(super) const MODIFIED: usize = 3;
pub(super) const MODSTAMP: usize = 4;

impl Object {
    /// An object without fields of its own.
    pub fn new(name: impl Into<String>) -> Self {
        let fields = vec![
            Field::new("Id", Kind::Id),
            Field::new("IsDeleted", Kind::Boolean),
            Field::new("CreatedDate", Kind::Datetime),
            Field::new("LastModifiedDate", Kind::Datetime),
            Field::new("SystemModstamp", Kind::Datetime),
        ];
        Self { name: name.into(), prefix: String::new(), fields, bulk: true }
    }

    /// Has a field, in place of that of the same name if there is one.
    pub fn field(mut self, field: Field) -> Self {
        match self.fields.iter_mut().find(|known| known.name.eq_ignore_ascii_case(&field.name)) {
            Some(known) => *known = field,
            None => self.fields.push(field),
        }
        self
    }

    /// Its ids begin with these three characters.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Bulk does not know it.
    pub fn without_bulk(mut self) -> Self {
        self.bulk = false;
        self
    }

    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.visible().find(|(_, field)| field.name.eq_ignore_ascii_case(name)).map(|(at, _)| at)
    }

    /// The fields that were not removed, with their places.
    pub(super) fn visible(&self) -> impl Iterator<Item = (usize, &Field)> {
        self.fields.iter().enumerate().filter(|(_, field)| !field.removed)
    }
}

/// A value in a record.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Null,
    /// An id. Ids differ by case, text does not.
    Id(String),
    Text(String),
    Number(serde_json::Number),
    Boolean(bool),
    /// Milliseconds since 1970.
    Time(i64),
    /// An object of several values.
    Compound(Value),
}

impl Cell {
    /// The value of a field of this kind. Empty text is none, as the service has it.
    pub(super) fn new(kind: Kind, value: &Value) -> Option<Self> {
        match (kind, value) {
            (_, Value::Null) => Some(Self::Null),
            (Kind::Datetime, Value::String(text)) => stamp::parse(text).map(Self::Time),
            (Kind::Datetime, Value::Number(millis)) => millis.as_i64().map(Self::Time),
            (Kind::Date, Value::String(text)) => stamp::is_date(text).then(|| Self::Text(text.clone())),
            (Kind::Number, Value::Number(number)) => Some(Self::Number(number.clone())),
            (Kind::Boolean, Value::Bool(truth)) => Some(Self::Boolean(*truth)),
            (Kind::Address, Value::Object(_)) => Some(Self::Compound(value.clone())),
            (Kind::Id | Kind::Reference, Value::String(id)) => Some(Self::Id(id.clone())),
            (Kind::Text | Kind::LongText | Kind::Base64, Value::String(text)) => {
                Some(if text.is_empty() { Self::Null } else { Self::Text(text.clone()) })
            }
            _ => None,
        }
    }

    /// As REST writes it.
    pub(super) fn json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Id(text) | Self::Text(text) => Value::String(text.clone()),
            Self::Number(number) => Value::Number(number.clone()),
            Self::Boolean(truth) => Value::Bool(*truth),
            Self::Time(millis) => Value::String(stamp::rest(*millis)),
            Self::Compound(value) => value.clone(),
        }
    }

    /// As a result of Bulk has it, without quotes.
    pub(super) fn csv(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Id(text) | Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Boolean(truth) => truth.to_string(),
            Self::Time(millis) => stamp::bulk(*millis),
            Self::Compound(value) => value.to_string(),
        }
    }
}

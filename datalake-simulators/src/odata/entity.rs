//! What a service says of its data: entity types and their properties.

use super::value::Value;

/// What a property holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// `Edm.Boolean`
    Boolean,
    /// `Edm.Int32`
    Int32,
    /// `Edm.Int64`: text in V2, a number in V4 unless the client asks otherwise.
    Int64,
    /// `Edm.Decimal`
    Decimal {
        /// Digits in all.
        precision: u32,
        /// Digits after the point.
        scale: u32,
    },
    /// `Edm.Double`
    Double,
    /// `Edm.String`; no bound if 0.
    Text {
        /// The greatest length, characters.
        max: u32,
    },
    /// A moment without a zone: `Edm.DateTime` in V2, `Edm.DateTimeOffset` in V4.
    DateTime,
    /// `Edm.DateTimeOffset`
    DateTimeOffset,
    /// A day: `Edm.DateTime` with `sap:display-format="Date"` in V2, `Edm.Date` in V4.
    Date,
    /// A time of the day: `Edm.Time` in V2, `Edm.TimeOfDay` in V4.
    Time,
    /// `Edm.Guid`
    Guid,
    /// `Edm.Binary`: base64 in V2, base64url in V4.
    Binary,
}

/// A property of an entity type.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Property {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) key: bool,
    pub(crate) filterable: bool,
    pub(crate) annotations: Vec<(String, String)>,
}

impl Property {
    /// A property that can be null and be filtered by.
    pub fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self { name: name.into(), kind, key: false, filterable: true, annotations: Vec::new() }
    }

    /// It is a part of the key, and never null.
    pub fn key(mut self) -> Self {
        self.key = true;
        self
    }

    /// `sap:filterable` and `sap:sortable` are false, and requests that do so are refused.
    pub fn not_filterable(mut self) -> Self {
        self.filterable = false;
        self
    }

    /// An annotation of SAP, for instance `semantics`, `unit`, `label`.
    pub fn annotated(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.annotations.push((name.into(), value.into()));
        self
    }
}

/// A way from a row to rows of another set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Navigation {
    pub(crate) name: String,
    pub(crate) set: String,
    /// Properties that are equal: here, and there.
    pub(crate) by: Vec<(String, String)>,
}

/// An entity type and its set.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Entity {
    pub(crate) set: String,
    pub(crate) name: String,
    pub(crate) properties: Vec<Property>,
    pub(crate) changed: Option<String>,
    pub(crate) navigations: Vec<Navigation>,
}

impl Entity {
    /// A type without properties, and the name of its set.
    pub fn new(set: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            set: set.into(),
            name: name.into(),
            properties: Vec::new(),
            changed: None,
            navigations: Vec::new(),
        }
    }

    /// Adds a property.
    pub fn with(mut self, property: Property) -> Self {
        self.properties.push(property);
        self
    }

    /// Names the property that says when a row was changed. The system sets it where a row that is written does not.
    pub fn changed(mut self, property: impl Into<String>) -> Self {
        self.changed = Some(property.into());
        self
    }

    /// Adds a way to the rows of another set in which properties are equal to some here: pairs of names, here and there. It
    /// can be expanded.
    pub fn navigation(
        mut self,
        name: impl Into<String>,
        set: impl Into<String>,
        by: &[(&str, &str)],
    ) -> Self {
        let by = by.iter().map(|(here, there)| ((*here).to_owned(), (*there).to_owned())).collect();
        self.navigations.push(Navigation { name: name.into(), set: set.into(), by });
        self
    }

    pub(crate) fn index(&self, property: &str) -> Option<usize> {
        self.properties.iter().position(|candidate| candidate.name == property)
    }

    /// The indices of the properties that are the key.
    pub(crate) fn keys(&self) -> Vec<usize> {
        (0..self.properties.len()).filter(|n| self.properties[*n].key).collect()
    }

    /// The key of a row.
    pub(crate) fn key_of(&self, row: &[Value]) -> Vec<Value> {
        self.keys().into_iter().map(|n| row.get(n).cloned().unwrap_or_default()).collect()
    }
}

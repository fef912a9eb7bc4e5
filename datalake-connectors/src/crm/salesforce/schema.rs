//! An object as the system describes it.

use std::fmt;

use serde::{Deserialize, Serialize};

use datalake_core::{Error, ErrorKind, Result};

/// The fields that say when a record changed, the best first.
const CURSORS: [&str; 4] = ["SystemModstamp", "LastModifiedDate", "CreatedDate", "LoginTime"];

/// An object as the system describes it: its fields and what can be done with it.
///
/// It can be written as JSON and kept, and compared with what the system says later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Schema {
    /// The name of the object, for instance `Account`.
    pub name: String,
    /// Whether it can be queried.
    #[serde(default)]
    pub queryable: bool,
    /// Whether it says what was deleted for good.
    #[serde(default)]
    pub replicateable: bool,
    /// Its fields, in the order of the system.
    pub fields: Vec<Field>,
}

/// A field of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Field {
    /// Its name in the API.
    pub name: String,
    /// Its type in the words of the system, for instance `string`, `datetime` or `currency`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The most characters of a text.
    #[serde(default)]
    pub length: u32,
    /// The digits of a number in all.
    #[serde(default)]
    pub precision: u32,
    /// The digits of a number after the point.
    #[serde(default)]
    pub scale: u32,
    /// Whether it may be empty.
    #[serde(default)]
    pub nillable: bool,
    /// Whether it is a formula. A formula can change without the record being stamped.
    #[serde(default)]
    pub calculated: bool,
    /// Whether it can be in a condition.
    #[serde(default)]
    pub filterable: bool,
}

/// A difference between two descriptions of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// A field is there that was not.
    Added(String),
    /// A field is there no longer.
    Removed(String),
    /// A field is of another type, length or precision.
    Altered(String),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added(name) => write!(f, "+{name}"),
            Self::Removed(name) => write!(f, "-{name}"),
            Self::Altered(name) => write!(f, "~{name}"),
        }
    }
}

impl Schema {
    /// A field by its name, whatever the case.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))
    }

    /// What is different here from an older description.
    #[must_use]
    pub fn changes_since(&self, older: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        for field in &self.fields {
            match older.field(&field.name) {
                None => changes.push(Change::Added(field.name.clone())),
                Some(old) if old != field => changes.push(Change::Altered(field.name.clone())),
                Some(_) => {}
            }
        }
        let gone = older.fields.iter().filter(|field| self.field(&field.name).is_none());
        changes.extend(gone.map(|field| Change::Removed(field.name.clone())));
        changes
    }

    pub(super) fn read(body: &[u8]) -> Result<Self> {
        serde_json::from_slice(body).map_err(|cause| {
            Error::new(ErrorKind::Unavailable, "the description of the object cannot be read")
                .caused_by(cause.to_string())
        })
    }

    /// The field that says when a record changed, if one can be in a condition.
    pub(super) fn cursor(&self) -> Option<&str> {
        let field = |name: &&str| self.field(name).is_some_and(|field| field.filterable);
        CURSORS.into_iter().find(field)
    }

    /// Whether the object has a recycle bin.
    pub(super) fn has_recycle_bin(&self) -> bool {
        self.field("IsDeleted").is_some()
    }

    /// The fields to ask for: those wanted, or all that are no compound of others and no file, and always what the
    /// source itself needs.
    ///
    /// # Errors
    /// `ConfigInvalid` if a wanted field is not there, or if the object cannot be queried.
    pub(super) fn select(&self, wanted: &[String]) -> Result<Vec<String>> {
        if !self.queryable {
            return Err(Error::config("the object cannot be queried").with("object", &self.name));
        }
        let own = ["Id", "IsDeleted"].into_iter().filter(|name| self.field(name).is_some());
        let mut names: Vec<String> = own.chain(self.cursor()).map(str::to_owned).collect();
        let rest: Vec<String> = if wanted.is_empty() {
            let fields = self.fields.iter().filter(|field| field.is_plain());
            fields.map(|field| field.name.clone()).collect()
        } else {
            for name in wanted.iter().filter(|name| !name.contains('.')) {
                if self.field(name).is_none() {
                    return Err(Error::config("the object has no such field")
                        .with("object", &self.name)
                        .with("field", name));
                }
            }
            wanted.to_vec()
        };
        for name in rest {
            if !names.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
                names.push(name);
            }
        }
        Ok(names)
    }
}

impl Field {
    /// Whether it has one value of its own. The parts of a compound are fields too.
    fn is_plain(&self) -> bool {
        !matches!(self.kind.as_str(), "address" | "location" | "base64" | "complexvalue")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(fields: &[(&str, &str, bool)]) -> Schema {
        let fields = fields.iter().map(|(name, kind, filterable)| {
            serde_json::json!({ "name": name, "type": kind, "filterable": filterable, "label": "x" })
        });
        let text = serde_json::json!({
            "name": "Account", "queryable": true, "fields": fields.collect::<Vec<_>>(), "urls": {}
        });
        Schema::read(text.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn all_plain_fields_are_asked_for_and_what_the_source_needs_comes_first() {
        let schema = schema(&[
            ("Name", "string", true),
            ("BillingAddress", "address", true),
            ("BillingCity", "string", true),
            ("Body", "base64", false),
            ("Id", "id", true),
            ("IsDeleted", "boolean", true),
            ("SystemModstamp", "datetime", true),
        ]);
        assert_eq!(schema.select(&[]).unwrap(), ["Id", "IsDeleted", "SystemModstamp", "Name", "BillingCity"]);
        let wanted = ["name".to_owned(), "Owner.Name".to_owned(), "id".to_owned()];
        assert_eq!(
            schema.select(&wanted).unwrap(),
            ["Id", "IsDeleted", "SystemModstamp", "name", "Owner.Name"]
        );
        let error = schema.select(&["Nmae".to_owned()]).unwrap_err();
        assert!(error.to_string().contains("Nmae"), "{error}");
    }

    #[test]
    fn the_cursor_is_the_best_field_that_can_be_filtered() {
        let fields = [("SystemModstamp", "datetime", false), ("CreatedDate", "datetime", true)];
        assert_eq!(schema(&fields).cursor(), Some("CreatedDate"));
        assert_eq!(schema(&[("Name", "string", true)]).cursor(), None);
    }

    #[test]
    fn drift_is_told_field_by_field() {
        let old = schema(&[("A", "string", true), ("B", "string", true)]);
        let new = schema(&[("B", "int", true), ("C", "string", true)]);
        let changes: Vec<String> = new.changes_since(&old).iter().map(ToString::to_string).collect();
        assert_eq!(changes, ["~B", "+C", "-A"]);
    }
}

//! `$metadata`: what a service says of its data, as a typed model with the annotations of SAP.

use std::collections::BTreeMap;

use super::Version;
use datalake_core::{Error, ErrorKind, Result};

mod diff;
mod parse;

pub(crate) use diff::diff;

/// A service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Metadata {
    pub(crate) version: Version,
    /// The entity sets by name.
    pub(crate) sets: BTreeMap<String, Set>,
    /// The entity types by qualified name.
    pub(crate) types: BTreeMap<String, EntityType>,
    /// The names of function imports.
    pub(crate) functions: Vec<String>,
}

/// An entity set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Set {
    /// The qualified name of its type.
    pub(crate) entity: String,
    /// Attributes of the namespace of SAP, and `change-tracking` by an annotation of version 4.
    pub(crate) sap: BTreeMap<String, String>,
}

/// An entity type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct EntityType {
    /// The qualified name of the type it extends.
    pub(crate) base: Option<String>,
    /// The names of the properties that are its key.
    pub(crate) key: Vec<String>,
    pub(crate) properties: Vec<Property>,
}

/// A property.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Property {
    pub(crate) name: String,
    /// `Edm.String` and the like.
    pub(crate) kind: String,
    pub(crate) nullable: bool,
    pub(crate) max_length: Option<String>,
    pub(crate) precision: Option<String>,
    /// A number, or `variable` or `floating`.
    pub(crate) scale: Option<String>,
    /// Attributes of the namespace of SAP: `label`, `semantics`, `unit`, `display-format`, `filterable`, `sortable` …
    pub(crate) sap: BTreeMap<String, String>,
}

impl Metadata {
    /// Reads a document. No DTD, no entities but those of XML itself, no more than 64 levels.
    ///
    /// # Errors
    /// `Unexpected` if it is no description of a service.
    pub(crate) fn parse(xml: &[u8]) -> Result<Self> {
        parse::parse(xml)
    }

    /// The type of a set, with everything it inherits.
    ///
    /// # Errors
    /// `NotFound` if there is no such set.
    pub(crate) fn entity(&self, set: &str) -> Result<EntityType> {
        let found = self.sets.get(set).ok_or_else(|| {
            let names: Vec<_> = self.sets.keys().map(String::as_str).take(20).collect();
            Error::new(ErrorKind::NotFound, "the service has no such entity set")
                .with("set", format_args!("{set:?}"))
                .with("sets", names.join(" "))
        })?;
        let mut whole = EntityType::default();
        let mut name = Some(&found.entity);
        for _ in 0..32 {
            let Some(entity) = name.and_then(|name| self.types.get(name)) else { break };
            if whole.key.is_empty() {
                whole.key.clone_from(&entity.key);
            }
            whole.properties.splice(0..0, entity.properties.iter().cloned());
            name = entity.base.as_ref();
        }
        Ok(whole)
    }

    /// Whether a set says that it tracks changes.
    pub(crate) fn tracks_changes(&self, set: &str) -> bool {
        let value = self.sets.get(set).and_then(|set| set.sap.get("change-tracking"));
        value.is_some_and(|value| value == "true")
    }
}

impl EntityType {
    /// A property by name.
    pub(crate) fn property(&self, name: &str) -> Option<&Property> {
        self.properties.iter().find(|property| property.name == name)
    }
}

impl Property {
    /// Whether an attribute of SAP says no, for instance `filterable`.
    pub(crate) fn denies(&self, attribute: &str) -> bool {
        self.sap.get(attribute).is_some_and(|value| value == "false")
    }
}

#[cfg(test)]
mod tests;

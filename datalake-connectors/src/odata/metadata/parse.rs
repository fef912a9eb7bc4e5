//! EDMX into the model.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};

use super::{EntityType, Metadata, Property, Set, Version};
use datalake_core::{Error, Result};

/// Deeper nesting is refused.
const MAX_DEPTH: usize = 64;

/// Reads a document.
pub(super) fn parse(xml: &[u8]) -> Result<Metadata> {
    let xml = std::str::from_utf8(xml).map_err(|_| odd("it is not UTF-8"))?;
    let mut reader = Reader::from_str(xml.trim_start_matches('\u{feff}'));
    let mut at = Place::default();
    let mut found = Found::default();
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => {
                at.enter(&start, &mut found)?;
                at.depth += 1;
                if at.depth > MAX_DEPTH {
                    return Err(odd("it is nested too deep"));
                }
            }
            Ok(Event::Empty(start)) => {
                at.enter(&start, &mut found)?;
                at.leave(start.local_name().as_ref(), &mut found);
            }
            Ok(Event::End(end)) => {
                at.depth = at.depth.saturating_sub(1);
                at.leave(end.local_name().as_ref(), &mut found);
            }
            Ok(Event::DocType(_)) => return Err(odd("it has a document type, which is not read")),
            Ok(Event::Eof) => break,
            Ok(_) => {}
            // An error of syntax is one of something that was not closed before the end.
            Err(cause @ quick_xml::Error::Syntax(_)) => {
                return Err(odd("it breaks off").retryable().caused_by(cause.to_string()));
            }
            Err(cause) => return Err(odd("it is no XML").caused_by(cause.to_string())),
        }
    }
    if at.depth != 0 {
        return Err(odd("it breaks off").retryable());
    }
    let version = found.version.ok_or_else(|| odd("it has no version that is known"))?;
    for (target, value) in found.tracked {
        let name = target.rsplit('/').next().unwrap_or_default();
        if let Some(set) = found.sets.get_mut(name) {
            set.sap.insert("change-tracking".to_owned(), value);
        }
    }
    Ok(Metadata { version, sets: found.sets, types: found.types, functions: found.functions })
}

#[derive(Default)]
struct Found {
    version: Option<Version>,
    sets: BTreeMap<String, Set>,
    types: BTreeMap<String, EntityType>,
    functions: Vec<String>,
    /// Targets of annotations, and whether they track changes.
    tracked: Vec<(String, String)>,
}

/// Where in the document we are.
#[derive(Default)]
struct Place {
    depth: usize,
    namespace: String,
    alias: Option<String>,
    entity: Option<(String, EntityType)>,
    in_key: bool,
    set: Option<String>,
    target: Option<String>,
    tracking: bool,
}

impl Place {
    fn enter(&mut self, start: &BytesStart<'_>, found: &mut Found) -> Result<()> {
        let mut all = attributes(start)?;
        let mut take = |name: &str| all.remove(name);
        match start.local_name().as_ref() {
            "Edmx" => {
                found.version = match take("Version").as_deref() {
                    Some("1.0") => Some(Version::V2),
                    Some(version) if version.starts_with("4.") => Some(Version::V4),
                    _ => None,
                };
            }
            "Schema" => {
                self.namespace = take("Namespace").unwrap_or_default();
                self.alias = take("Alias");
            }
            "EntityType" => {
                let name = format!("{}.{}", self.namespace, take("Name").unwrap_or_default());
                let base = take("BaseType").map(|base| self.qualified(&base));
                self.entity = Some((name, EntityType { base, ..EntityType::default() }));
            }
            "Key" => self.in_key = true,
            "PropertyRef" => {
                if let (true, Some((_, entity)), Some(name)) = (self.in_key, &mut self.entity, take("Name")) {
                    entity.key.push(name);
                }
            }
            "Property" => {
                if let (Some((_, entity)), Some(name)) = (&mut self.entity, take("Name")) {
                    let kind = take("Type").unwrap_or_default();
                    let nullable = take("Nullable").as_deref() != Some("false");
                    let (max_length, precision, scale) =
                        (take("MaxLength"), take("Precision"), take("Scale"));
                    let sap = of_sap(all);
                    entity.properties.push(Property {
                        name,
                        kind,
                        nullable,
                        max_length,
                        precision,
                        scale,
                        sap,
                    });
                }
            }
            "EntitySet" => {
                if let Some(name) = take("Name") {
                    let entity = take("EntityType").map(|name| self.qualified(&name)).unwrap_or_default();
                    found.sets.insert(name.clone(), Set { entity, sap: of_sap(all) });
                    self.set = Some(name);
                }
            }
            "FunctionImport" => found.functions.extend(take("Name")),
            "Annotations" => self.target = take("Target"),
            "Annotation" => {
                let term = take("Term").unwrap_or_default();
                self.tracking =
                    term.ends_with("Capabilities.V1.ChangeTracking") || term == "Capabilities.ChangeTracking";
            }
            "PropertyValue" if self.tracking && take("Property").as_deref() == Some("Supported") => {
                if let (Some(target), Some(value)) =
                    (self.set.as_ref().or(self.target.as_ref()), take("Bool"))
                {
                    found.tracked.push((target.clone(), value));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn leave(&mut self, name: &str, found: &mut Found) {
        match name {
            "EntityType" => found.types.extend(self.entity.take()),
            "Key" => self.in_key = false,
            "EntitySet" => self.set = None,
            "Annotations" => self.target = None,
            "Annotation" => self.tracking = false,
            _ => {}
        }
    }

    /// A qualified name with the namespace in the place of its alias.
    fn qualified(&self, name: &str) -> String {
        match (name.rsplit_once('.'), &self.alias) {
            (Some((alias, rest)), Some(own)) if alias == own => format!("{}.{rest}", self.namespace),
            _ => name.to_owned(),
        }
    }
}

/// The attributes of an element by name, those of SAP with their prefix.
fn attributes(start: &BytesStart<'_>) -> Result<BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    for attribute in start.attributes() {
        let attribute =
            attribute.map_err(|cause| odd("an attribute is none").caused_by(cause.to_string()))?;
        let name = attribute.key.as_ref().to_owned();
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|cause| odd("an attribute cannot be read").caused_by(cause.to_string()))?;
        all.insert(name, value.into_owned());
    }
    Ok(all)
}

fn of_sap(all: BTreeMap<String, String>) -> BTreeMap<String, String> {
    all.into_iter().filter_map(|(name, value)| Some((name.strip_prefix("sap:")?.to_owned(), value))).collect()
}

fn odd(why: &'static str) -> Error {
    Error::unexpected("the $metadata of the service cannot be read").with("reason", why)
}

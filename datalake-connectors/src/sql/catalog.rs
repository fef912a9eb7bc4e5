//! What the types of a database are.

use std::collections::{BTreeMap, BTreeSet};

use super::connection::Connection;
use super::value::{Field, Kind};
use datalake_core::{Error, Result};

/// Deeper than this, no type is made of others.
const DEEPEST: usize = 32;

/// What the catalogue says of a type.
#[derive(Debug)]
struct Entry {
    /// What the elements of an array are.
    element: Option<u32>,
    delimiter: char,
    /// What a domain is made of.
    base: Option<u32>,
    /// The attributes of a composite type.
    attributes: Vec<(String, u32)>,
}

/// The kinds of types, by their object ids. Asks the catalogue for those that not every database has.
///
/// # Errors
/// The catalogue cannot be read.
pub(super) async fn kinds(
    connection: &Connection,
    oids: impl IntoIterator<Item = u32>,
) -> Result<BTreeMap<u32, Kind>> {
    let wanted: BTreeSet<u32> = oids.into_iter().collect();
    let mut entries: BTreeMap<u32, Entry> = BTreeMap::new();
    let mut open = wanted.clone();
    for _ in 0..DEEPEST {
        open.retain(|oid| Kind::built_in(*oid).is_none() && !entries.contains_key(oid));
        if open.is_empty() {
            break;
        }
        let found = ask(connection, &open).await?;
        open = found.values().flat_map(Entry::parts).collect();
        entries.extend(found);
    }
    wanted.into_iter().map(|oid| Ok((oid, kind(oid, &entries, 0)?))).collect()
}

impl Entry {
    fn parts(&self) -> impl Iterator<Item = u32> {
        let attributes = self.attributes.iter().map(|(_, oid)| *oid);
        self.element.into_iter().chain(self.base).chain(attributes)
    }
}

/// The type that a domain is made of, or the type itself, and its class as the catalogue says it: `e` for an enum.
///
/// # Errors
/// The catalogue cannot be read.
pub(super) async fn base(connection: &Connection, oid: u32) -> Result<(u32, String)> {
    if Kind::built_in(oid).is_some() {
        return Ok((oid, "b".into()));
    }
    let rows = connection
        .rows(&format!(
            "WITH RECURSIVE made (oid, typtype, typbasetype) AS (\
             SELECT oid, typtype, typbasetype FROM pg_catalog.pg_type WHERE oid = {oid} UNION ALL \
             SELECT t.oid, t.typtype, t.typbasetype FROM pg_catalog.pg_type t JOIN made ON t.oid = made.typbasetype) \
             SELECT oid, typtype FROM made WHERE typtype <> 'd'"
        ))
        .await?;
    let Some([Some(oid), Some(class)]) = rows.first().map(|row| &row[..]) else { return Err(odd()) };
    Ok((oid.parse().map_err(|_| odd())?, class.clone()))
}

async fn ask(connection: &Connection, oids: &BTreeSet<u32>) -> Result<BTreeMap<u32, Entry>> {
    let list = oids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    let types = connection
        .rows(&format!(
            "SELECT oid, typtype, CASE WHEN typinput = 'array_in'::regproc THEN typelem ELSE 0 END, typdelim, typbasetype \
             FROM pg_catalog.pg_type WHERE oid IN ({list})"
        ))
        .await?;
    let mut entries = BTreeMap::new();
    for row in types {
        let [Some(oid), Some(class), Some(element), Some(delimiter), Some(base)] = &row[..] else {
            return Err(odd());
        };
        let some = |text: &str| text.parse().ok().filter(|oid| *oid != 0);
        let entry = Entry {
            element: some(element),
            delimiter: delimiter.chars().next().unwrap_or(','),
            base: some(base).filter(|_| class == "d"),
            attributes: Vec::new(),
        };
        entries.insert(some(oid).ok_or_else(odd)?, entry);
    }
    let attributes = connection
        .rows(&format!(
            "SELECT t.oid, a.attname, a.atttypid FROM pg_catalog.pg_type t \
             JOIN pg_catalog.pg_attribute a ON a.attrelid = t.typrelid \
             WHERE t.oid IN ({list}) AND t.typtype = 'c' AND a.attnum > 0 AND NOT a.attisdropped \
             ORDER BY t.oid, a.attnum"
        ))
        .await?;
    for row in attributes {
        let [Some(oid), Some(name), Some(kind)] = &row[..] else { return Err(odd()) };
        let oid = oid.parse().map_err(|_| odd())?;
        let of: &mut Entry = entries.get_mut(&oid).ok_or_else(odd)?;
        of.attributes.push((name.clone(), kind.parse().map_err(|_| odd())?));
    }
    Ok(entries)
}

/// The kind of a type. What the catalogue does not know, or what is no more than a text, is text.
fn kind(oid: u32, entries: &BTreeMap<u32, Entry>, depth: usize) -> Result<Kind> {
    if depth > DEEPEST {
        return Err(Error::config("a type of a column is nested too deeply"));
    }
    if let Some(kind) = Kind::built_in(oid) {
        return Ok(kind);
    }
    let Some(entry) = entries.get(&oid) else { return Ok(Kind::Text) };
    if let Some(base) = entry.base {
        return kind(base, entries, depth + 1);
    }
    if let Some(element) = entry.element {
        let of = Box::new(kind(element, entries, depth + 1)?);
        return Ok(Kind::Array { of, delimiter: entry.delimiter });
    }
    if entry.attributes.is_empty() {
        return Ok(Kind::Text);
    }
    let fields = entry.attributes.iter();
    let fields =
        fields.map(|(name, oid)| Ok(Field { name: name.clone(), kind: kind(*oid, entries, depth + 1)? }));
    Ok(Kind::Composite { fields: fields.collect::<Result<_>>()? })
}

fn odd() -> Error {
    Error::unexpected("the catalogue of the database says nothing of a type")
}

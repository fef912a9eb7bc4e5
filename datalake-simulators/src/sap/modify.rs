//! One row by its key, and calls that change rows.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::Inner;
use super::page::Place;
use crate::odata::error::Refusal;
use crate::odata::server::Request;
use crate::odata::{Entity, Key, Kind, Row, Value, Values, Version, literal};

/// The row with a key, as it is written in a URL.
pub(super) fn row(inner: &Inner, version: Version, entity: &Entity, key: &str) -> Result<Values, Refusal> {
    let key = parse(version, entity, key)?;
    let row = inner.system.table(&entity.set, |table| table.rows.get(&key).cloned()).flatten();
    row.ok_or_else(|| Refusal::missing("Resource not found"))
}

fn parse(version: Version, entity: &Entity, key: &str) -> Result<Key, Refusal> {
    let key = literal::parse_key(version, entity, key);
    key.map(Key).ok_or_else(|| Refusal::bad(format!("Invalid key predicate for type {}", entity.name)))
}

/// What was done.
pub(super) enum Done {
    /// A row was created.
    Created(Values),
    /// A row was changed or deleted.
    Changed,
}

/// Creates, changes or deletes a row as a client asks. Only properties whose JSON is the same in all versions can be given.
pub(super) fn modify(
    inner: &Inner,
    version: Version,
    entity: &Entity,
    place: &Place<'_>,
    request: &Request,
) -> Result<Done, Refusal> {
    let key = place.key.as_deref().map(|key| parse(version, entity, key)).transpose()?;
    let there = |key: &Key| inner.system.contains(&entity.set, key.clone());
    match (request.method.as_str(), key) {
        ("POST", None) => {
            let row = read(entity, &request.body)?;
            let key = Key(entity
                .keys()
                .iter()
                .map(|n| row.value(&entity.properties[*n].name).cloned().unwrap_or_default())
                .collect());
            if there(&key) {
                return Err(Refusal::new(400, "SY/530", "The row exists already"));
            }
            inner.system.create(&entity.set, row);
            let row = inner.system.table(&entity.set, |table| table.rows.get(&key).cloned()).flatten();
            row.map(Done::Created).ok_or_else(|| Refusal::missing("Resource not found"))
        }
        ("PUT" | "PATCH" | "MERGE", Some(key)) if there(&key) => {
            let mut row = read(entity, &request.body)?;
            for (n, part) in entity.keys().into_iter().zip(key.0) {
                row = row.with(&entity.properties[n].name, part);
            }
            inner.system.update(&entity.set, row);
            Ok(Done::Changed)
        }
        ("DELETE", Some(key)) if there(&key) => {
            inner.system.delete(&entity.set, key.0);
            Ok(Done::Changed)
        }
        (_, Some(key)) if !there(&key) => Err(Refusal::missing("Resource not found")),
        _ => Err(Refusal::new(405, "/IWFND/CM_BEC/033", "Method not allowed")),
    }
}

fn read(entity: &Entity, body: &[u8]) -> Result<Row, Refusal> {
    let body: BTreeMap<String, Json> =
        serde_json::from_slice(body).map_err(|error| Refusal::bad(format!("Malformed body: {error}")))?;
    let mut row = Row::new();
    for (name, json) in body {
        let index = entity.index(&name).ok_or_else(|| Refusal::bad(format!("Property {name} not found")))?;
        let value = match (entity.properties[index].kind, json) {
            (_, Json::Null) => Value::Null,
            (_, Json::Bool(truth)) => Value::Boolean(truth),
            (Kind::Decimal { .. }, Json::String(text)) => Value::Decimal(text),
            (Kind::Int64, Json::String(text)) => {
                text.parse().map(Value::Integer).map_err(|_| Refusal::bad(text))?
            }
            (Kind::Text { .. } | Kind::Guid, Json::String(text)) => Value::Text(text),
            (Kind::Int32 | Kind::Int64, Json::Number(number)) => {
                Value::Integer(number.as_i64().unwrap_or_default())
            }
            (Kind::Double, Json::Number(number)) => Value::Double(number.as_f64().unwrap_or_default()),
            (kind, json) => return Err(Refusal::bad(format!("{json} is no {kind:?}"))),
        };
        row = row.with(name, value);
    }
    Ok(row)
}

//! Searches, over an index that lags behind.

use std::cmp::Ordering;
use std::fmt::Write;
use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use super::filter::{Filter, Key, Operand};
use super::object::Record;
use super::portal::Portal;
use super::read::{parse, write_record};
use super::refused::Refused;
use crate::rest::{Answer, mix};

/// The most records on a page.
const PAGE: usize = 200;
const DEFAULT_PAGE: usize = 10;
const GROUPS: usize = 5;
const FILTERS: usize = 25;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Search {
    #[serde(default)]
    filter_groups: Vec<Group>,
    #[serde(default)]
    sorts: Vec<Sort>,
    #[serde(default)]
    properties: Vec<String>,
    limit: Option<usize>,
    #[serde(default)]
    after: Value,
}

#[derive(Deserialize)]
struct Group {
    filters: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Written {
    pub(super) property_name: String,
    pub(super) operator: String,
    #[serde(default)]
    pub(super) value: Value,
    #[serde(default)]
    pub(super) high_value: Value,
    #[serde(default)]
    pub(super) values: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Sort {
    Name(String),
    #[serde(rename_all = "camelCase")]
    By {
        property_name: String,
        #[serde(default)]
        direction: String,
    },
}

impl Portal {
    pub(super) fn search(&mut self, object: &str, body: &Bytes) -> Result<Answer, Refused> {
        self.turn += 1;
        let table = self.known(object)?;
        let search: Search = parse(body)?;
        let limit = search.limit.unwrap_or(DEFAULT_PAGE);
        if !(1..=PAGE).contains(&limit) {
            return Err(Refused::invalid(format!("limit must be between 1 and {PAGE}")));
        }
        let filters: usize = search.filter_groups.iter().map(|group| group.filters.len()).sum();
        if search.filter_groups.len() > GROUPS || filters > FILTERS {
            return Err(Refused::invalid(format!(
                "a search has at most {GROUPS} groups and {FILTERS} filters"
            )));
        }
        let after = match &search.after {
            Value::Null => 0,
            Value::String(text) if text.is_empty() => 0,
            Value::String(text) => text.parse().map_err(|_| Refused::invalid("after is invalid"))?,
            Value::Number(number) => number.as_u64().unwrap_or(u64::MAX).try_into().unwrap_or(usize::MAX),
            _ => return Err(Refused::invalid("after is invalid")),
        };
        let cap = self.settings.search_cap;
        if after >= cap {
            let message = format!("Paging through results is limited to {cap}; after is {after}");
            return Err(Refused::invalid(message));
        }
        let groups = search.filter_groups.iter().map(|group| {
            group
                .filters
                .iter()
                .map(|written| Filter::new(&table.object, written))
                .collect::<Result<Vec<_>, _>>()
        });
        let groups = groups.collect::<Result<Vec<_>, _>>()?;
        let fits = |record: &&Arc<Record>| {
            groups.is_empty() || groups.iter().any(|filters| filters.iter().all(|filter| filter.fits(record)))
        };
        let mut found: Vec<&Arc<Record>> = table.index.values().filter(fits).collect();
        let total = found.len();
        let end = (after + limit).min(total).min(cap);
        let sort = self.order(&search.sorts, table)?;
        if let Some(order) = sort {
            if end > 0 && end < total {
                found.select_nth_unstable_by(end - 1, |a, b| order(a, b));
                found.truncate(end);
            }
            found.sort_unstable_by(|a, b| order(a, b));
        }
        let mut text = format!("{{\"total\":{total},\"results\":[");
        let page = found.get(after.min(found.len())..end.min(found.len())).unwrap_or_default();
        for (n, record) in page.iter().enumerate() {
            if n > 0 {
                text.push(',');
            }
            write_record(&mut text, &table.object, record, &search.properties);
        }
        text.push(']');
        if end < total && end > after {
            // Writing to a text does not fail.
            write!(text, ",\"paging\":{{\"next\":{{\"after\":\"{end}\"}}}}").ok();
        }
        text.push('}');
        Ok(Answer::json(200, text))
    }

    /// How records are ordered; not at all beyond their ids if the client does not say. What is sorted alike comes in
    /// an order that is not that of the ids.
    fn order(
        &self,
        sorts: &[Sort],
        table: &super::portal::Table,
    ) -> Result<Option<impl Fn(&Record, &Record) -> Ordering + use<>>, Refused> {
        let (name, descending) = match sorts {
            [] => return Ok(None),
            [Sort::Name(name)] => (name.trim_start_matches('-'), name.starts_with('-')),
            [Sort::By { property_name, direction }] => (property_name.as_str(), direction == "DESCENDING"),
            _ => return Err(Refused::invalid("a search has at most one sort")),
        };
        let key = Key::new(&table.object, name)?;
        if matches!(key, Key::Id) && !descending {
            return Ok(None);
        }
        let seed = if self.settings.unstable_ties { self.turn } else { 0 };
        Ok(Some(move |a: &Record, b: &Record| {
            let by = |a: Operand, b: Operand| if descending { b.compare(&a) } else { a.compare(&b) };
            by(key.of(a), key.of(b)).then_with(|| mix(seed, a.id).cmp(&mix(seed, b.id)))
        }))
    }
}

//! The options of a query, and the rows it finds.

use std::cmp::Ordering;
use std::sync::Arc;

use super::error::Refusal;
use super::filter::Filter;
use super::system::Values;
use super::{Entity, Version};

/// What is asked of a set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query {
    pub(crate) filter: Option<Filter>,
    pub(crate) filter_text: String,
    order: Vec<(usize, bool)>,
    pub(crate) skip: usize,
    pub(crate) top: Option<usize>,
    pub(crate) select: Option<Vec<usize>>,
    pub(crate) count: bool,
    /// The ways to other sets that are expanded.
    pub(crate) expand: Vec<usize>,
    /// `$format`
    pub(crate) format: Option<String>,
    /// The names of the options that were given.
    pub(crate) given: Vec<String>,
}

impl Query {
    /// Reads the options. Those without a dollar are not of OData and are let through.
    pub(crate) fn parse(
        version: Version,
        entity: &Entity,
        params: &[(String, String)],
    ) -> Result<Self, Refusal> {
        let mut query = Self::default();
        for (name, value) in params.iter().filter(|(name, _)| name.starts_with('$')) {
            if query.given.contains(name) {
                return Err(Refusal::bad(format!("{name} is given twice")));
            }
            query.given.push(name.clone());
            let number = || value.parse().map_err(|_| Refusal::bad(format!("{name}={value} is no number")));
            match (name.as_str(), version) {
                ("$filter", _) => {
                    let filter = Filter::parse(version, entity, value).map_err(Refusal::bad)?;
                    query.filter = Some(filter);
                    query.filter_text.clone_from(value);
                }
                ("$orderby", _) => query.order = order(entity, value)?,
                ("$skip", _) => query.skip = number()?,
                ("$top", _) => query.top = Some(number()?),
                ("$select", _) if value == "*" => {}
                ("$select", _) => {
                    let names = value.split(',').map(|name| property(entity, name.trim()));
                    query.select = Some(names.collect::<Result<_, _>>()?);
                }
                ("$expand", _) => {
                    let names = value.split(',').map(|name| {
                        let found = entity.navigations.iter().position(|way| way.name == name.trim());
                        found.ok_or_else(|| Refusal::bad(format!("Navigation property {name} not found")))
                    });
                    query.expand = names.collect::<Result<_, _>>()?;
                }
                ("$inlinecount", Version::V2) => query.count = value == "allpages",
                ("$count", Version::V4) => query.count = value == "true",
                ("$format", _) => query.format = Some(value.clone()),
                _ => return Err(Refusal::bad(format!("The query option {name} is not supported"))),
            }
        }
        Ok(query)
    }

    /// The properties that are shown, in the order of the type. In V4 a key that is not selected is not shown either.
    pub(crate) fn shown(&self, entity: &Entity) -> Vec<usize> {
        let all = 0..entity.properties.len();
        all.filter(|n| self.select.as_ref().is_none_or(|select| select.contains(n))).collect()
    }

    pub(crate) fn holds(&self, row: &Values) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.holds(row))
    }

    /// All rows that it finds, sorted, without regard to pages. Rows that sort alike come in an order that the seed makes,
    /// or in that of their keys.
    pub(crate) fn find(&self, rows: impl Iterator<Item = Values>, seed: Option<u64>) -> Vec<Values> {
        let mut found: Vec<_> = rows.filter(|row| self.holds(row)).collect();
        if let Some(seed) = seed {
            let mut state = seed;
            for n in (1..found.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                found.swap(n, (state >> 33) as usize % (n + 1));
            }
        }
        if !self.order.is_empty() {
            found.sort_by(|one, two| self.compare(one, two));
        }
        found
    }

    /// The part of those found that `$skip` and `$top` leave.
    pub(crate) fn part(&self, found: Vec<Values>) -> Vec<Values> {
        found.into_iter().skip(self.skip).take(self.top.unwrap_or(usize::MAX)).collect()
    }

    fn compare(&self, one: &Arc<[super::Value]>, two: &Arc<[super::Value]>) -> Ordering {
        let orders = self.order.iter().map(|(property, down)| {
            let order = one[*property].compare(&two[*property]);
            if *down { order.reverse() } else { order }
        });
        orders.fold(Ordering::Equal, Ordering::then)
    }
}

fn property(entity: &Entity, name: &str) -> Result<usize, Refusal> {
    entity
        .index(name)
        .ok_or_else(|| Refusal::bad(format!("Property {name} not found in type {}", entity.name)))
}

fn order(entity: &Entity, text: &str) -> Result<Vec<(usize, bool)>, Refusal> {
    let parts = text.split(',').map(|part| {
        let mut words = part.split_whitespace();
        let name = words.next().unwrap_or_default();
        let index = property(entity, name)?;
        if !entity.properties[index].filterable {
            return Err(Refusal::bad(format!("Property {name} is not sortable")));
        }
        match (words.next(), words.next()) {
            (None | Some("asc"), None) => Ok((index, false)),
            (Some("desc"), None) => Ok((index, true)),
            _ => Err(Refusal::bad(format!("{part} is no order"))),
        }
    });
    parts.collect()
}

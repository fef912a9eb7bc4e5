//! What became of rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::feed::Item;
use super::query::Query;
use super::system::{Change, System};
use super::value::Key;

/// What became of the rows that changed after a position in the log, each once: those that are there first, in the order of
/// their last change, those that are not last. And the position after it.
pub(crate) fn changes(system: &System, set: &str, query: &Query, position: usize) -> (Vec<Item>, usize) {
    let gathered = system.table(set, |table| {
        let mut last: BTreeMap<&Key, (usize, &Change)> = BTreeMap::new();
        for (n, change) in table.log.iter().enumerate().skip(position) {
            last.insert(&change.key, (n, change));
        }
        let mut last: Vec<_> = last.into_values().collect();
        last.sort_by_key(|(n, _)| *n);
        let (mut there, mut gone) = (Vec::new(), Vec::new());
        for (_, change) in last {
            match &change.after {
                Some(row) if query.holds(row) => there.push(Item::Row(Arc::clone(row))),
                Some(_) => gone.push(Item::Removed(change.key.0.clone(), "changed", change.at)),
                None => gone.push(Item::Removed(change.key.0.clone(), "deleted", change.at)),
            }
        }
        there.append(&mut gone);
        (there, table.log.len())
    });
    gathered.unwrap_or_default()
}

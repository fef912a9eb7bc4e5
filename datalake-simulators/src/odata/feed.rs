//! Answers of several pages, and the links from one to the next.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::entity::Entity;
use super::literal::plain;
use super::query::Query;
use super::system::Values;
use super::value::Value;

/// An entry of a page.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    Row(Values),
    /// A row that is no more, or no more of those asked for: its key, why, and since when.
    Removed(Vec<Value>, &'static str, i64),
}

/// Where the entries come from.
#[derive(Debug, Clone)]
pub(crate) enum Items {
    /// They were gathered when the first page was asked for.
    Fixed(Arc<[Item]>),
    /// They are looked for anew with every page, which begins so many rows after the first.
    Live(Box<Query>),
}

/// What the last page carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    Nothing,
    /// A delta link: path and query.
    Delta(String),
    /// The same in the place of a link to the next page.
    Next(String),
}

/// An answer of several pages.
#[derive(Debug, Clone)]
pub(crate) struct Feed {
    pub(crate) entity: Arc<Entity>,
    /// The name of the set that was asked.
    pub(crate) set: String,
    pub(crate) shown: Vec<usize>,
    /// The ways to other sets that are expanded.
    pub(crate) expand: Vec<usize>,
    pub(crate) items: Items,
    /// Entries of a page.
    pub(crate) size: usize,
    /// The number of all, if it was asked for.
    pub(crate) count: Option<usize>,
    /// Whether it is of changes.
    pub(crate) changes: bool,
    pub(crate) end: End,
    /// The path, and the query without what says which page.
    pub(crate) base: String,
}

impl Feed {
    /// A tag that is another one when the row is.
    pub(crate) fn etag(&self, row: &Values) -> String {
        let mut hash = std::hash::DefaultHasher::new();
        for (property, value) in self.entity.properties.iter().zip(row.iter()) {
            plain(property.kind, value).hash(&mut hash);
        }
        format!("{:016x}", hash.finish())
    }
}

/// A page of it.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    pub(crate) feed: &'a Feed,
    pub(crate) items: Vec<Item>,
    /// Path and query of the next page.
    pub(crate) next: Option<String>,
    /// Path and query of the changes after it.
    pub(crate) delta: Option<String>,
    /// Whether it is the first.
    pub(crate) first: bool,
}

/// The links that were given: path and query, byte for byte, and what they lead to.
#[derive(Debug, Default)]
pub(crate) struct Links {
    given: HashMap<String, (Arc<Feed>, usize)>,
    n: u64,
}

impl Links {
    /// Where a link leads that was given, if it comes back as it was.
    pub(crate) fn follow(&self, target: &str) -> Option<(Arc<Feed>, usize)> {
        self.given.get(target).cloned()
    }

    /// Forgets all links to pages.
    pub(crate) fn clear(&mut self) {
        self.given.clear();
    }

    /// The page that begins with an entry. `live` gives all entries of a feed that is looked for anew. `token` writes the
    /// part of a link that says which page.
    pub(crate) fn page<'a>(
        &mut self,
        feed: &'a Arc<Feed>,
        from: usize,
        live: impl FnOnce(&Query) -> Vec<Values>,
        token: impl FnOnce(&str) -> String,
    ) -> Page<'a> {
        let (items, all): (Vec<_>, _) = match &feed.items {
            Items::Fixed(items) => (items.iter().skip(from).take(feed.size).cloned().collect(), items.len()),
            Items::Live(query) => {
                let rows = live(query);
                let all = rows.len();
                (rows.into_iter().skip(from).take(feed.size).map(Item::Row).collect(), all)
            }
        };
        let to = from + items.len();
        let next = (to < all).then(|| {
            self.n += 1;
            let secret = STANDARD.encode(format!("$cursor={}&$offset={to}", self.n));
            let secret = utf8_percent_encode(&secret, NON_ALPHANUMERIC).to_string();
            let separator = if feed.base.contains('?') { '&' } else { '?' };
            let link = format!("{}{separator}{}", feed.base, token(&secret));
            self.given.insert(link.clone(), (Arc::clone(feed), to));
            link
        });
        let (next, delta) = match (next, &feed.end) {
            (Some(next), _) => (Some(next), None),
            (None, End::Delta(link)) => (None, Some(link.clone())),
            (None, End::Next(link)) => (Some(link.clone()), None),
            (None, End::Nothing) => (None, None),
        };
        Page { feed, items, next, delta, first: from == 0 }
    }
}

/// A query as it was sent without some of its options.
pub(crate) fn without(query: &str, names: &[&str]) -> String {
    let kept = query.split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default().replace("%24", "$");
        !pair.is_empty() && !names.contains(&name.as_str())
    });
    kept.collect::<Vec<_>>().join("&")
}

/// Path and query together.
pub(crate) fn target(path: &str, query: &str) -> String {
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

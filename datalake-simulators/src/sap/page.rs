//! What the services have in common: pages, and the marks that delta tokens stand for.

use std::sync::Arc;

use super::Inner;
use super::builder::{Builder, Links, Paging};
use crate::odata::error::Refusal;
use crate::odata::feed::{End, Feed, Item, Items, Page};
use crate::odata::query::Query;
use crate::odata::server::{Answer, Request};
use crate::odata::{Entity, Version, feed, lock};

/// What a delta token stands for: a set, what was asked of it, and how far its changes were told.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) set: String,
    pub(super) params: Vec<(String, String)>,
    pub(super) position: usize,
}

/// What is asked for: a set, or a row of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place<'a> {
    pub(super) set: String,
    /// The text in the parentheses, decoded.
    pub(super) key: Option<String>,
    /// What follows, for instance `$count`.
    pub(super) rest: &'a str,
}

impl<'a> Place<'a> {
    /// Reads the path below the root of a service.
    pub(super) fn parse(path: &'a str) -> Option<Self> {
        let (head, rest) = path.split_once('/').unwrap_or((path, ""));
        let head = percent_encoding::percent_decode_str(head).decode_utf8_lossy().into_owned();
        match head.split_once('(') {
            Some((set, key)) => {
                Some(Self { set: set.to_owned(), key: Some(key.strip_suffix(')')?.to_owned()), rest })
            }
            None => Some(Self { set: head, key: None, rest }),
        }
    }
}

impl Inner {
    /// The type of a set.
    pub(super) fn entity(&self, set: &str) -> Result<Arc<Entity>, Refusal> {
        let entity = self.system.table(set, |table| Arc::clone(&table.entity));
        entity.ok_or_else(|| Refusal::missing(format!("Resource not found for the segment '{set}'")))
    }

    /// The rows that a query finds now, with `$skip` and `$top`.
    pub(super) fn find(&self, settings: &Builder, set: &str, query: &Query) -> Vec<crate::odata::Values> {
        let seed = self.shuffle(settings);
        let found = self.system.table(set, |table| query.find(table.rows.values().cloned(), seed));
        query.part(found.unwrap_or_default())
    }

    /// The rows that a way leads to from the row of a place, as one page.
    pub(super) fn along(
        &self,
        version: Version,
        entity: &Entity,
        place: &Place<'_>,
        request: &Request,
    ) -> Result<Arc<Feed>, Refusal> {
        let row = super::modify::row(self, version, entity, place.key.as_deref().unwrap_or_default())?;
        let way = entity.navigations.iter().position(|way| way.name == place.rest);
        let related = way.and_then(|way| self.system.related(entity, way, &row));
        let (other, rows) =
            related.ok_or_else(|| Refusal::missing(format!("No such segment: {}", place.rest)))?;
        let query = Query::parse(version, &other, &request.params())?;
        let rows = query.part(query.find(rows.into_iter(), None));
        let items = Items::Fixed(rows.into_iter().map(Item::Row).collect());
        Ok(Arc::new(feed(&other, request, &query, items, usize::MAX, End::Nothing)))
    }

    /// The number of rows that a query finds without regard to `$skip` and `$top`.
    pub(super) fn count(&self, set: &str, query: &Query) -> usize {
        let count =
            self.system.table(set, |table| table.rows.values().filter(|row| query.holds(row)).count());
        count.unwrap_or_default()
    }

    /// The rows of a query as pages, and the position in the log at the time.
    pub(super) fn rows(&self, settings: &Builder, set: &str, query: &Query, fixed: bool) -> (Items, usize) {
        if !fixed && settings.paging == Paging::Offset {
            return (Items::Live(Box::new(query.clone())), 0);
        }
        let seed = self.shuffle(settings);
        let found = self.system.table(set, |table| {
            (query.part(query.find(table.rows.values().cloned(), seed)), table.log.len())
        });
        let (rows, position) = found.unwrap_or_default();
        (Items::Fixed(rows.into_iter().map(Item::Row).collect()), position)
    }

    /// Remembers a mark and gives its token.
    pub(super) fn mark(&self, mark: Mark) -> String {
        let mut marks = lock(&self.marks);
        let token = format!("{:04}_{:012}", marks.len() + 1, mark.position);
        marks.insert(token.clone(), mark);
        token
    }

    /// The mark of a token that holds.
    pub(super) fn marked(&self, settings: &Builder, token: &str) -> Result<Mark, Refusal> {
        let mark = lock(&self.marks).get(token).cloned();
        mark.ok_or_else(|| {
            Refusal::new(
                settings.expired_status,
                "/IWFND/CM_MGW_RT/108",
                "The delta token is invalid or has expired",
            )
        })
    }

    /// A page of a feed.
    pub(super) fn page<'a>(
        &self,
        settings: &Builder,
        version: Version,
        feed: &'a Arc<Feed>,
        from: usize,
    ) -> Page<'a> {
        let live = |query: &Query| self.find(settings, &feed.set, query);
        let token = |secret: &str| match version {
            Version::V2 => format!("$skiptoken='{secret}'"),
            Version::V4 => format!("%24skiptoken={secret}"),
        };
        lock(&self.links).page(feed, from, live, token)
    }

    /// The page that a link leads to, if the request is one.
    pub(super) fn followed(&self, request: &Request) -> Result<Option<(Arc<Feed>, usize)>, Refusal> {
        let found = lock(&self.links).follow(&request.target());
        if found.is_none() && request.params().iter().any(|(name, _)| name == "$skiptoken") {
            return Err(Refusal::bad("The skip token is invalid"));
        }
        Ok(found)
    }

    /// A link as an answer of V2 has it.
    pub(super) fn absolute(settings: &Builder, request: &Request, target: &str) -> String {
        origin(&settings.links, request) + target
    }
}

/// The origin of links.
fn origin(links: &Links, request: &Request) -> String {
    match links {
        Links::Usual | Links::Absolute => format!("http://{}", request.header("host").unwrap_or("localhost")),
        Links::Localhost => "http://localhost:4004".into(),
        Links::To(origin) => origin.trim_end_matches('/').to_owned(),
    }
}

/// A link as an answer of V4 has it: below the root of the service, or whole.
pub(super) fn v4_link(settings: &Builder, request: &Request, target: &str) -> String {
    match settings.links {
        Links::Usual => target.strip_prefix(super::V4).unwrap_or(target).to_owned(),
        _ => Inner::absolute(settings, request, target),
    }
}

/// The feed of a query, from its first page.
pub(super) fn feed(
    entity: &Arc<Entity>,
    request: &Request,
    query: &Query,
    items: Items,
    size: usize,
    end: End,
) -> Feed {
    let base = feed::without(&request.query, &["$skiptoken", "$skip", "$top"]);
    Feed {
        entity: Arc::clone(entity),
        set: entity.set.clone(),
        shown: query.shown(entity),
        expand: query.expand.clone(),
        items,
        size,
        count: None,
        changes: false,
        end,
        base: feed::target(&request.path, &base),
    }
}

/// The number of entries of a page: what the client prefers, if it is heeded and less.
pub(super) fn size(settings: &Builder, request: &Request, heeded: bool) -> (usize, Option<String>) {
    let wish = request.preference("maxpagesize").and_then(|text| text.parse::<usize>().ok());
    match wish.filter(|wish| heeded && *wish > 0) {
        Some(wish) => {
            let size = wish.min(settings.page);
            (size, Some(format!("odata.maxpagesize={size}")))
        }
        None => (settings.page, None),
    }
}

/// Puts the link that was asked for in the place of the link to the next page.
pub(super) fn with_same_link(
    settings: &Builder,
    version: Version,
    request: &Request,
    mut answer: Answer,
) -> Answer {
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let (name, link) = match (version, settings.bare_names) {
        (Version::V2, _) => ("\"__next\":", Inner::absolute(settings, request, &request.target())),
        (Version::V4, true) => ("\"@nextLink\":", v4_link(settings, request, &request.target())),
        (Version::V4, false) => ("\"@odata.nextLink\":", v4_link(settings, request, &request.target())),
    };
    if let Some(at) = text.find(name) {
        let (head, tail) = text.split_at(at + name.len());
        let rest =
            tail.get(1..).and_then(|tail| tail.find('"').map(|end| &tail[end + 1..])).unwrap_or_default();
        answer.body = format!("{head}{}{rest}", crate::odata::write::quoted(&link)).into();
    }
    answer
}

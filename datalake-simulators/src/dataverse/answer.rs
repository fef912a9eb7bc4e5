//! The service.

use std::sync::Arc;

use chrono::DateTime;

use super::Inner;
use super::builder::Builder;
use crate::odata::changes::changes;
use crate::odata::edmx::{self, Shown};
use crate::odata::error::Refusal;
use crate::odata::feed::{self, End, Feed, Item, Items, Page};
use crate::odata::query::Query;
use crate::odata::server::{Answer, Request};
use crate::odata::write::{quoted, value};
use crate::odata::{Entity, Key, Value, Version, literal, lock, metadata};

const VERSION: Version = Version::V4;

/// What a delta link stands for.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    set: String,
    select: Vec<(String, String)>,
    position: usize,
    at: i64,
    expired: bool,
}

impl Mark {
    pub(super) fn expire(&mut self) {
        self.expired = true;
    }
}

pub(super) fn answer(inner: &Inner, settings: &Builder, request: &Request, path: &str) -> Answer {
    let answered = match path {
        "$metadata" => {
            let entities = inner.system.entities();
            let shown = entities.iter().map(|entity| Shown {
                entity,
                set: entity.set.clone(),
                attributes: String::new(),
            });
            let tracked = request.param("annotations").is_some_and(|wish| wish == "true");
            let shown: Vec<_> = shown.collect();
            Ok(metadata(request, edmx::v4("Microsoft.Dynamics.CRM", &shown, tracked))
                .with("odata-version", "4.0"))
        }
        "EntityDefinitions" => Ok(definitions(inner, settings, request)),
        _ if request.method != "GET" => Err(Refusal::new(405, "0x80060888", "Only reading is simulated")),
        _ => resource(inner, settings, request, path),
    };
    answered.unwrap_or_else(|refusal| {
        // Codes of the service, but for those that it gives itself.
        let code = if refusal.code.starts_with("0x") { refusal.code } else { "0x80060888".into() };
        Refusal { code, ..refusal }.answer(VERSION, false)
    })
}

/// The types, and whether their changes are tracked.
fn definitions(inner: &Inner, settings: &Builder, request: &Request) -> Answer {
    let wanted =
        request.param("$filter").is_some_and(|filter| filter.trim() == "ChangeTrackingEnabled eq true");
    let entities = inner.system.entities();
    let rows = entities.iter().filter_map(|entity| {
        let tracked = !settings.untracked.contains(&entity.set);
        (tracked || !wanted).then(|| {
            let (name, set) = (quoted(&entity.name), quoted(&entity.set));
            format!("{{\"LogicalName\":{name},\"EntitySetName\":{set},\"ChangeTrackingEnabled\":{tracked}}}")
        })
    });
    let context = quoted(&(root(request) + "$metadata#EntityDefinitions"));
    json(format!("{{\"@odata.context\":{context},\"value\":[{}]}}", rows.collect::<Vec<_>>().join(",")))
}

fn resource(inner: &Inner, settings: &Builder, request: &Request, path: &str) -> Result<Answer, Refusal> {
    let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned();
    let (set, key) = match path.split_once('(') {
        Some((set, key)) => {
            (set, Some(key.strip_suffix(')').ok_or_else(|| Refusal::missing("No such resource"))?))
        }
        None => (path.as_str(), None),
    };
    let entity = inner.system.table(set, |table| Arc::clone(&table.entity));
    let entity = entity.ok_or_else(|| {
        Refusal::new(404, "0x8006088a", format!("Resource not found for the segment '{set}'."))
    })?;
    let followed = lock(&inner.links).follow(&request.target());
    if let Some((feed, from)) = followed {
        return Ok(page(inner, settings, request, &feed, from));
    }
    if let Some(mark) = mark(inner, settings, request)? {
        return delta(inner, settings, request, &entity, &mark);
    }
    let query = Query::parse(VERSION, &entity, &request.params())?;
    if query.given.iter().any(|name| name == "$skip") {
        return Err(Refusal::bad("Skip clause is not supported in CRM"));
    }
    if let Some(key) = key {
        return one(inner, request, &entity, &query, key);
    }
    let tracked = request.preference("track-changes").is_some();
    if tracked {
        trackable(settings, &entity, &query, request)?;
    }
    let found = inner.system.table(set, |table| {
        let found = query.find(table.rows.values().cloned(), None);
        (found.len(), query.part(found), table.log.len())
    });
    let (count, rows, position) = found.unwrap_or_default();
    let end =
        if tracked { End::Delta(link(inner, &entity, select(request), position)) } else { End::Nothing };
    let items = Items::Fixed(rows.into_iter().map(Item::Row).collect());
    let mut feed = feed(settings, request, &entity, &query, items, end);
    feed.count = query.count.then_some(count.min(5000));
    let answer = page(inner, settings, request, &Arc::new(feed), 0);
    let mut applied = Vec::new();
    if tracked {
        applied.push("odata.track-changes".to_owned());
    }
    if let Some(size) = preferred(request) {
        applied.push(format!("odata.maxpagesize={size}"));
    }
    Ok(if applied.is_empty() { answer } else { answer.with("preference-applied", applied.join(",")) })
}

/// Refuses to track the changes of a part, and of what is not tracked.
fn trackable(settings: &Builder, entity: &Entity, query: &Query, request: &Request) -> Result<(), Refusal> {
    let part = ["$filter", "$orderby", "$expand", "$top"];
    if let Some(name) = part.into_iter().find(|name| query.given.iter().any(|given| given == name)) {
        return Err(Refusal::bad(format!(
            "The {name} query parameter is not supported when tracking changes."
        )));
    }
    if request.params().iter().any(|(name, _)| name == "$expand") {
        return Err(Refusal::bad("The $expand query parameter is not supported when tracking changes."));
    }
    if settings.untracked.contains(&entity.set) {
        let message = format!("The entity '{}' does not have change tracking enabled.", entity.name);
        return Err(Refusal::new(400, "0x80044356", message));
    }
    Ok(())
}

/// The columns that were selected, which a delta link keeps.
fn select(request: &Request) -> Vec<(String, String)> {
    request.params().into_iter().filter(|(name, _)| name == "$select").collect()
}

fn preferred(request: &Request) -> Option<usize> {
    request.preference("maxpagesize").and_then(|size| size.parse().ok()).filter(|size| *size > 0)
}

fn feed(
    settings: &Builder,
    request: &Request,
    entity: &Arc<Entity>,
    query: &Query,
    items: Items,
    end: End,
) -> Feed {
    let size = preferred(request).map_or(settings.page, |wish| wish.min(settings.page));
    let base = feed::without(&request.query, &["$skiptoken", "$top", "$deltatoken"]);
    Feed {
        entity: Arc::clone(entity),
        set: entity.set.clone(),
        shown: with_key(entity, query),
        expand: Vec::new(),
        items,
        size,
        count: None,
        changes: false,
        end,
        base: feed::target(&request.path, &base),
    }
}

/// The selected columns. The key is always there.
fn with_key(entity: &Entity, query: &Query) -> Vec<usize> {
    let shown = query.shown(entity);
    (0..entity.properties.len()).filter(|n| shown.contains(n) || entity.properties[*n].key).collect()
}

/// A link to the changes after a position, which is to be taken byte for byte.
fn link(inner: &Inner, entity: &Entity, select: Vec<(String, String)>, position: usize) -> String {
    let at = inner.system.now();
    let mut marks = lock(&inner.marks);
    let n = 919_042 + marks.len();
    let time =
        DateTime::from_timestamp_millis(at).unwrap_or_default().format("%m%%2f%d%%2f%Y%%20%H%%3a%M%%3a%S");
    let columns: String = select.iter().map(|(name, value)| format!("{name}={value}&")).collect();
    let link = format!("{}{}?{columns}$deltatoken={n}%21{time}", super::API, entity.set);
    marks.insert(link.clone(), Mark { set: entity.set.clone(), select, position, at, expired: false });
    link
}

/// The mark of a request for changes, if it is one.
fn mark(inner: &Inner, settings: &Builder, request: &Request) -> Result<Option<Mark>, Refusal> {
    if !request.params().iter().any(|(name, _)| name == "$deltatoken") {
        return match request.params().iter().any(|(name, _)| name == "$skiptoken") {
            true => Err(Refusal::new(400, "0x80041129", "The paging cookie is malformed or has expired.")),
            false => Ok(None),
        };
    }
    let mark = lock(&inner.marks).get(&request.target()).cloned();
    let mark = mark.ok_or_else(|| Refusal::bad("The delta token is malformed."))?;
    let old = inner.system.now() - mark.at > settings.delta_days * 86_400_000;
    if mark.expired || old {
        let message = "Version stamp associated with the client has expired. Please perform a full sync.";
        return Err(Refusal::new(settings.expired_status, "0x80044352", message));
    }
    Ok(Some(mark))
}

fn delta(
    inner: &Inner,
    settings: &Builder,
    request: &Request,
    entity: &Arc<Entity>,
    mark: &Mark,
) -> Result<Answer, Refusal> {
    let query = Query::parse(VERSION, entity, &mark.select)?;
    let (items, position) = changes(&inner.system, &mark.set, &query, mark.position);
    let end = End::Delta(link(inner, entity, mark.select.clone(), position));
    let mut feed = feed(settings, request, entity, &query, Items::Fixed(items.into()), end);
    feed.changes = true;
    Ok(page(inner, settings, request, &Arc::new(feed), 0))
}

fn one(
    inner: &Inner,
    request: &Request,
    entity: &Arc<Entity>,
    query: &Query,
    key: &str,
) -> Result<Answer, Refusal> {
    let key = literal::parse_key(VERSION, entity, key).map(Key).ok_or_else(|| Refusal::bad("Invalid key"))?;
    let row = inner.system.table(&entity.set, |table| table.rows.get(&key).cloned()).flatten();
    let row =
        row.ok_or_else(|| Refusal::new(404, "0x80040217", format!("{} does not exist", entity.name)))?;
    let context = quoted(&format!("{}$metadata#{}/$entity", root(request), entity.set));
    let mut out = format!("{{\"@odata.context\":{context}");
    members(&mut out, entity, &with_key(entity, query), &row, annotated(request));
    out.push('}');
    Ok(json(out))
}

/// Whether values are wished as a person reads them, too.
fn annotated(request: &Request) -> bool {
    request.preference("include-annotations").is_some_and(|wish| wish.contains('*'))
}

fn page(inner: &Inner, settings: &Builder, request: &Request, feed: &Arc<Feed>, from: usize) -> Answer {
    let token = |secret: &str| {
        format!("$skiptoken=%3Ccookie%20pagenumber=%22{secret}%22%20istracking=%22False%22%20/%3E")
    };
    let page = lock(&inner.links).page(feed, from, |_| Vec::new(), token);
    write(settings, request, &page)
}

fn write(settings: &Builder, request: &Request, page: &Page<'_>) -> Answer {
    let Feed { entity, shown, changes, .. } = page.feed;
    let root = root(request);
    let context = format!("{root}$metadata#{}{}", entity.set, if *changes { "/$delta" } else { "" });
    let mut out = format!("{{\"@odata.context\":{}", quoted(&context));
    if let Some(count) = page.feed.count {
        out.push_str(&format!(",\"@odata.count\":{count}"));
    }
    out.push_str(",\"value\":[");
    for (n, item) in page.items.iter().enumerate() {
        out.push_str(if n == 0 { "{" } else { ",{" });
        match item {
            Item::Row(row) => {
                out.push_str(&format!("\"@odata.etag\":\"W/\\\"{}\\\"\"", page.feed.etag(row)));
                members(&mut out, entity, shown, row, annotated(request));
            }
            Item::Removed(key, reason, _) => {
                let context = quoted(&format!("{root}$metadata#{}/$deletedEntity", entity.set));
                let id: Vec<_> = entity
                    .keys()
                    .into_iter()
                    .zip(key)
                    .map(|(n, part)| literal::plain(entity.properties[n].kind, part))
                    .collect();
                let id = quoted(&id.join(","));
                out.push_str(&format!("\"@odata.context\":{context},\"id\":{id},\"reason\":\"{reason}\""));
            }
        }
        out.push('}');
    }
    out.push(']');
    let to = settings.links.clone().unwrap_or_else(|| origin(request));
    for (name, target) in [("@odata.nextLink", &page.next), ("@odata.deltaLink", &page.delta)] {
        if let Some(target) = target {
            out.push_str(&format!(",\"{name}\":{}", quoted(&format!("{to}{target}"))));
        }
    }
    out.push('}');
    json(out)
}

fn members(out: &mut String, entity: &Entity, shown: &[usize], row: &[Value], annotated: bool) {
    for (n, property) in shown.iter().map(|n| (*n, &entity.properties[*n])) {
        let name = &property.name;
        if annotated && !matches!(row[n], Value::Null | Value::Text(_)) {
            let text = quoted(&literal::plain(property.kind, &row[n]));
            out.push_str(&format!(",\"{name}@OData.Community.Display.V1.FormattedValue\":{text}"));
        }
        out.push_str(&format!(",\"{name}\":"));
        value(out, VERSION, false, property.kind, &row[n]);
    }
}

fn origin(request: &Request) -> String {
    format!("http://{}", request.header("host").unwrap_or("localhost"))
}

fn root(request: &Request) -> String {
    origin(request) + super::API
}

fn json(body: String) -> Answer {
    Answer::new(200, "application/json; odata.metadata=minimal", body).with("odata-version", "4.0")
}

/// Puts the link that was asked for in the place of the link to the next page.
pub(super) fn with_same_link(request: &Request, mut answer: Answer) -> Answer {
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    if let Some((head, tail)) = text.split_once("\"@odata.nextLink\":\"") {
        let rest = tail.find('"').map(|end| &tail[end..]).unwrap_or_default();
        let link = quoted(&(origin(request) + &request.target()));
        answer.body = format!("{head}\"@odata.nextLink\":{}{rest}", link.trim_end_matches('"')).into();
    }
    answer
}

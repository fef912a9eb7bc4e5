//! The service of OData 2.0 without operational data provisioning.

use std::sync::Arc;

use super::builder::Builder;
use super::modify::Done;
use super::page::{self, Mark, Place};
use super::{Inner, atom, modify};
use crate::odata::changes::changes;
use crate::odata::edmx::{self, Shown};
use crate::odata::error::Refusal;
use crate::odata::feed::{End, Feed, Item, Items, Page};
use crate::odata::query::Query;
use crate::odata::server::{Answer, Request};
use crate::odata::write::{quoted, value};
use crate::odata::{Entity, Value, Version, feed, literal, metadata};

const VERSION: Version = Version::V2;
const NAMESPACE: &str = "ZSALES_SRV";

pub(super) fn answer(inner: &Inner, settings: &Builder, request: &Request, path: &str) -> Answer {
    let answered = match path {
        "" => {
            let sets: Vec<_> = inner.system.entities().iter().map(|entity| entity.set.clone()).collect();
            Ok(root(&sets))
        }
        "$metadata" => Ok(metadata_of(inner, settings, request)),
        "$batch" => Err(Refusal::new(501, "/IWFND/CM_BEC/026", "Batches are not simulated")),
        _ => resource(inner, settings, request, path),
    };
    answered.unwrap_or_else(|refusal| refusal.answer(VERSION, !wants_json(request)))
}

/// The service document.
pub(super) fn root(sets: &[String]) -> Answer {
    let sets: Vec<_> = sets.iter().map(|set| quoted(set)).collect();
    json(format!("{{\"d\":{{\"EntitySets\":[{}]}}}}", sets.join(",")))
}

fn metadata_of(inner: &Inner, settings: &Builder, request: &Request) -> Answer {
    let entities = inner.system.entities();
    let tracked = if settings.delta { " sap:change-tracking=\"true\"" } else { "" };
    let shown: Vec<_> = entities
        .iter()
        .map(|entity| Shown { entity, set: entity.set.clone(), attributes: tracked.into() })
        .collect();
    metadata(request, edmx::v2(NAMESPACE, &shown, &[])).with("dataserviceversion", "2.0")
}

fn resource(inner: &Inner, settings: &Builder, request: &Request, path: &str) -> Result<Answer, Refusal> {
    let place = Place::parse(path).ok_or_else(|| Refusal::missing("No such resource"))?;
    let entity = inner.entity(&place.set)?;
    if request.method != "GET" {
        return Ok(match modify::modify(inner, VERSION, &entity, &place, request)? {
            Done::Created(row) => {
                let mut body = String::from("{\"d\":");
                let query = Query::default();
                entry(&mut body, inner, settings, request, &Shape::of(&entity, &query), &row);
                body.push('}');
                let id = format!("{}{}", request.path, literal::key(VERSION, &entity, &entity.key_of(&row)));
                let created = Answer { status: 201, ..json(body) };
                created.with("location", Inner::absolute(settings, request, &id))
            }
            Done::Changed => Answer::empty(204),
        });
    }
    if let Some((feed, from)) = inner.followed(request)? {
        return Ok(write(inner, settings, request, &inner.page(settings, VERSION, &feed, from)));
    }
    if let Some(token) = delta_token(request)? {
        return delta(inner, settings, request, &entity, &token);
    }
    if place.key.is_some() && !place.rest.is_empty() {
        let feed = inner.along(VERSION, &entity, &place, request)?;
        return Ok(write(inner, settings, request, &inner.page(settings, VERSION, &feed, 0)));
    }
    let query = Query::parse(VERSION, &entity, &request.params())?;
    if let Some(key) = &place.key {
        let row = modify::row(inner, VERSION, &entity, key)?;
        return Ok(if wants_json(request) {
            let mut body = String::from("{\"d\":");
            entry(&mut body, inner, settings, request, &Shape::of(&entity, &query), &row);
            body.push('}');
            json(body)
        } else {
            atom::one(settings, request, &entity, &query.shown(&entity), &row)
        });
    }
    if place.rest == "$count" {
        return Ok(Answer::new(200, "text/plain", inner.count(&entity.set, &query).to_string()));
    }
    let (size, applied) = page::size(settings, request, settings.page_preference);
    // Changes are told after an answer of everything, or where it is wished; one of a part has no such end.
    let part = |name: &str| query.given.iter().any(|given| given == name);
    let wished = request.preference("track-changes").is_some() || !part("$filter") && !part("$orderby");
    let fixed = settings.delta && wished && !part("$top") && !part("$skip");
    let (items, position) = inner.rows(settings, &entity.set, &query, fixed);
    let end = if fixed { End::Delta(link(inner, &entity, request.params(), position)) } else { End::Nothing };
    let mut feed = page::feed(&entity, request, &query, items, size, end);
    feed.count = query.count.then(|| inner.count(&entity.set, &query));
    let feed = Arc::new(feed);
    let answer = write(inner, settings, request, &inner.page(settings, VERSION, &feed, 0));
    Ok(match applied {
        Some(applied) => answer.with("preference-applied", applied),
        None => answer,
    })
}

/// A link to the changes after a position.
fn link(inner: &Inner, entity: &Entity, params: Vec<(String, String)>, position: usize) -> String {
    let token = inner.mark(Mark { set: entity.set.clone(), params, position });
    format!("{}{}?!deltatoken='{token}'", super::V2, entity.set)
}

/// The token of a request for changes. Its exclamation mark has to arrive as it is.
pub(super) fn delta_token(request: &Request) -> Result<Option<String>, Refusal> {
    let found = request.params().into_iter().find(|(name, _)| name == "!deltatoken");
    let Some((_, token)) = found else { return Ok(None) };
    if !request.query.contains("!deltatoken=") {
        return Err(Refusal::bad("Invalid URI segment '%21deltatoken'"));
    }
    let token = token.strip_prefix('\'').and_then(|token| token.strip_suffix('\''));
    Ok(Some(token.ok_or_else(|| Refusal::bad("A delta token stands in quotes"))?.to_owned()))
}

fn delta(
    inner: &Inner,
    settings: &Builder,
    request: &Request,
    entity: &Arc<Entity>,
    token: &str,
) -> Result<Answer, Refusal> {
    let mark = inner.marked(settings, token)?;
    let query = Query::parse(VERSION, entity, &mark.params)?;
    let (items, position) = changes(&inner.system, &mark.set, &query, mark.position);
    let end = End::Delta(link(inner, entity, mark.params, position));
    let items: Vec<_> = match wants_json(request) {
        // There is no way to tell of them in JSON.
        true => items.into_iter().filter(|item| matches!(item, Item::Row(_))).collect(),
        false => items,
    };
    let mut feed = page::feed(entity, request, &query, Items::Fixed(items.into()), settings.page, end);
    feed.base = feed::target(&request.path, &feed::without(&request.query, &["!deltatoken", "$skiptoken"]));
    feed.changes = true;
    let feed = Arc::new(feed);
    Ok(write(inner, settings, request, &inner.page(settings, VERSION, &feed, 0)))
}

/// Whether the answer is to be JSON. It is Atom for those who do not say.
pub(super) fn wants_json(request: &Request) -> bool {
    match request.param("$format") {
        Some(format) => format == "json",
        None => request.header("accept").is_some_and(|accept| accept.contains("json")),
    }
}

/// What of a row is written.
struct Shape<'a> {
    entity: &'a Entity,
    set: &'a str,
    shown: Vec<usize>,
    expand: &'a [usize],
}

impl<'a> Shape<'a> {
    fn of(entity: &'a Entity, query: &'a Query) -> Self {
        Self { entity, set: &entity.set, shown: query.shown(entity), expand: &query.expand }
    }
}

pub(super) fn write(inner: &Inner, settings: &Builder, request: &Request, page: &Page<'_>) -> Answer {
    if !wants_json(request) {
        return atom::write(settings, request, page);
    }
    let Feed { entity, set, shown, expand, .. } = page.feed;
    let shape = Shape { entity, set, shown: shown.clone(), expand };
    let mut out = String::from("{\"d\":{");
    if let Some(count) = page.feed.count.filter(|_| page.first) {
        out.push_str(&format!("\"__count\":\"{count}\","));
    }
    out.push_str("\"results\":[");
    let mut separator = "";
    for item in &page.items {
        if let Item::Row(row) = item {
            out.push_str(separator);
            entry(&mut out, inner, settings, request, &shape, row);
            separator = ",";
        }
    }
    out.push(']');
    for (name, target) in [("__next", &page.next), ("__delta", &page.delta)] {
        if let Some(target) = target {
            let link = Inner::absolute(settings, request, target);
            out.push_str(&format!(",\"{name}\":{}", quoted(&link)));
        }
    }
    out.push_str("}}");
    json(out)
}

/// A row with its metadata, and the rows of other sets that are expanded or where they are.
fn entry(
    out: &mut String,
    inner: &Inner,
    settings: &Builder,
    request: &Request,
    shape: &Shape<'_>,
    row: &[Value],
) {
    let Shape { entity, set, shown, expand } = shape;
    let root = &request.path[..=request.path[1..].find("_SRV/").map_or(0, |at| at + 5)];
    let id = format!("{root}{set}{}", literal::key(VERSION, entity, &entity.key_of(row)));
    let uri = quoted(&Inner::absolute(settings, request, &id));
    let namespace = root.trim_end_matches('/').rsplit('/').next().unwrap_or(NAMESPACE);
    let kind = quoted(&format!("{namespace}.{}", entity.name));
    out.push_str(&format!("{{\"__metadata\":{{\"id\":{uri},\"uri\":{uri},\"type\":{kind}}}"));
    for (n, property) in shown.iter().map(|n| (*n, &entity.properties[*n])) {
        out.push(',');
        out.push_str(&quoted(&property.name));
        out.push(':');
        value(out, VERSION, true, property.kind, &row[n]);
    }
    for (n, way) in entity.navigations.iter().enumerate() {
        let related = expand.contains(&n).then(|| inner.system.related(entity, n, row)).flatten();
        let Some((other, rows)) = related else {
            let uri = quoted(&Inner::absolute(settings, request, &format!("{id}/{}", way.name)));
            out.push_str(&format!(",{}:{{\"__deferred\":{{\"uri\":{uri}}}}}", quoted(&way.name)));
            continue;
        };
        out.push_str(&format!(",{}:{{\"results\":[", quoted(&way.name)));
        let query = Query::default();
        for (n, row) in rows.iter().enumerate() {
            out.push_str(if n == 0 { "" } else { "," });
            entry(out, inner, settings, request, &Shape::of(&other, &query), row);
        }
        out.push_str("]}");
    }
    out.push('}');
}

pub(super) fn json(body: String) -> Answer {
    Answer::new(200, "application/json;charset=utf-8", body).with("dataserviceversion", "2.0")
}

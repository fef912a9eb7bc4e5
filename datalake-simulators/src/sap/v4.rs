//! The service of OData 4.0.

use std::sync::Arc;

use super::builder::{Builder, Removed};
use super::modify::Done;
use super::page::{self, Mark, Place};
use super::{Inner, modify};
use crate::odata::changes::changes;
use crate::odata::edmx::{self, Shown};
use crate::odata::error::Refusal;
use crate::odata::feed::{End, Feed, Item, Items, Page};
use crate::odata::query::Query;
use crate::odata::server::{Answer, Request};
use crate::odata::write::{quoted, value};
use crate::odata::{Entity, Value, Version, literal, metadata};

const VERSION: Version = Version::V4;
const NAMESPACE: &str = "com.sap.gateway.srvd_a2x.zsales.v0001";

pub(super) fn answer(inner: &Inner, settings: &Builder, request: &Request, path: &str) -> Answer {
    let answered = match path {
        "" => Ok(root(inner, settings)),
        "$metadata" => Ok(metadata_of(inner, settings, request)),
        "$batch" => Err(Refusal::new(501, "/IWFND/CM_BEC/026", "Batches are not simulated")),
        _ => resource(inner, settings, request, path),
    };
    answered.unwrap_or_else(|refusal| refusal.answer(VERSION, false))
}

fn root(inner: &Inner, settings: &Builder) -> Answer {
    let sets = inner.system.entities();
    let sets = sets.iter().map(|entity| {
        let set = quoted(&entity.set);
        format!("{{\"name\":{set},\"kind\":\"EntitySet\",\"url\":{set}}}")
    });
    let context = control(settings, "context");
    json(
        settings,
        format!("{{\"{context}\":\"$metadata\",\"value\":[{}]}}", sets.collect::<Vec<_>>().join(",")),
    )
}

fn metadata_of(inner: &Inner, settings: &Builder, request: &Request) -> Answer {
    let entities = inner.system.entities();
    let shown: Vec<_> = entities
        .iter()
        .map(|entity| Shown { entity, set: entity.set.clone(), attributes: String::new() })
        .collect();
    metadata(request, edmx::v4(NAMESPACE, &shown, settings.delta)).with("odata-version", "4.0")
}

fn resource(inner: &Inner, settings: &Builder, request: &Request, path: &str) -> Result<Answer, Refusal> {
    let place = Place::parse(path).ok_or_else(|| Refusal::missing("No such resource"))?;
    let entity = inner.entity(&place.set)?;
    if request.method != "GET" {
        return Ok(match modify::modify(inner, VERSION, &entity, &place, request)? {
            Done::Created(row) => {
                let mut body = String::from("{");
                members(&mut body, &entity, &Query::default().shown(&entity), &row, exact(settings, request));
                body.push('}');
                Answer { status: 201, ..json(settings, body) }
            }
            Done::Changed => Answer::empty(204),
        });
    }
    if let Some((feed, from)) = inner.followed(request)? {
        return Ok(write(inner, settings, request, &inner.page(settings, VERSION, &feed, from)));
    }
    if let Some(token) = request.param("$deltatoken") {
        return delta(inner, settings, request, &entity, &token);
    }
    if place.key.is_some() && !place.rest.is_empty() {
        let feed = inner.along(VERSION, &entity, &place, request)?;
        return Ok(write(inner, settings, request, &inner.page(settings, VERSION, &feed, 0)));
    }
    let query = Query::parse(VERSION, &entity, &request.params())?;
    if let Some(key) = &place.key {
        return one(inner, settings, request, &entity, &query, key);
    }
    if place.rest == "$count" {
        return Ok(Answer::new(200, "text/plain", inner.count(&entity.set, &query).to_string()));
    }
    let (size, mut applied) = page::size(settings, request, settings.page_preference);
    let tracked = settings.delta && request.preference("track-changes").is_some();
    let (items, position) = inner.rows(settings, &entity.set, &query, tracked);
    let end = if tracked {
        applied =
            Some(applied.map_or("odata.track-changes".into(), |size| format!("odata.track-changes,{size}")));
        End::Delta(link(inner, &entity, request.params(), position))
    } else {
        End::Nothing
    };
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
    format!("{}{}?%24deltatoken={token}%21", super::V4, entity.set)
}

fn delta(
    inner: &Inner,
    settings: &Builder,
    request: &Request,
    entity: &Arc<Entity>,
    token: &str,
) -> Result<Answer, Refusal> {
    let whole = format!("%24deltatoken={token}").replace('!', "%21");
    if request.query != whole {
        return Err(Refusal::bad("A delta link is to be taken as it is"));
    }
    let mark = inner.marked(settings, token.trim_end_matches('!'))?;
    let query = Query::parse(VERSION, entity, &mark.params)?;
    let (items, position) = changes(&inner.system, &mark.set, &query, mark.position);
    let end = End::Delta(link(inner, entity, mark.params, position));
    let items = Items::Fixed(items.into());
    let mut feed = page::feed(entity, request, &query, items, settings.page, end);
    feed.changes = true;
    let feed = Arc::new(feed);
    Ok(write(inner, settings, request, &inner.page(settings, VERSION, &feed, 0)))
}

fn one(
    inner: &Inner,
    settings: &Builder,
    request: &Request,
    entity: &Arc<Entity>,
    query: &Query,
    key: &str,
) -> Result<Answer, Refusal> {
    let row = modify::row(inner, VERSION, entity, key)?;
    let context = quoted(&format!("$metadata#{}/$entity", entity.set));
    let mut body = format!("{{\"{}\":{context},", control(settings, "context"));
    members(&mut body, entity, &query.shown(entity), &row, exact(settings, request));
    expanded(&mut body, inner, entity, &query.expand, &row, exact(settings, request));
    body.push('}');
    Ok(json(settings, body))
}

/// The name of a control member, such as `@odata.nextLink`.
fn control(settings: &Builder, name: &str) -> String {
    if settings.bare_names { format!("@{name}") } else { format!("@odata.{name}") }
}

/// Whether long numbers are to be texts.
fn exact(settings: &Builder, request: &Request) -> bool {
    settings.exact_numbers
        && request.header("accept").is_some_and(|accept| accept.contains("IEEE754Compatible=true"))
}

fn members(out: &mut String, entity: &Entity, shown: &[usize], row: &[Value], exact: bool) {
    for (n, property) in shown.iter().map(|n| (*n, &entity.properties[*n])) {
        if !out.ends_with(['{', ',']) {
            out.push(',');
        }
        out.push_str(&quoted(&property.name));
        out.push(':');
        value(out, VERSION, exact, property.kind, &row[n]);
    }
}

/// Appends the rows of other sets.
fn expanded(out: &mut String, inner: &Inner, entity: &Entity, expand: &[usize], row: &[Value], exact: bool) {
    for way in expand {
        let Some((other, rows)) = inner.system.related(entity, *way, row) else { continue };
        out.push_str(&format!(",{}:[", quoted(&entity.navigations[*way].name)));
        for (n, row) in rows.iter().enumerate() {
            out.push_str(if n == 0 { "{" } else { ",{" });
            members(out, &other, &Query::default().shown(&other), row, exact);
            out.push('}');
        }
        out.push(']');
    }
}

fn write(inner: &Inner, settings: &Builder, request: &Request, page: &Page<'_>) -> Answer {
    let Feed { entity, shown, expand, changes, .. } = page.feed;
    let exact = exact(settings, request);
    let context = format!("$metadata#{}{}", entity.set, if *changes { "/$delta" } else { "" });
    let mut out = format!("{{\"{}\":{},", control(settings, "context"), quoted(&context));
    if let Some(count) = page.feed.count.filter(|_| page.first) {
        out.push_str(&format!("\"{}\":{count},", control(settings, "count")));
    }
    out.push_str("\"value\":[");
    for (n, item) in page.items.iter().enumerate() {
        out.push_str(if n == 0 { "{" } else { ",{" });
        match item {
            Item::Row(row) => {
                out.push_str(&format!(
                    "\"{}\":\"W/\\\"{}\\\"\",",
                    control(settings, "etag"),
                    page.feed.etag(row)
                ));
                members(&mut out, entity, shown, row, exact);
                expanded(&mut out, inner, entity, expand, row, exact);
            }
            Item::Removed(key, reason, _) => removed(&mut out, settings, entity, key, reason),
        }
        out.push('}');
    }
    out.push(']');
    for (name, target) in [("nextLink", &page.next), ("deltaLink", &page.delta)] {
        if let Some(target) = target {
            let link = page::v4_link(settings, request, target);
            out.push_str(&format!(",\"{}\":{}", control(settings, name), quoted(&link)));
        }
    }
    out.push('}');
    let answer = json(settings, out);
    if exact { with_exact(answer) } else { answer }
}

fn removed(out: &mut String, settings: &Builder, entity: &Entity, key: &[Value], reason: &str) {
    let id = format!("{}{}", entity.set, literal::key(VERSION, entity, key));
    match settings.removed {
        Removed::Entry => {
            let context = quoted(&format!("$metadata#{}/$deletedEntity", entity.set));
            let name = control(settings, "context");
            out.push_str(&format!("\"{name}\":{context},\"id\":{},\"reason\":\"{reason}\"", quoted(&id)));
        }
        Removed::Annotation => {
            let (gone, name) = (control(settings, "removed"), control(settings, "id"));
            out.push_str(&format!("\"{gone}\":{{\"reason\":\"{reason}\"}},\"{name}\":{}", quoted(&id)));
            for (n, part) in entity.keys().into_iter().zip(key) {
                let property = &entity.properties[n];
                out.push_str(&format!(",{}:", quoted(&property.name)));
                value(out, VERSION, true, property.kind, part);
            }
        }
    }
}

fn json(settings: &Builder, body: String) -> Answer {
    let answer = Answer::new(200, "application/json;odata.metadata=minimal;charset=utf-8", body);
    answer.with("odata-version", if settings.bare_names { "4.01" } else { "4.0" })
}

fn with_exact(mut answer: Answer) -> Answer {
    for (name, value) in &mut answer.headers {
        if *name == "content-type" {
            *value = "application/json;odata.metadata=minimal;IEEE754Compatible=true;charset=utf-8".into();
        }
    }
    answer
}

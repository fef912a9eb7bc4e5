//! Operational data provisioning: subscriptions, and packages that are dropped when the next one is asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::DateTime;

use super::builder::{Builder, TokenAt};
use super::page::{self, Place};
use super::{Inner, v2};
use crate::odata::edmx::{self, Function, Shown};
use crate::odata::error::Refusal;
use crate::odata::feed::{End, Feed, Item, Items};
use crate::odata::query::Query;
use crate::odata::server::{Answer, Request};
use crate::odata::{Entity, Kind, Property, Table, Value, Values, Version, lock, metadata};

const VERSION: Version = Version::V2;
const NAMESPACE: &str = "ZSALES_ODP_SRV";
const MODE: &str = "ODQ_CHANGEMODE";
const COUNTER: &str = "ODQ_ENTITYCNTR";

/// The subscriptions, by user and set.
#[derive(Debug, Default)]
pub(super) struct Queue {
    subscriptions: BTreeMap<(String, String), Subscription>,
    tokens: u64,
}

#[derive(Debug)]
struct Subscription {
    filter: String,
    /// What of a row is shown.
    shown: Vec<usize>,
    tokens: Vec<Token>,
}

/// A token, and the changes after it once it was used.
#[derive(Debug)]
struct Token {
    token: String,
    position: usize,
    initial: bool,
    created: i64,
    package: Option<(Arc<[Item]>, String)>,
}

impl Queue {
    pub(super) fn expire(&mut self) {
        self.subscriptions.clear();
    }

    pub(super) fn tokens(&self, user: &str, set: &str) -> Vec<String> {
        let subscription = self.subscriptions.get(&(user.to_owned(), set.to_owned()));
        let tokens = subscription.into_iter().flat_map(|subscription| &subscription.tokens);
        tokens.map(|token| token.token.clone()).collect()
    }

    /// A new token for changes after a position.
    fn token(&mut self, position: usize, initial: bool, now: i64) -> Token {
        self.tokens += 1;
        let day = DateTime::from_timestamp_millis(now).unwrap_or_default().format("%Y%m%d%H%M%S");
        let token = format!("D{day}_{:09}", self.tokens * 1000);
        Token { token, position, initial, created: now, package: None }
    }
}

/// What the path names.
enum Target {
    Facts(Arc<Entity>),
    Links(Arc<Entity>),
    Subscribed(Arc<Entity>),
    Terminate(Arc<Entity>),
}

/// The set of operational data of a set of the system.
fn facts(set: &str) -> String {
    format!("FactsOfZ{}", set.to_uppercase())
}

pub(super) fn answer(inner: &Inner, settings: &Builder, request: &Request, path: &str, user: &str) -> Answer {
    let answered = match path {
        "" => Ok(v2::root(
            &sets(inner)
                .iter()
                .flat_map(|set| [set.clone(), format!("DeltaLinksOf{set}")])
                .collect::<Vec<_>>(),
        )),
        "$metadata" => Ok(metadata_of(inner, request)),
        _ => resource(inner, settings, request, path, user),
    };
    answered.unwrap_or_else(|refusal| refusal.answer(VERSION, !v2::wants_json(request)))
}

fn sets(inner: &Inner) -> Vec<String> {
    inner.system.entities().iter().map(|entity| facts(&entity.set)).collect()
}

/// A type as operational data: all columns are the key, and two more say what became of the row.
fn of(entity: &Entity) -> Entity {
    let mut of = entity.clone();
    of.name = facts(&entity.set);
    of.navigations.clear();
    of.properties.push(Property::new(MODE, Kind::Text { max: 1 }).annotated("semantics", "change-mode"));
    let counter = Property::new(COUNTER, Kind::Decimal { precision: 37, scale: 0 });
    of.properties.push(counter.annotated("semantics", "entity-counter"));
    for property in &mut of.properties {
        property.key = true;
    }
    of
}

/// The type of `DeltaLinksOf…`.
fn links_of(entity: &Entity) -> Entity {
    let set = format!("DeltaLinksOf{}", facts(&entity.set));
    Entity::new(&set, &set)
        .with(Property::new("DeltaToken", Kind::Text { max: 70 }).key())
        .with(Property::new("CreatedAt", Kind::DateTime))
        .with(Property::new("IsInitialLoad", Kind::Boolean))
}

fn metadata_of(inner: &Inner, request: &Request) -> Answer {
    let entities = inner.system.entities();
    let types: Vec<_> = entities.iter().map(|entity| (of(entity), links_of(entity))).collect();
    let mut shown = Vec::new();
    let mut functions = Vec::new();
    for (facts, links) in &types {
        let attributes = " sap:change-tracking=\"true\" sap:maxpagesize=\"2000000000\"".into();
        shown.push(Shown { entity: facts, set: facts.name.clone(), attributes });
        shown.push(Shown { entity: links, set: links.set.clone(), attributes: String::new() });
        functions.push(Function { name: format!("SubscribedTo{}", facts.name), flag: "SubscribedFlag" });
        functions.push(Function { name: format!("TerminateDeltasFor{}", facts.name), flag: "ResultFlag" });
    }
    metadata(request, edmx::v2(NAMESPACE, &shown, &functions)).with("dataserviceversion", "2.0")
}

fn target(inner: &Inner, name: &str) -> Result<Target, Refusal> {
    let entities = inner.system.entities();
    let found = |name: &str| entities.iter().find(|entity| facts(&entity.set) == name).cloned();
    let prefixed = |prefix: &str| name.strip_prefix(prefix).and_then(found);
    found(name)
        .map(Target::Facts)
        .or_else(|| prefixed("DeltaLinksOf").map(Target::Links))
        .or_else(|| prefixed("SubscribedTo").map(Target::Subscribed))
        .or_else(|| prefixed("TerminateDeltasFor").map(Target::Terminate))
        .ok_or_else(|| Refusal::missing(format!("Resource not found for the segment '{name}'")))
}

fn resource(
    inner: &Inner,
    settings: &Builder,
    request: &Request,
    path: &str,
    user: &str,
) -> Result<Answer, Refusal> {
    if request.method != "GET" {
        return Err(Refusal::new(405, "/IWFND/CM_BEC/033", "Method not allowed"));
    }
    let place = Place::parse(path).ok_or_else(|| Refusal::missing("No such resource"))?;
    let target = target(inner, &place.set)?;
    if let Some((feed, from)) = inner.followed(request)? {
        return Ok(v2::write(inner, settings, request, &inner.page(settings, VERSION, &feed, from)));
    }
    match (target, place.key.as_deref(), place.rest) {
        (Target::Facts(entity), None, "$count") => {
            let of = of(&entity);
            let query = Query::parse(VERSION, &of, &request.params())?;
            let count =
                |table: &Table| table.rows.values().filter(|row| query.holds(&with_mode(row))).count();
            let count = inner.system.table(&entity.set, count).unwrap_or_default();
            Ok(Answer::new(200, "text/plain", count.to_string()))
        }
        (Target::Facts(entity), None, "") => match v2::delta_token(request)? {
            Some(token) => changes(inner, settings, request, &entity, user, &token),
            None => load(inner, settings, request, &entity, user),
        },
        (Target::Links(entity), None, "") => links(inner, settings, request, &entity, user),
        (Target::Links(entity), Some(key), "ChangesAfter") => {
            let token = key.trim_matches('\'').to_owned();
            changes(inner, settings, request, &entity, user, &token)
        }
        (Target::Subscribed(entity), None, "") => {
            let set = facts(&entity.set);
            let subscribed = !lock(&inner.odp).tokens(user, &set).is_empty();
            Ok(flag(&format!("SubscribedTo{set}"), "SubscribedFlag", subscribed))
        }
        (Target::Terminate(entity), None, "") => {
            let set = facts(&entity.set);
            let ended = lock(&inner.odp).subscriptions.remove(&(user.to_owned(), set.clone())).is_some();
            Ok(flag(&format!("TerminateDeltasFor{set}"), "ResultFlag", ended))
        }
        _ => Err(Refusal::missing("Resource not found")),
    }
}

fn flag(function: &str, name: &str, value: bool) -> Answer {
    v2::json(format!("{{\"d\":{{\"{function}\":{{\"{name}\":{value}}}}}}}"))
}

/// A row as operational data.
fn fact(row: &Values, mode: &str, counter: i64) -> Item {
    let more = [Value::from(mode), Value::Decimal(counter.to_string())];
    Item::Row(row.iter().cloned().chain(more).collect())
}

/// All rows; with the wish to track changes, a subscription begins that replaces the one before.
fn load(
    inner: &Inner,
    settings: &Builder,
    request: &Request,
    entity: &Arc<Entity>,
    user: &str,
) -> Result<Answer, Refusal> {
    let of = Arc::new(of(entity));
    let set = facts(&entity.set);
    let query = Query::parse(VERSION, &of, &request.params())?;
    let tracked = request.preference("track-changes").is_some();
    if tracked && query.given.iter().any(|name| ["$top", "$skip", "$orderby"].contains(&name.as_str())) {
        return Err(Refusal::bad("System query options for a part are not supported with change tracking"));
    }
    let rows = inner.system.table(&entity.set, |table| {
        let rows: Vec<Values> = table.rows.values().map(with_mode).collect();
        (query.part(query.find(rows.into_iter(), None)), table.log.len())
    });
    let (rows, position) = rows.unwrap_or_default();
    let mut applied = None;
    let mut end = End::Nothing;
    if tracked {
        applied = Some("odata.track-changes".to_owned());
        end = subscribe(inner, settings, &of, (user, &set), &query, position)?;
    }
    let (size, paged) = page::size(settings, request, true);
    let applied = match (applied, paged) {
        (Some(tracked), Some(paged)) => Some(format!("{tracked},{paged}")),
        (tracked, paged) => tracked.or(paged),
    };
    let items: Vec<_> = rows.into_iter().map(Item::Row).collect();
    let mut feed = page::feed(&of, request, &query, Items::Fixed(items.into()), size, end);
    feed.count = query.count.then(|| feed_length(&feed));
    feed.set = set;
    let feed = Arc::new(feed);
    let answer = v2::write(inner, settings, request, &inner.page(settings, VERSION, &feed, 0));
    Ok(match applied {
        Some(applied) => answer.with("preference-applied", applied),
        None => answer,
    })
}

fn feed_length(feed: &Feed) -> usize {
    match &feed.items {
        Items::Fixed(items) => items.len(),
        Items::Live(_) => 0,
    }
}

/// A row of the first load: nothing is said of what became of it.
fn with_mode(row: &Values) -> Values {
    row.iter().cloned().chain([Value::from(""), Value::decimal("0")]).collect()
}

fn subscribe(
    inner: &Inner,
    settings: &Builder,
    of: &Entity,
    (user, set): (&str, &str),
    query: &Query,
    position: usize,
) -> Result<End, Refusal> {
    let key = (user.to_owned(), set.to_owned());
    let mut queue = lock(&inner.odp);
    if queue.subscriptions.get(&key).is_some_and(|subscription| subscription.filter != query.filter_text) {
        return Err(Refusal::bad("Illegal change in selection parameters for the existing subscription"));
    }
    let token = queue.token(position, true, inner.system.now());
    let end = end(settings, set, &token.token);
    let subscription =
        Subscription { filter: query.filter_text.clone(), shown: query.shown(of), tokens: vec![token] };
    queue.subscriptions.insert(key, subscription);
    Ok(end)
}

/// How a token is told at the end of an answer.
fn end(settings: &Builder, set: &str, token: &str) -> End {
    let link = format!("{}{set}?!deltatoken='{token}'", super::ODP);
    match settings.token_at {
        TokenAt::Delta => End::Delta(link),
        TokenAt::Next => End::Next(link),
        TokenAt::DeltaLinks => End::Nothing,
    }
}

/// The changes after a token. The package of a token is kept until the token that it gave is used.
fn changes(
    inner: &Inner,
    settings: &Builder,
    request: &Request,
    entity: &Arc<Entity>,
    user: &str,
    token: &str,
) -> Result<Answer, Refusal> {
    let of = Arc::new(of(entity));
    let set = facts(&entity.set);
    let expired = || {
        Refusal::new(
            settings.expired_status,
            "RSODP_ODATA/013",
            format!("Delta token {token} is not known for user {user}"),
        )
    };
    let mut queue = lock(&inner.odp);
    let key = (user.to_owned(), set.clone());
    let Subscription { filter, shown, tokens } = queue.subscriptions.get(&key).ok_or_else(expired)?;
    let at = tokens.iter().position(|known| known.token == token).ok_or_else(expired)?;
    let shown = shown.clone();
    let query = query_of(&of, filter)?;
    let package = tokens[at].package.clone();
    let (items, next) = match package {
        Some(package) => package,
        None => {
            let (items, position) = gather(inner, settings, entity, &query, tokens[at].position);
            let items: Arc<[Item]> = items.into();
            let fresh = (!items.is_empty()).then(|| queue.token(position, false, inner.system.now()));
            let subscription = queue.subscriptions.get_mut(&key).ok_or_else(expired)?;
            // Whoever uses a token has what the one before it gave.
            subscription.tokens.drain(..at);
            match fresh {
                Some(fresh) => {
                    let next = fresh.token.clone();
                    subscription.tokens[0].package = Some((Arc::clone(&items), next.clone()));
                    subscription.tokens.push(fresh);
                    (items, next)
                }
                None => (items, token.to_owned()),
            }
        }
    };
    drop(queue);
    let (size, applied) = page::size(settings, request, true);
    let mut feed = page::feed(&of, request, &query, Items::Fixed(items), size, end(settings, &set, &next));
    feed.set = set;
    feed.shown = shown;
    feed.changes = true;
    feed.base = crate::odata::feed::target(
        &request.path,
        &crate::odata::feed::without(&request.query, &["!deltatoken", "$skiptoken"]),
    );
    let feed = Arc::new(feed);
    let answer = v2::write(inner, settings, request, &inner.page(settings, VERSION, &feed, 0));
    Ok(match applied {
        Some(applied) => answer.with("preference-applied", applied),
        None => answer,
    })
}

fn query_of(of: &Entity, filter: &str) -> Result<Query, Refusal> {
    let params: &[_] = if filter.is_empty() { &[] } else { &[("$filter".to_owned(), filter.to_owned())] };
    Query::parse(VERSION, of, params)
}

/// Every change after a position in its order.
fn gather(
    inner: &Inner,
    settings: &Builder,
    entity: &Entity,
    query: &Query,
    position: usize,
) -> (Vec<Item>, usize) {
    let gathered = inner.system.table(&entity.set, |table| {
        let mut items = Vec::new();
        let mut add = |row: &Values, mode, counter| {
            if let Item::Row(row) = fact(row, mode, counter)
                && query.holds(&row)
            {
                items.push(Item::Row(row));
            }
        };
        for change in &table.log[position.min(table.log.len())..] {
            match (&change.before, &change.after) {
                (None, Some(row)) => add(row, "C", 1),
                (Some(old), Some(new)) => {
                    if settings.before_images {
                        add(old, "U", -1);
                    }
                    add(new, "U", 1);
                }
                (Some(old), None) => add(old, "D", if settings.before_images { -1 } else { 0 }),
                (None, None) => {}
            }
        }
        (items, table.log.len())
    });
    gathered.unwrap_or_default()
}

/// The tokens of a subscription that can be asked for.
fn links(
    inner: &Inner,
    settings: &Builder,
    request: &Request,
    entity: &Entity,
    user: &str,
) -> Result<Answer, Refusal> {
    let of = Arc::new(links_of(entity));
    let query = Query::parse(VERSION, &of, &request.params())?;
    let queue = lock(&inner.odp);
    let subscription = queue.subscriptions.get(&(user.to_owned(), facts(&entity.set)));
    let tokens = subscription.into_iter().flat_map(|subscription| &subscription.tokens);
    let rows = tokens.map(|token| -> Values {
        [Value::from(token.token.as_str()), Value::Moment(token.created), Value::Boolean(token.initial)]
            .into()
    });
    let rows: Vec<_> = query.part(query.find(rows, None)).into_iter().map(Item::Row).collect();
    drop(queue);
    let feed =
        Arc::new(page::feed(&of, request, &query, Items::Fixed(rows.into()), settings.page, End::Nothing));
    Ok(v2::write(inner, settings, request, &inner.page(settings, VERSION, &feed, 0)))
}

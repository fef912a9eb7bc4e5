//! What an item says, in the one shape.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::{Map, Value};

use super::tree::Element;

/// The kind of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Rss,
    Rdf,
    Atom,
}

/// What a feed says of itself.
#[derive(Debug, Serialize)]
pub(super) struct Feed {
    #[serde(skip)]
    kind: Kind,
    format: &'static str,
    id: Option<String>,
    title: Option<String>,
    link: Option<String>,
    /// The prefix that its own elements have.
    #[serde(skip)]
    prefix: String,
}

#[derive(Debug, Default, Serialize)]
struct Item {
    id: Option<String>,
    title: Option<String>,
    link: Option<String>,
    published: Option<String>,
    updated: Option<String>,
    authors: Vec<String>,
    summary: Option<String>,
    content: Option<String>,
    categories: Vec<String>,
    enclosures: Vec<Enclosure>,
    other: Map<String, Value>,
}

#[derive(Debug, Serialize)]
struct Enclosure {
    url: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    length: Option<String>,
}

#[derive(Serialize)]
struct Record<'a> {
    #[serde(flatten)]
    item: Item,
    feed: &'a Feed,
}

impl Feed {
    pub(super) fn of(kind: Kind, root: Option<&Element>) -> Self {
        let format = match kind {
            Kind::Rss => "rss",
            Kind::Rdf => "rdf",
            Kind::Atom => "atom",
        };
        let name = root.map_or("", |root| root.name.as_str());
        let prefix = if kind == Kind::Atom { Element::prefix(name).to_owned() } else { String::new() };
        let mut feed = Self { kind, format, id: None, title: None, link: None, prefix };
        let Some(root) = root else { return feed };
        let own = match kind {
            Kind::Atom => Some(root),
            Kind::Rss | Kind::Rdf => root.children.iter().find(|child| child.name == "channel"),
        };
        for child in own.into_iter().flat_map(|own| &own.children) {
            match (feed.own(&child.name), kind) {
                (Some("title"), _) => set(&mut feed.title, text(child)),
                (Some("id"), Kind::Atom) => set(&mut feed.id, text(child)),
                (Some("link"), Kind::Atom) if is_alternate(child) => set(&mut feed.link, href(child)),
                (Some("link"), Kind::Rss | Kind::Rdf) => set(&mut feed.link, text(child)),
                _ => {}
            }
        }
        feed
    }

    /// The local name of an element that is of the format itself and of no extension.
    fn own<'n>(&self, name: &'n str) -> Option<&'n str> {
        (Element::prefix(name) == self.prefix).then(|| Element::local(name))
    }
}

/// The JSON of an item.
pub(super) fn json(feed: &Feed, element: &Element, document: &str) -> Vec<u8> {
    let mut item = Item::default();
    for child in &element.children {
        let known = match feed.kind {
            Kind::Atom => atom(&mut item, feed, child, document),
            Kind::Rss | Kind::Rdf => rss(&mut item, child),
        };
        if !known {
            add(&mut item.other, child);
        }
    }
    let about = element.attribute("rdf:about").map(str::to_owned);
    item.id = item.id.or(about).or_else(|| item.link.clone());
    serde_json::to_vec(&Record { item, feed }).unwrap_or_default()
}

/// Takes an element of an item of RSS. Whether it is one that is known.
fn rss(item: &mut Item, child: &Element) -> bool {
    match child.name.as_str() {
        "guid" => set(&mut item.id, text(child)),
        "title" => set(&mut item.title, text(child)),
        "link" => set(&mut item.link, text(child)),
        "pubDate" | "dc:date" => set(&mut item.published, text(child).map(time)),
        "author" | "dc:creator" => item.authors.extend(text(child)),
        "description" => set(&mut item.summary, text(child)),
        "content:encoded" => set(&mut item.content, text(child)),
        "category" => item.categories.extend(text(child)),
        "enclosure" => item.enclosures.push(enclosure(child, "url")),
        _ => return false,
    }
    true
}

/// Takes an element of an entry of Atom. Whether it is one that is known.
fn atom(item: &mut Item, feed: &Feed, child: &Element, document: &str) -> bool {
    let Some(name) = feed.own(&child.name) else { return false };
    match name {
        "id" => set(&mut item.id, text(child)),
        "title" => set(&mut item.title, markup(child, document)),
        "link" if is_alternate(child) && item.link.is_none() => item.link = href(child),
        "link" if child.attribute("rel") == Some("enclosure") => {
            item.enclosures.push(enclosure(child, "href"))
        }
        "published" => set(&mut item.published, text(child).map(time)),
        "updated" => set(&mut item.updated, text(child).map(time)),
        "author" => {
            let names = child.children.iter().filter(|part| feed.own(&part.name) == Some("name"));
            item.authors.extend(names.filter_map(text));
        }
        "summary" => set(&mut item.summary, markup(child, document)),
        "content" if child.attribute("src").is_none() => set(&mut item.content, markup(child, document)),
        "category" => item.categories.extend(child.attribute("term").map(str::to_owned)),
        _ => return false,
    }
    true
}

/// Keeps the first of several.
fn set(place: &mut Option<String>, text: Option<String>) {
    if place.is_none() {
        *place = text;
    }
}

fn text(element: &Element) -> Option<String> {
    let text = element.text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The text of an element, or the elements in it as they stand.
fn markup(element: &Element, document: &str) -> Option<String> {
    if element.children.is_empty() {
        return text(element);
    }
    document.get(element.inner.clone()).map(|inner| inner.trim().to_owned())
}

fn is_alternate(link: &Element) -> bool {
    link.attribute("rel").is_none_or(|rel| rel == "alternate")
}

fn href(link: &Element) -> Option<String> {
    link.attribute("href").map(str::to_owned)
}

fn enclosure(element: &Element, url: &str) -> Enclosure {
    let of = |name: &str| element.attribute(name).map(str::to_owned);
    Enclosure { url: of(url), kind: of("type"), length: of("length") }
}

/// A time in the one form, if it can be read.
fn time(text: String) -> String {
    let read = DateTime::parse_from_rfc2822(&text).or_else(|_| DateTime::parse_from_rfc3339(&text));
    read.map_or(text, |at| at.with_timezone(&Utc).to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

/// Adds an element as it is, under its name.
fn add(to: &mut Map<String, Value>, element: &Element) {
    let mut value = Map::new();
    if !element.attributes.is_empty() {
        let attributes = element.attributes.iter().map(|(name, value)| (name.clone(), value.as_str().into()));
        value.insert("attributes".into(), Value::Object(attributes.collect()));
    }
    if let Some(text) = text(element) {
        value.insert("text".into(), text.into());
    }
    if !element.children.is_empty() {
        let mut children = Map::new();
        element.children.iter().for_each(|child| add(&mut children, child));
        value.insert("children".into(), Value::Object(children));
    }
    let list = to.entry(element.name.as_str()).or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(list) = list {
        list.push(Value::Object(value));
    }
}

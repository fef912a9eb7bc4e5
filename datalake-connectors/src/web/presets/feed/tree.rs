//! XML as a tree, without its items, which are kept apart with where they lie.

use std::ops::Range;

use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

/// Deeper nesting is a break.
const MAX_DEPTH: usize = 64;

/// An element.
#[derive(Debug, Default)]
pub(super) struct Element {
    /// With its prefix.
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    /// All text directly in it.
    pub(super) text: String,
    pub(super) children: Vec<Self>,
    /// What is between its tags.
    pub(super) inner: Range<usize>,
}

impl Element {
    /// A name without its prefix.
    pub(super) fn local(name: &str) -> &str {
        name.split_once(':').map_or(name, |(_, local)| local)
    }

    /// The prefix of a name.
    pub(super) fn prefix(name: &str) -> &str {
        name.split_once(':').map_or("", |(prefix, _)| prefix)
    }

    /// The value of an attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    fn of(tag: &BytesStart<'_>, inner: usize) -> Result<Self, String> {
        let mut attributes = Vec::new();
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|cause| cause.to_string())?;
            let value = match attribute.normalized_value(XmlVersion::Implicit1_0) {
                Ok(value) => value.into_owned(),
                // An entity of the document's own stays as it is.
                Err(_) => attribute.value.to_string(),
            };
            attributes.push((attribute.key.as_ref().to_owned(), value));
        }
        let name = tag.name().as_ref().to_owned();
        Ok(Self { name, attributes, inner: inner..inner, ..Self::default() })
    }
}

/// A document.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// The root, as far as it was read.
    pub(super) root: Option<Element>,
    /// The items with where they lie, in order.
    pub(super) items: Vec<(Range<usize>, Element)>,
    /// Why the rest cannot be read.
    pub(super) broken: Option<String>,
}

impl Tree {
    /// Reads a document up to its end or to where it breaks. An element is an item if that is said of the names that
    /// lead to it.
    pub(super) fn read(text: &str, is_item: impl Fn(&[&str]) -> Option<()>) -> Self {
        let mut tree = Self::default();
        let mut open: Vec<(usize, Element)> = Vec::new();
        tree.broken = tree.walk(text, &mut open, is_item).err();
        // What is open belongs to the root, except an item that is not whole.
        while let Some((_, element)) = open.pop() {
            match open.last_mut() {
                Some((_, parent)) => parent.children.push(element),
                None => tree.root = tree.root.take().or(Some(element)),
            }
        }
        tree
    }

    fn walk(
        &mut self,
        text: &str,
        open: &mut Vec<(usize, Element)>,
        is_item: impl Fn(&[&str]) -> Option<()>,
    ) -> Result<(), String> {
        let bare = text.strip_prefix('\u{feff}').unwrap_or(text);
        let skipped = text.len() - bare.len();
        let mut reader = Reader::from_str(bare);
        let place = |reader: &Reader<&[u8]>| {
            usize::try_from(reader.buffer_position()).map_or(text.len(), |at| (at + skipped).min(text.len()))
        };
        loop {
            let start = place(&reader);
            let event = reader.read_event().map_err(|cause| cause.to_string())?;
            let end = place(&reader);
            match event {
                Event::Start(tag) => {
                    if open.len() >= MAX_DEPTH {
                        return Err(format!("it is nested deeper than {MAX_DEPTH} elements"));
                    }
                    open.push((start, Element::of(&tag, end)?));
                }
                Event::Empty(tag) => {
                    open.push((start, Element::of(&tag, end)?));
                    self.close(open, end, end, &is_item);
                }
                Event::End(_) => self.close(open, start, end, &is_item),
                Event::Text(more) => push(open, &more),
                Event::CData(more) => push(open, &more),
                Event::GeneralRef(reference) => push(open, &character(&reference)),
                Event::Eof if open.is_empty() => return Ok(()),
                Event::Eof => return Err("it breaks off".to_owned()),
                _ => {}
            }
        }
    }

    /// Closes the innermost element.
    fn close(
        &mut self,
        open: &mut Vec<(usize, Element)>,
        inner: usize,
        end: usize,
        is_item: impl Fn(&[&str]) -> Option<()>,
    ) {
        let path: Vec<_> = open.iter().map(|(_, element)| element.name.as_str()).collect();
        let item = is_item(&path).is_some();
        let Some((start, mut element)) = open.pop() else { return };
        element.inner.end = inner;
        match open.last_mut() {
            _ if item => self.items.push((start..end, element)),
            Some((_, parent)) => parent.children.push(element),
            None => self.root = self.root.take().or(Some(element)),
        }
    }
}

fn push(open: &mut [(usize, Element)], text: &str) {
    if let Some((_, element)) = open.last_mut() {
        element.text.push_str(text);
    }
}

/// What a reference stands for. One that XML does not know stays as it is.
fn character(reference: &BytesRef<'_>) -> String {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return character.to_string();
    }
    match quick_xml::escape::resolve_xml_entity(reference) {
        Some(text) => text.to_owned(),
        None => format!("&{};", &**reference),
    }
}

//! Edits of the whole object: keeping some of it, and making it flat.

use super::super::pointer::{Pointer, Token};
use super::super::scan::{self, Member, Span};
use super::super::text::{meaning, quote_inner};
use super::{Draft, Shape, is_key};
use crate::RecordError;

/// Parts to keep, as a tree of the steps that lead to them.
#[derive(Debug, Default)]
pub(in crate::transform) struct Keep {
    whole: bool,
    inner: Vec<(Token, Self)>,
}

impl Keep {
    pub(in crate::transform) fn new<'a>(pointers: impl IntoIterator<Item = &'a Pointer>) -> Self {
        let mut root = Self::default();
        for pointer in pointers {
            let mut node = &mut root;
            for token in pointer.tokens() {
                let at = node.inner.iter().position(|(known, _)| known == token).unwrap_or(node.inner.len());
                if at == node.inner.len() {
                    node.inner.push((token.clone(), Self::default()));
                }
                node = &mut node.inner[at].1;
            }
            node.whole = true;
        }
        root
    }
}

fn not_an_object() -> RecordError {
    RecordError::new("not-an-object", "the record is no object")
}

impl Draft {
    /// Leaves out all but some parts. A container of which nothing is kept goes too.
    pub(in crate::transform) fn select(&mut self, keep: &Keep) -> Result<(), RecordError> {
        self.check()?;
        if keep.whole {
            return Ok(());
        }
        if self.shape != Shape::Object {
            return Err(not_an_object());
        }
        for n in 0..self.fields.len() {
            let field = self.fields[n];
            if field.key == Span::default() {
                continue;
            }
            let Some((_, inner)) =
                keep.inner.iter().find(|(token, _)| is_key(&self.text, &field, &token.name))
            else {
                self.remove_field(n);
                continue;
            };
            self.cuts.clear();
            if prune(&self.text, field.value, inner, &mut self.cuts)? {
                self.make_cuts(n);
            } else {
                self.remove_field(n);
            }
        }
        Ok(())
    }

    /// Puts the members of nested objects into the top level, under their keys joined by a separator. Arrays and empty
    /// objects stay values.
    pub(in crate::transform) fn flatten(&mut self, separator: &str) -> Result<(), RecordError> {
        self.check()?;
        if self.shape != Shape::Object {
            return Err(not_an_object());
        }
        let text = self.text.as_bytes();
        let nests = |field: &Member| field.key != Span::default() && text[field.value.start] == b'{';
        if !self.fields.iter().any(nests) {
            return Ok(());
        }
        let mut flat = Vec::with_capacity(self.fields.len() * 2);
        let mut changed = false;
        let mut joint = String::new();
        quote_inner(&mut joint, separator);
        for field in std::mem::take(&mut self.fields) {
            if field.key == Span::default() {
                continue;
            }
            let prefix = Span::new(field.key.start + 1, field.key.end - 1);
            if unfold(&mut self.text, &joint, prefix, field.value, &mut flat)? {
                changed = true;
            } else {
                flat.push(field);
            }
        }
        self.fields = flat;
        if changed {
            self.touch();
            self.refuse_twins()?;
            self.free_reserved();
        }
        Ok(())
    }

    /// Refuses two fields of one name of which at least one was made by flattening.
    fn refuse_twins(&self) -> Result<(), RecordError> {
        let name = |n: &u32| {
            let key = self.fields[*n as usize].key.of(&self.text);
            meaning(key).unwrap_or(key.into())
        };
        let mut order: Vec<u32> = (0..u32::try_from(self.fields.len()).unwrap_or(u32::MAX)).collect();
        order.sort_by_cached_key(name);
        for pair in order.windows(2) {
            let made = pair.iter().any(|n| self.fields[*n as usize].key.start >= self.read);
            if made && name(&pair[0]) == name(&pair[1]) {
                let message = format!("two fields would be named {:?}", name(&pair[0]));
                return Err(RecordError::new("flatten", message));
            }
        }
        Ok(())
    }
}

/// Adds the cuts that leave only the parts to keep of a value. Says whether anything is left.
fn prune(text: &str, value: Span, keep: &Keep, cuts: &mut Vec<Span>) -> Result<bool, RecordError> {
    if keep.whole {
        return Ok(true);
    }
    let mut level = Vec::new();
    let array = members(text, value, &mut level)?;
    // Where the members begin that are to be cut next, and the end of the last one kept before them.
    let mut from: Option<usize> = None;
    let mut kept: Option<usize> = None;
    for (n, member) in level.iter().enumerate() {
        let inner = keep.inner.iter().find(|(token, _)| match array {
            true => token.index == Some(n),
            false => is_key(text, member, &token.name),
        });
        let mark = cuts.len();
        if let Some(start) = from {
            cuts.push(Span::new(start, member.head.start));
        }
        let keeps = match inner {
            Some((_, inner)) => prune(text, member.value, inner, cuts)?,
            None => false,
        };
        if keeps {
            from = None;
            kept = Some(member.tail.end);
        } else {
            cuts.truncate(mark);
            from = from.or(Some(member.head.start));
        }
    }
    if let (Some(_), Some(last), Some(kept)) = (from, level.last(), kept) {
        cuts.push(Span::new(kept, last.tail.end));
    }
    Ok(kept.is_some())
}

/// Adds the members of an object as fields whose names begin with a prefix. Says whether it is an object with members.
/// No deeper than the record, which is at most 64 levels.
fn unfold(
    text: &mut String,
    joint: &str,
    prefix: Span,
    value: Span,
    flat: &mut Vec<Member>,
) -> Result<bool, RecordError> {
    let mut level = Vec::new();
    if members(text, value, &mut level)? || level.is_empty() {
        return Ok(false);
    }
    for member in level {
        let start = text.len();
        text.push('"');
        text.extend_from_within(prefix.start..prefix.end);
        text.push_str(joint);
        text.extend_from_within(member.key.start + 1..member.key.end - 1);
        let name = Span::new(start + 1, text.len());
        if unfold(text, joint, name, member.value, flat)? {
            continue;
        }
        text.push_str("\":");
        let key = Span::new(start, name.end + 1);
        let end = member.value.end;
        flat.push(Member {
            head: Span::new(start, name.end + 2),
            key,
            value: member.value,
            tail: Span::new(end, end),
            escaped: memchr::memchr(b'\\', key.of(text).as_bytes()).is_some(),
        });
    }
    Ok(true)
}

/// Reads the members or elements of a value; neither an object nor an array has none. Says whether it is an array.
fn members(text: &str, value: Span, level: &mut Vec<Member>) -> Result<bool, RecordError> {
    let bytes = text.as_bytes();
    match bytes[value.start] {
        b'{' => scan::object(bytes, value.start, 0, |member| level.push(member))?,
        b'[' => scan::array(bytes, value.start, 0, |member| level.push(member))?,
        _ => return Ok(false),
    };
    Ok(bytes[value.start] == b'[')
}

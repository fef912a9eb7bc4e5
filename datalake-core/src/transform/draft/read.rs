//! Looking into a draft.

use std::borrow::Cow;

use serde::Deserialize;

use super::super::fault::describe;
use super::super::pointer::{Pointer, Token};
use super::super::scan::{self, Span};
use super::super::text::meaning;
use super::{Draft, Shape, is_key};
use crate::RecordError;

impl Draft {
    /// The value at a pointer, as it stands in the JSON. `None` if there is none.
    ///
    /// # Errors
    /// The record is not JSON.
    pub fn field(&mut self, pointer: &Pointer) -> Result<Option<&str>, RecordError> {
        self.check()?;
        if pointer.tokens().is_empty() {
            if self.edited && self.built.is_none() {
                self.built = Some(self.build());
            }
            let whole = self.built.as_deref().unwrap_or(&self.text[self.root.start..self.root.end]);
            return Ok(Some(whole.trim_matches([' ', '\n', '\r', '\t'])));
        }
        Ok(self.locate(pointer.tokens())?.map(|span| span.of(&self.text)))
    }

    /// The text at a pointer, with its escapes resolved. `None` if there is no value or it is no string.
    ///
    /// # Errors
    /// The record is not JSON; with the reason `type`, the string holds half a surrogate pair and is no text.
    pub fn string(&mut self, pointer: &Pointer) -> Result<Option<Cow<'_, str>>, RecordError> {
        match self.field(pointer)? {
            Some(raw) if raw.starts_with('"') => match meaning(raw) {
                Some(text) => Ok(Some(text)),
                None => {
                    Err(RecordError::new("type", "half a surrogate pair is no text").at(pointer.as_str()))
                }
            },
            _ => Ok(None),
        }
    }

    /// The value at a pointer as a type of its own, for instance `u64` or a struct. `None` if there is none or it is
    /// `null`.
    ///
    /// # Errors
    /// The record is not JSON; with the reason `type`, the value does not fit the type.
    pub fn value<'a, T: Deserialize<'a>>(&'a mut self, pointer: &Pointer) -> Result<Option<T>, RecordError> {
        match self.field(pointer)? {
            None => Ok(None),
            Some(raw) => serde_json::from_str(raw)
                .map_err(|error| RecordError::new("type", describe(&error)).at(pointer.as_str())),
        }
    }

    /// The top-level fields in order: the name with its escapes resolved, and the value as it stands in the JSON.
    /// Duplicates come as often as they are there. None if the record is no object.
    ///
    /// # Errors
    /// The record is not JSON.
    pub fn fields(&mut self) -> Result<impl Iterator<Item = (Cow<'_, str>, &str)>, RecordError> {
        self.check()?;
        let live = self.fields.iter().filter(|field| field.key != Span::default());
        Ok(live.map(|field| {
            let key = field.key.of(&self.text);
            (meaning(key).unwrap_or(Cow::Borrowed(&key[1..key.len() - 1])), field.value.of(&self.text))
        }))
    }

    /// Whether the record is a JSON object.
    ///
    /// # Errors
    /// The record is not JSON.
    pub fn is_object(&mut self) -> Result<bool, RecordError> {
        self.check()?;
        Ok(self.shape == Shape::Object)
    }

    fn locate(&mut self, tokens: &[Token]) -> Result<Option<Span>, RecordError> {
        let Some((first, rest)) = tokens.split_first() else { return Ok(None) };
        let Some(field) = self.find(&first.name) else { return Ok(None) };
        let mut span = self.fields[field].value;
        for token in rest {
            self.enter(span)?;
            let Some(at) = self.member(token) else { return Ok(None) };
            span = self.level[at].value;
        }
        Ok(Some(span))
    }

    /// Reads the members or elements of a value into the level. Neither an object nor an array has none.
    pub(super) fn enter(&mut self, value: Span) -> Result<(), RecordError> {
        self.level.clear();
        let text = self.text.as_bytes();
        match text[value.start] {
            b'{' => scan::object(text, value.start, 0, |member| self.level.push(member))?,
            b'[' => scan::array(text, value.start, 0, |member| self.level.push(member))?,
            _ => value.end,
        };
        Ok(())
    }

    /// The member or element of the level that a step of a pointer names.
    pub(super) fn member(&self, token: &Token) -> Option<usize> {
        match self.level.first() {
            Some(first) if first.key == Span::default() => token.index.filter(|at| *at < self.level.len()),
            _ => self.level.iter().rposition(|member| is_key(&self.text, member, &token.name)),
        }
    }
}

//! Changing a draft.

use bytes::Bytes;

use super::super::pointer::{Pointer, Token};
use super::super::scan::{self, Member, Span};
use super::super::text::{quote, quote_inner};
use super::place::Reach;
use super::{Draft, RESERVED, Shape, is_key};
use crate::RecordError;

impl Draft {
    /// Puts a JSON value at a pointer, in the place of the one that is there. A member that is missing is added last
    /// in its object, and objects missing on the way to it are made; `-` adds an element to an array.
    ///
    /// # Errors
    /// The record is not JSON, or the value is not. With the reason `set`, the place cannot exist: the record is no
    /// object, something on the way is neither object nor array, or an array lacks the element. With the reason
    /// `reserved`, the field is `_lake`.
    pub fn set(&mut self, pointer: &Pointer, json: &str) -> Result<(), RecordError> {
        let value = scan::whole(json.as_bytes(), pointer.tokens().len())
            .map_err(|fault| RecordError::from(fault).at(pointer.as_str()))?;
        self.put(pointer, value.of(json))
    }

    /// As [`set`](Self::set), of a value that is known to be JSON and not too deep.
    pub(in crate::transform) fn put(&mut self, pointer: &Pointer, json: &str) -> Result<(), RecordError> {
        self.check()?;
        let refuse = |why: &str| Err(RecordError::new("set", why).at(pointer.as_str()));
        let tokens = pointer.tokens();
        let Some(first) = tokens.first() else {
            self.replace(Bytes::copy_from_slice(json.as_bytes()));
            return Ok(());
        };
        if *first.name == *RESERVED {
            return Err(reserved(pointer));
        }
        if self.shape != Shape::Object {
            return refuse("the record is no object");
        }
        let reach = self.reach(tokens)?;
        self.spare.clear();
        match reach {
            Reach::Field(n) => {
                self.spare.push_str(json);
                self.fields[n].value = self.keep_spare();
                self.touch();
            }
            Reach::Member { field, at } => {
                self.spare.push_str(json);
                self.rewrite(field, self.level[at].value);
            }
            Reach::Ends { field, value, step } => {
                let object = self.text.as_bytes()[value.start] == b'{';
                let array = self.text.as_bytes()[value.start] == b'[';
                let place = match self.level.last() {
                    Some(last) => last.value.end,
                    None => value.start + 1,
                };
                if !self.level.is_empty() {
                    self.spare.push(',');
                }
                if object {
                    wrap(&mut self.spare, &tokens[step..], json);
                } else if !array {
                    return refuse("something on the way is neither an object nor an array");
                } else if *tokens[step].name == *"-" {
                    make(&mut self.spare, &tokens[step + 1..], json);
                } else {
                    return refuse("an array lacks the element");
                }
                self.rewrite(field, Span::new(place, place));
            }
            Reach::Nowhere => {
                quote(&mut self.spare, &first.name);
                let key = self.spare.len();
                self.spare.push(':');
                let head = self.spare.len();
                make(&mut self.spare, &tokens[1..], json);
                let Span { start, end } = self.keep_spare();
                self.fields.push(Member {
                    head: Span::new(start, start + head),
                    key: Span::new(start, start + key),
                    value: Span::new(start + head, end),
                    tail: Span::new(end, end),
                    escaped: key != first.name.len() + 2,
                });
                self.touch();
            }
        }
        Ok(())
    }

    /// Takes out whatever is at a pointer, a member with its key and all its duplicates. Says whether there was
    /// anything. The whole record cannot be taken out: filter it.
    ///
    /// # Errors
    /// The record is not JSON.
    pub fn remove(&mut self, pointer: &Pointer) -> Result<bool, RecordError> {
        self.check()?;
        let found = match self.reach(pointer.tokens())? {
            Reach::Field(n) => {
                self.remove_field(n);
                true
            }
            Reach::Member { field, at } => {
                if let Some(token) = pointer.tokens().last() {
                    self.cut_member(at, token);
                }
                self.make_cuts(field);
                true
            }
            Reach::Ends { field, .. } => {
                self.make_cuts(field);
                false
            }
            Reach::Nowhere => false,
        };
        Ok(found)
    }

    /// Gives the member at a pointer another name, in its place. Says whether there was one.
    ///
    /// # Errors
    /// The record is not JSON. With the reason `rename`, its object has the new name already, or an element of an
    /// array is named. With the reason `reserved`, the new name is a top-level `_lake`.
    pub fn rename(&mut self, pointer: &Pointer, name: &str) -> Result<bool, RecordError> {
        self.check()?;
        let refuse = |why: &str| Err(RecordError::new("rename", why).at(pointer.as_str()));
        let tokens = pointer.tokens();
        if tokens.len() == 1 && name == RESERVED {
            return Err(reserved(pointer));
        }
        let same = tokens.last().is_some_and(|token| *token.name == *name);
        match self.reach(tokens)? {
            Reach::Field(n) => {
                if !same && self.find(name).is_some() {
                    return refuse("the new name is taken");
                }
                self.rename_field(n, name);
                Ok(true)
            }
            Reach::Member { field, at } => {
                let key = self.level[at].key;
                if key == Span::default() {
                    return refuse("an element of an array has no name");
                }
                if !same && self.level.iter().any(|member| is_key(&self.text, member, name)) {
                    return refuse("the new name is taken");
                }
                self.spare.clear();
                quote(&mut self.spare, name);
                self.rewrite(field, key);
                Ok(true)
            }
            Reach::Ends { field, .. } => {
                self.make_cuts(field);
                Ok(false)
            }
            Reach::Nowhere => Ok(false),
        }
    }

    /// Gives the value at a pointer, as it stands in the JSON, to `change`, and puts what it gives in its place; `None`
    /// leaves it. Says whether there was a value. One look for the place serves both, so this is the cheap way to
    /// change a value that depends on the old one.
    ///
    /// # Errors
    /// As [`set`](Self::set), or whatever `change` fails with.
    pub fn update(
        &mut self,
        pointer: &Pointer,
        change: impl FnOnce(&str) -> Result<Option<String>, RecordError>,
    ) -> Result<bool, RecordError> {
        self.revise(pointer, |raw, out| {
            let Some(json) = change(raw)? else { return Ok(false) };
            let value = scan::whole(json.as_bytes(), pointer.tokens().len())
                .map_err(|fault| RecordError::from(fault).at(pointer.as_str()))?;
            out.push_str(value.of(&json));
            Ok(true)
        })
    }

    /// As [`update`](Self::update), with the new value appended to a text and known to be JSON. `Ok(false)` leaves the
    /// old one.
    pub(in crate::transform) fn revise(
        &mut self,
        pointer: &Pointer,
        change: impl FnOnce(&str, &mut String) -> Result<bool, RecordError>,
    ) -> Result<bool, RecordError> {
        if pointer.tokens().is_empty() {
            let mut new = String::new();
            if change(self.field(pointer)?.unwrap_or_default(), &mut new)? {
                self.replace(new);
            }
            return Ok(true);
        }
        self.check()?;
        let reach = self.reach(pointer.tokens())?;
        self.spare.clear();
        match reach {
            Reach::Field(n) => {
                if change(self.fields[n].value.of(&self.text), &mut self.spare)? {
                    self.fields[n].value = self.keep_spare();
                    self.touch();
                }
                Ok(true)
            }
            Reach::Member { field, at } => {
                let value = self.level[at].value;
                if change(value.of(&self.text), &mut self.spare)? {
                    self.rewrite(field, value);
                } else {
                    self.make_cuts(field);
                }
                Ok(true)
            }
            Reach::Ends { field, .. } => {
                self.make_cuts(field);
                Ok(false)
            }
            Reach::Nowhere => Ok(false),
        }
    }

    pub(super) fn rename_field(&mut self, n: usize, name: &str) {
        let Member { head, key, .. } = self.fields[n];
        let start = self.text.len();
        self.text.extend_from_within(head.start..key.start);
        let from = self.text.len();
        self.text.push('"');
        quote_inner(&mut self.text, name);
        self.text.push('"');
        let to = self.text.len();
        self.text.extend_from_within(key.end..head.end);
        let field = &mut self.fields[n];
        field.head = Span::new(start, self.text.len());
        field.key = Span::new(from, to);
        field.escaped = to - from != name.len() + 2;
        self.touch();
    }
}

fn reserved(pointer: &Pointer) -> RecordError {
    RecordError::new("reserved", "the field `_lake` belongs to lineage").at(pointer.as_str())
}

/// Appends a member, and in its value all further steps as objects around the JSON.
fn wrap(out: &mut String, tokens: &[Token], json: &str) {
    if let Some((first, rest)) = tokens.split_first() {
        quote(out, &first.name);
        out.push(':');
        make(out, rest, json);
    }
}

/// Appends a value: the JSON with an object around it for each step.
fn make(out: &mut String, tokens: &[Token], json: &str) {
    for token in tokens {
        out.push('{');
        quote(out, &token.name);
        out.push(':');
    }
    out.push_str(json);
    out.extend(tokens.iter().map(|_| '}'));
}

//! Finding the place of an edit, and putting a nested edit into its field.

use super::super::pointer::Token;
use super::super::scan::{Member, Span};
use super::{Draft, is_key};
use crate::RecordError;

/// How far a pointer reaches into an object.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reach {
    /// To a field.
    Field(usize),
    /// To a member of the level, inside a field.
    Member { field: usize, at: usize },
    /// To a value inside a field, or to the field, which lacks the step with this number.
    Ends { field: usize, value: Span, step: usize },
    /// To no field.
    Nowhere,
}

impl Draft {
    /// Follows a pointer that is not empty. Drops the duplicates of each key on the way: those of fields at once,
    /// those further in with the next rewrite.
    pub(super) fn reach(&mut self, tokens: &[Token]) -> Result<Reach, RecordError> {
        self.cuts.clear();
        let Some(field) = tokens.first().and_then(|token| self.find(&token.name)) else {
            return Ok(Reach::Nowhere);
        };
        for n in 0..field {
            if is_key(&self.text, &self.fields[n], &tokens[0].name) {
                self.remove_field(n);
            }
        }
        let mut value = self.fields[field].value;
        for (step, token) in tokens.iter().enumerate().skip(1) {
            self.enter(value)?;
            let Some(at) = self.member(token) else { return Ok(Reach::Ends { field, value, step }) };
            for pair in self.level[..=at].windows(2) {
                if is_key(&self.text, &pair[0], &token.name) {
                    self.cuts.push(Span::new(pair[0].head.start, pair[1].head.start));
                }
            }
            if step + 1 == tokens.len() {
                return Ok(Reach::Member { field, at });
            }
            value = self.level[at].value;
        }
        Ok(Reach::Field(field))
    }

    pub(super) fn remove_field(&mut self, n: usize) {
        self.fields[n].key = Span::default();
        self.fields[n].escaped = false;
        self.touch();
    }

    /// Notes that the text has changed.
    pub(super) fn touch(&mut self) {
        self.edited = true;
        self.built = None;
    }

    /// Appends the spare text to the text and gives its place.
    pub(super) fn keep_spare(&mut self) -> Span {
        let start = self.text.len();
        self.text.push_str(&self.spare);
        Span::new(start, self.text.len())
    }

    /// Gives a field its value again, without what is cut and with the spare text in the place `at`, which comes after
    /// all cuts.
    pub(super) fn rewrite(&mut self, field: usize, at: Span) {
        let value = self.fields[field].value;
        let start = self.text.len();
        let mut from = value.start;
        for cut in &self.cuts {
            self.text.extend_from_within(from..cut.start);
            from = cut.end;
        }
        self.text.extend_from_within(from..at.start);
        self.text.push_str(&self.spare);
        self.text.extend_from_within(at.end..value.end);
        self.fields[field].value = Span::new(start, self.text.len());
        self.touch();
    }

    /// Makes the cuts in a field, if there are any.
    pub(super) fn make_cuts(&mut self, field: usize) {
        if !self.cuts.is_empty() {
            let end = self.fields[field].value.end;
            self.spare.clear();
            self.rewrite(field, Span::new(end, end));
        }
    }

    /// Adds the cut of a member of the level, in place of the cuts of its duplicates next to it.
    pub(super) fn cut_member(&mut self, at: usize, token: &Token) {
        let member = self.level[at];
        let kept = |before: &&Member| !is_key(&self.text, before, &token.name);
        let cut = if let Some(next) = self.level.get(at + 1) {
            Span::new(member.head.start, next.head.start)
        } else if let Some(before) = self.level[..at].iter().rfind(kept) {
            Span::new(before.tail.end, member.tail.end)
        } else {
            Span::new(self.level[0].head.start, member.tail.end)
        };
        self.cuts.retain(|other| other.start < cut.start);
        self.cuts.push(cut);
    }
}

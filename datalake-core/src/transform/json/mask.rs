use serde_json::{Value, json};

use super::{describe, part};
use crate::transform::text::{meaning, quote};
use crate::transform::{Draft, PerRecord, Pointer, RecordTransform, Verdict};
use crate::{RecordError, Result};

const HIDDEN: &str = "***";

/// See [`mask`].
#[derive(Debug)]
pub struct Mask {
    name: String,
    pointer: Pointer,
    style: Style,
}

#[derive(Debug)]
enum Style {
    /// A text, and the same as JSON.
    Fixed(String, String),
    KeepLast(usize),
    Shape,
}

/// Hides the value at a pointer: whatever it is becomes the string `"***"`, unless a setting of the step says
/// otherwise. `null` stays `null`, since it hides nothing; a field that is missing stays missing. The value appears
/// in no error.
///
/// # Errors
/// The pointer is wrong or names the whole record.
pub fn mask(name: &str, pointer: &str) -> Result<PerRecord<Mask>> {
    Ok(PerRecord(Mask { name: name.to_owned(), pointer: part(pointer)?, style: Style::fixed(HIDDEN) }))
}

impl PerRecord<Mask> {
    /// Puts this text in the place of the value.
    #[must_use]
    pub fn with(mut self, text: &str) -> Self {
        self.0.style = Style::fixed(text);
        self
    }

    /// Shows the last characters of a string or number and puts `*` in the place of each other. A value that is not at
    /// least twice as long is hidden whole. Objects, arrays and booleans become `"***"`.
    #[must_use]
    pub fn keep_last(mut self, characters: usize) -> Self {
        self.0.style = Style::KeepLast(characters);
        self
    }

    /// Shows the shape of a string or number: letters become `x` or `X`, digits `9`, and all else stays, so
    /// `Jo-1@shop.example` becomes `Xx-9@xxxx.xxxxxxx`. Objects, arrays and booleans become `"***"`.
    #[must_use]
    pub fn keep_shape(mut self) -> Self {
        self.0.style = Style::Shape;
        self
    }
}

impl RecordTransform for Mask {
    describe!();

    fn config(&self) -> Value {
        let style = match &self.style {
            Style::Fixed(text, _) => json!({ "text": text }),
            Style::KeepLast(n) => json!({ "keep_last": n }),
            Style::Shape => json!("shape"),
        };
        json!({ "step": "mask", "pointer": self.pointer.as_str(), "style": style })
    }

    fn apply(&self, draft: &mut Draft) -> Result<Verdict, RecordError> {
        draft.revise(&self.pointer, |raw, out| {
            if raw == "null" {
                return Ok(false);
            }
            self.style.hide(raw, out);
            Ok(true)
        })?;
        Ok(Verdict::Keep)
    }
}

impl Style {
    fn fixed(text: &str) -> Self {
        let mut json = String::new();
        quote(&mut json, text);
        Self::Fixed(text.to_owned(), json)
    }

    /// Appends what stands in the place of a value.
    fn hide(&self, raw: &str, out: &mut String) {
        let text = || match raw.as_bytes()[0] {
            b'"' => meaning(raw),
            b'-' | b'0'..=b'9' => Some(raw.into()),
            _ => None,
        };
        let hidden = match self {
            Self::Fixed(_, json) => return out.push_str(json),
            Self::KeepLast(n) => text().map(|text| keep_last(&text, *n)),
            Self::Shape => text().map(|text| text.chars().map(shape).collect()),
        };
        quote(out, hidden.as_deref().unwrap_or(HIDDEN));
    }
}

fn keep_last(text: &str, n: usize) -> String {
    let length = text.chars().count();
    let hidden = if length / 2 >= n { length - n } else { length };
    text.chars().enumerate().map(|(at, char)| if at < hidden { '*' } else { char }).collect()
}

fn shape(char: char) -> char {
    match char {
        _ if char.is_numeric() => '9',
        _ if char.is_uppercase() => 'X',
        _ if char.is_alphabetic() => 'x',
        _ => char,
    }
}

use std::borrow::Cow;

use serde_json::{Value, json};

use super::timestamp::Format;
use super::{comma, describe, part};
use crate::transform::scan;
use crate::transform::text::{meaning, quote};
use crate::transform::{Draft, PerRecord, Pointer, RecordTransform, Verdict};
use crate::{RecordError, Result};

/// What a value is to become. Casts lose nothing: where the value cannot be kept whole, the record is refused.
///
/// `null` stays `null`. White space around a text that becomes something else is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Type {
    /// An integer of any size. Texts of an integer without leading zeros or `+`, and numbers; a fraction of zeros goes.
    Integer,
    /// A number. Texts of a JSON number keep their digits: `"0.30"` becomes `0.30`.
    Number,
    /// A boolean: the texts `true` and `false` in any case, `1` and `0` as texts or numbers.
    Boolean,
    /// A string. Numbers keep their digits: `0.30` becomes `"0.30"`. Booleans become `"true"` and `"false"`.
    String,
    /// A time of the form of RFC 3339 in UTC, out of a text or number of a form in the notation of
    /// [`chrono`](https://docs.rs/chrono/latest/chrono/format/strftime), for instance `%d.%m.%Y %H:%M` or `%s`. Without an
    /// offset in the text it is taken for UTC, without a time of day for midnight.
    Timestamp(String),
}

/// See [`cast`].
#[derive(Debug)]
pub struct Cast {
    name: String,
    pointer: Pointer,
    to: Type,
    format: Option<Format>,
    empty_as_null: bool,
    decimal_comma: bool,
    required: bool,
}

/// Makes the value at a pointer another type.
///
/// A record whose value cannot become that type is refused with the reason `cast` and the pointer; the value itself
/// is not in the message.
///
/// # Errors
/// The pointer is wrong or names the whole record, or the form of a time is wrong.
pub fn cast(name: &str, pointer: &str, to: Type) -> Result<PerRecord<Cast>> {
    let format = match &to {
        Type::Timestamp(format) => Some(Format::parse(format)?),
        _ => None,
    };
    let pointer = part(pointer)?;
    let name = name.to_owned();
    let (empty_as_null, decimal_comma, required) = (false, false, false);
    Ok(PerRecord(Cast { name, pointer, to, format, empty_as_null, decimal_comma, required }))
}

impl PerRecord<Cast> {
    /// Makes `null` of a text that is empty or white space. Otherwise such a text is refused, or kept if the type is
    /// [`String`](Type::String).
    #[must_use]
    pub fn empty_as_null(mut self) -> Self {
        self.0.empty_as_null = true;
        self
    }

    /// Reads texts that become a number or an integer with a comma before the fraction, and points, spaces or apostrophes
    /// between groups of three digits: `"1.234,50"` becomes `1234.50`, and so does `"1.234,50-"` with a minus. A text
    /// that is not of this form, such as `"1.5"`, is refused.
    ///
    /// ```
    /// use datalake_core::transform::json::{Type, cast};
    ///
    /// let amount = cast("amount", "/Betrag", Type::Number)?.decimal_comma().empty_as_null();
    /// # let _ = amount;
    /// # Ok::<(), datalake_core::Error>(())
    /// ```
    #[must_use]
    pub fn decimal_comma(mut self) -> Self {
        self.0.decimal_comma = true;
        self
    }

    /// Refuses a record in which the field is missing or `null`, or becomes so. Otherwise it is left alone.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.0.required = true;
        self
    }
}

impl RecordTransform for Cast {
    describe!();

    fn config(&self) -> Value {
        let to = match &self.to {
            Type::Integer => json!("integer"),
            Type::Number => json!("number"),
            Type::Boolean => json!("boolean"),
            Type::String => json!("string"),
            Type::Timestamp(format) => json!({ "timestamp": format }),
        };
        let mut config = json!({
            "step": "cast",
            "pointer": self.pointer.as_str(),
            "to": to,
            "empty_as_null": self.empty_as_null,
            "required": self.required,
        });
        if self.decimal_comma {
            config["decimal_comma"] = json!(true);
        }
        config
    }

    fn apply(&self, draft: &mut Draft) -> Result<Verdict, RecordError> {
        let refuse = |why: &str| RecordError::new("cast", why).at(self.pointer.as_str());
        let found = draft.revise(&self.pointer, |raw, out| {
            let text = match raw.as_bytes()[0] {
                b'"' => meaning(raw).ok_or_else(|| refuse("half a surrogate pair is no text"))?,
                _ => Cow::Borrowed(raw),
            };
            let quoted = raw.starts_with('"');
            let null = !quoted && raw == "null" || quoted && self.empty_as_null && text.trim().is_empty();
            if null && self.required {
                return Err(refuse("the value is null or empty"));
            }
            if null {
                out.push_str("null");
            } else if let Err(what) = self.convert(raw, &text, out) {
                return Err(refuse(what));
            }
            Ok(out != raw)
        })?;
        if !found && self.required {
            return Err(refuse("the field is missing"));
        }
        Ok(Verdict::Keep)
    }
}

impl Cast {
    /// Appends the value as the type. The text is what a string means and otherwise the value as it stands.
    fn convert(&self, raw: &str, text: &str, out: &mut String) -> Result<(), &'static str> {
        let first = raw.as_bytes()[0];
        let quoted = first == b'"';
        let number = first == b'-' || first.is_ascii_digit();
        let comma = quoted && self.decimal_comma && matches!(self.to, Type::Integer | Type::Number);
        let text = match comma {
            true => {
                Cow::Owned(comma::number(text.trim()).ok_or("the value is no number with a decimal comma")?)
            }
            false => Cow::Borrowed(text),
        };
        let trimmed = text.trim();
        let is_number = || scan::number(trimmed.as_bytes(), 0) == Ok(trimmed.len());
        match &self.to {
            Type::String if quoted => out.push_str(raw),
            Type::String if !matches!(first, b'{' | b'[') => quote(out, raw),
            Type::Integer if (quoted || number) && is_number() => {
                let (whole, fraction) = trimmed.split_once('.').unwrap_or((trimmed, ""));
                if trimmed.contains(['e', 'E']) || fraction.bytes().any(|digit| digit != b'0') {
                    return Err("the value is no integer");
                }
                out.push_str(whole);
            }
            Type::Number if (quoted || number) && is_number() => out.push_str(trimmed),
            Type::Boolean if !quoted && !number && !matches!(first, b'{' | b'[') => out.push_str(raw),
            Type::Boolean if quoted || number => match trimmed {
                "1" => out.push_str("true"),
                "0" => out.push_str("false"),
                _ if quoted && trimmed.eq_ignore_ascii_case("true") => out.push_str("true"),
                _ if quoted && trimmed.eq_ignore_ascii_case("false") => out.push_str("false"),
                _ => return Err("the value is no boolean"),
            },
            Type::Timestamp(_) if quoted || number => {
                match self.format.as_ref().and_then(|form| form.read(trimmed)) {
                    Some(time) => quote(out, &time),
                    None => return Err("the value is no time of the form"),
                }
            }
            Type::Integer => return Err("the value is no integer"),
            Type::Number => return Err("the value is no number"),
            Type::Boolean => return Err("the value is no boolean"),
            Type::String => return Err("an object or array is no string"),
            Type::Timestamp(_) => return Err("the value is no time"),
        }
        Ok(())
    }
}

//! Values as PostgreSQL writes them, made into JSON.
//!
//! The text of a value and the [`Kind`] of its type give one JSON value, without loss:
//!
//! | type | JSON |
//! |---|---|
//! | `smallint`, `integer`, `bigint`, `real`, `double precision`, `numeric` | a number, digit for digit as the server writes it; `NaN`, `Infinity` and `-Infinity` as strings |
//! | `boolean` | `true`, `false` |
//! | `json`, `jsonb` | the value itself, byte for byte |
//! | `timestamp with time zone` | RFC 3339 in UTC, `"2024-01-02T03:04:05.678Z"`; `"infinity"` and `"-infinity"` |
//! | `timestamp` | the same without a zone |
//! | `date`, `time`, `interval` (ISO 8601) and all others: text, `uuid`, `money`, enums, ranges, addresses, geometry, `xid8` | the text, as a string |
//! | `bytea` | base64 |
//! | arrays | an array, nested where there are several dimensions; lower bounds other than 1 stay in the raw zone alone |
//! | composite types | an object |
//! | domains | as what they are made of |
//! | NULL | `null` |
//!
//! A year beyond 9999 has more digits, and one before Christ ends in ` BC`, as the server writes them.

use datalake_core::RecordError;

mod array;
mod composite;
mod kind;
#[cfg(test)]
mod tests;
mod text;
mod time;

pub(super) use kind::{Field, Kind};
pub(super) use text::string;

/// Deeper than this, values are not nested.
const DEEPEST: usize = 32;

impl Kind {
    /// Writes the JSON of a value. `text` is what the server writes for it.
    ///
    /// # Errors
    /// The text is none of the kind. What was written of it is in `out`.
    pub(super) fn write(&self, text: &str, out: &mut Vec<u8>) -> Result<(), RecordError> {
        self.nested(text, 0, out)
    }

    fn nested(&self, text: &str, depth: usize, out: &mut Vec<u8>) -> Result<(), RecordError> {
        match self {
            _ if depth > DEEPEST => return Err(odd("a value is nested too deeply")),
            Self::Text => string(text, out),
            Self::Number if is_number(text) => out.extend_from_slice(text.as_bytes()),
            Self::Number => string(text, out),
            Self::Bool => out.extend_from_slice(match text {
                "t" | "true" => b"true",
                "f" | "false" => b"false",
                _ => return Err(odd("a boolean is neither t nor f")),
            }),
            Self::Json => text::json(text, out),
            Self::Timestamp | Self::TimestampTz => time::timestamp(text, out),
            Self::Bytes => text::bytes(text, out)?,
            Self::Array { of, delimiter } => array::write(text, of, *delimiter, depth, out)?,
            Self::Composite { fields } => composite::write(text, fields, depth, out)?,
        }
        Ok(())
    }
}

fn odd(what: &'static str) -> RecordError {
    RecordError::new("value", what)
}

/// Whether a text is a number in JSON too, given that a server wrote it as one.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    let plain = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
    match digits {
        [b'0', b'0'..=b'9', ..] => false,
        [b'0'..=b'9', .., b'0'..=b'9'] | [b'0'..=b'9'] => digits.iter().all(plain),
        _ => false,
    }
}

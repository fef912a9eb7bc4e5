//! An event in a query string.

use std::borrow::Cow;

use datalake_core::split::{Decoder, Piece};
use datalake_core::{Content, Document, RecordError};
use serde_json::{Map, Value};

use super::body::is_id;

/// The name of the decoder, which is kept with every document for ever.
pub(super) const QUERY: &str = "web.query";

/// The decoder `web.query`: makes a JSON object of strings of a query string. One that is no text, or has a name twice, is an
/// error.
///
/// A collector brings it. A [lake](datalake_core::lake::Lake::with_decoders) needs it to trace the record of a picture to its
/// bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct QueryDecoder;

impl Decoder for QueryDecoder {
    fn name(&self) -> &'static str {
        QUERY
    }

    fn decode(&self, document: &Document, _settings: &Value, piece: &mut dyn FnMut(Piece)) {
        let range = 0..document.len();
        piece(match object(document.bytes()) {
            Ok(object) => Piece::new(range, Value::Object(object).to_string(), Content::Json),
            Err(error) => Piece::error(range, error),
        });
    }
}

fn object(query: &[u8]) -> Result<Map<String, Value>, RecordError> {
    let mut object = Map::new();
    for pair in pairs(query) {
        let (name, value) = pair.ok_or_else(|| RecordError::new("query", "the query string is no text"))?;
        if object.contains_key(&name) {
            return Err(RecordError::new("query", "the query string has a name twice").at(format!("/{name}")));
        }
        object.insert(name, value.into());
    }
    Ok(object)
}

/// The names and values of a query string, in order; `None` for one that is no text once its escapes are resolved.
pub(super) fn pairs(query: &[u8]) -> impl Iterator<Item = Option<(String, String)>> {
    query.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
        let cut = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        let (name, value) = (&pair[..cut], pair.get(cut + 1..).unwrap_or_default());
        Some((text(name)?, text(value)?))
    })
}

/// The id of the event, if it has one.
pub(super) fn id(query: &[u8]) -> Option<String> {
    let (_, id) = pairs(query).flatten().find(|(name, _)| name == "eid")?;
    is_id(&id).then_some(id)
}

/// Text without the escapes of forms: `+` is a blank, `%41` a byte. A percent sign that escapes nothing stays.
fn text(escaped: &[u8]) -> Option<String> {
    let mut bytes = Cow::Borrowed(escaped);
    if escaped.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        let mut plain = Vec::with_capacity(escaped.len());
        let mut rest = escaped;
        while let Some((first, after)) = rest.split_first() {
            let escape = match (first, after) {
                (b'%', [high, low, ..]) => digit(*high).zip(digit(*low)),
                _ => None,
            };
            (rest, _) = match (first, escape) {
                (_, Some((high, low))) => (&after[2..], plain.push(high << 4 | low)),
                (b'+', None) => (after, plain.push(b' ')),
                (other, None) => (after, plain.push(*other)),
            };
        }
        bytes = plain.into();
    }
    String::from_utf8(bytes.into_owned()).ok()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_resolved_and_what_is_no_text_is_told() {
        let found: Vec<_> = pairs(b"e=pv&page=a+b%20%c3%BC%26&&empty=&alone&p%=%zz%4&bad=%ff").collect();
        let pair = |name: &str, value: &str| Some((name.to_owned(), value.to_owned()));
        let expected = [
            pair("e", "pv"),
            pair("page", "a b \u{fc}&"),
            pair("empty", ""),
            pair("alone", ""),
            pair("p%", "%zz%4"),
            None,
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_query_string_is_an_object_or_an_error() {
        let decode = |query: &'static str| {
            let mut pieces = Vec::new();
            let document = Document::new(query, "/i", datalake_core::Format::Whole);
            QueryDecoder.decode(&document, &Value::Null, &mut |piece| pieces.push(piece));
            pieces.remove(0)
        };
        let piece = decode("e=pv&page=%22a%22&n=1");
        assert_eq!((&piece.body[..], piece.range), (&br#"{"e":"pv","n":"1","page":"\"a\""}"#[..], 0..21));
        for bad in ["e=%ff", "e=pv&e=pp"] {
            assert_eq!(decode(bad).error.unwrap().reason, "query");
        }
    }

    #[test]
    fn the_id_is_found_in_any_place() {
        assert_eq!(id(b"e=pv&eid=abc&p=web").as_deref(), Some("abc"));
        for none in [&b"e=pv"[..], b"eid=", b"eid=%0a", b"eid=%ff"] {
            assert_eq!(id(none), None);
        }
    }
}

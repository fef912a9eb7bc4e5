//! The name of an event.

use std::borrow::Cow;
use std::fmt;

use datalake_core::Sha256;
use hyper::header::{HeaderMap, HeaderName};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The longest id taken from a sender, in bytes.
const LONGEST: usize = 256;

/// Where the id of an event is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum IdRule {
    /// In a header.
    Header(HeaderName),
    /// In the JSON body, as a JSON Pointer.
    Pointer(String),
    /// Nowhere: the digest of the body.
    Body,
}

impl IdRule {
    /// The id the sender gave, if it is one: not empty, without control characters, at most 256 bytes.
    pub(super) fn find(&self, headers: &HeaderMap, body: &[u8]) -> Option<String> {
        let id = match self {
            Self::Header(name) => headers.get(name)?.to_str().ok()?.trim().to_owned(),
            Self::Pointer(pointer) => scalar(body, pointer)?,
            Self::Body => return None,
        };
        let fit = !id.is_empty() && id.len() <= LONGEST && !id.chars().any(char::is_control);
        fit.then_some(id)
    }
}

/// By which an event is known again: the path, the id and, where the id is not signed, the body. With an id that
/// anybody could put on any body, only the same body is the same event.
pub(super) fn key(path: &str, id: &str, unsigned_body: Option<&[u8]>) -> Sha256 {
    let digest = unsigned_body.map(Sha256::of);
    let body = digest.as_ref().map_or(&[][..], |digest| &digest.as_bytes()[..]);
    Sha256::of_parts([path.as_bytes(), b"\0", id.as_bytes(), b"\0", body])
}

/// The string or number at a JSON Pointer. Builds no tree. `None` if there is none, or the text is no JSON.
fn scalar(json: &[u8], pointer: &str) -> Option<String> {
    let mut raw: &RawValue = serde_json::from_slice(json).ok()?;
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        raw = Member(&token).deserialize(&mut serde_json::Deserializer::from_str(raw.get())).ok()??;
    }
    match raw.get().as_bytes().first()? {
        b'"' => serde_json::from_str(raw.get()).ok(),
        b'-' | b'0'..=b'9' => Some(raw.get().to_owned()),
        _ => None,
    }
}

/// Finds one member of an object or element of an array. The last of several members of one name wins.
struct Member<'t>(&'t str);

impl<'de> DeserializeSeed<'de> for Member<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<Cow<'_, str>>()? {
            if name == self.0 {
                found = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let wanted: Option<usize> = self.0.parse().ok();
        let (mut found, mut index) = (None, 0);
        while let Some(element) = seq.next_element::<&RawValue>()? {
            if Some(index) == wanted {
                found = Some(element);
            }
            index += 1;
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_finds_a_string_or_a_number() {
        let json =
            br#" {"a":{"x/y":[null,{"id":"e\u00e9"}],"n":12345678901234567890123},"id":1,"id":"last"} "#;
        for (pointer, id) in [
            ("/a/x~1y/1/id", Some("eé")),
            ("/a/n", Some("12345678901234567890123")),
            ("/id", Some("last")),
            ("/a/x~1y/0", None),
            ("/a/x~1y/2", None),
            ("/a", None),
            ("/nothing/here", None),
            ("/id/deeper", None),
        ] {
            assert_eq!(scalar(json, pointer).as_deref(), id, "{pointer}");
        }
        for bad in [&b""[..], b"{", b"{\"id\":1} x", b"\xff", b"id=1"] {
            assert_eq!(scalar(bad, "/id"), None);
        }
    }

    #[test]
    fn an_id_is_short_and_printable() {
        let rule = IdRule::Pointer("/id".into());
        let find =
            |id: &str| rule.find(&HeaderMap::new(), serde_json::json!({ "id": id }).to_string().as_bytes());
        assert_eq!(find("evt_1").as_deref(), Some("evt_1"));
        for bad in ["", "a\nb", &"x".repeat(257)] {
            assert_eq!(find(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn an_unsigned_id_names_only_its_own_body() {
        assert_eq!(key("/a", "1", None), key("/a", "1", None));
        assert_ne!(key("/a", "1", None), key("/b", "1", None));
        assert_ne!(key("/a", "1", Some(b"x")), key("/a", "1", Some(b"y")));
    }
}

//! Single values out of JSON text, in one pass and without a tree.

use std::fmt;

use serde::Deserialize as _;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Which values to take: JSON Pointers, each with the number of the slot its value goes to.
#[derive(Debug, Clone, Default)]
pub(super) struct Probe {
    children: Vec<(String, Self)>,
    slot: Option<usize>,
}

/// Whether a text is a JSON Pointer (RFC 6901).
pub(super) fn is_pointer(text: &str) -> bool {
    let escapes = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    (text.is_empty() || text.starts_with('/')) && escapes
}

impl Probe {
    /// Takes the value at a pointer too.
    pub(super) fn with(mut self, pointer: &str, slot: usize) -> Self {
        let mut node = &mut self;
        for name in pointer.split('/').skip(1) {
            let name = name.replace("~1", "/").replace("~0", "~");
            let at = node.children.iter().position(|(known, _)| *known == name);
            let at = at.unwrap_or_else(|| {
                node.children.push((name, Self::default()));
                node.children.len() - 1
            });
            node = &mut node.children[at].1;
        }
        node.slot = Some(slot);
        self
    }

    /// Takes the values out of a JSON text. The whole text is checked.
    ///
    /// # Errors
    /// The text is no JSON value. Slots may have been filled.
    pub(super) fn take<'de>(
        &self,
        text: &'de [u8],
        out: &mut [Option<&'de RawValue>],
    ) -> serde_json::Result<()> {
        let mut json = serde_json::Deserializer::from_slice(text);
        self.walk(out).deserialize(&mut json)?;
        json.end()
    }

    /// A seed that takes the values out of one value of a longer text.
    pub(super) fn walk<'p, 'o, 'de>(&'p self, out: &'o mut [Option<&'de RawValue>]) -> Walk<'p, 'o, 'de> {
        Walk { probe: self, out }
    }
}

/// See [`Probe::walk`].
pub(super) struct Walk<'p, 'o, 'de> {
    probe: &'p Probe,
    out: &'o mut [Option<&'de RawValue>],
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        let Some(slot) = self.probe.slot else {
            return match self.probe.children.as_slice() {
                [] => IgnoredAny::deserialize(json).map(drop),
                _ => json.deserialize_any(self),
            };
        };
        let value = <&RawValue>::deserialize(json)?;
        self.out[slot] = Some(value);
        if self.probe.children.is_empty() {
            return Ok(());
        }
        let inner = Probe { children: self.probe.children.clone(), slot: None };
        inner.take(value.get().as_bytes(), self.out).map_err(D::Error::custom)
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(child) = map.next_key_seed(Key(&self.probe.children))? {
            match child {
                Some(child) => map.next_value_seed(child.walk(self.out))?,
                None => map.next_value::<IgnoredAny>().map(drop)?,
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        static NONE: Probe = Probe { children: Vec::new(), slot: None };
        for n in 0.. {
            let name: String = i32::to_string(&n);
            let child = self.probe.children.iter().find(|(known, _)| *known == name);
            let child = child.map_or(&NONE, |(_, child)| child);
            if seq.next_element_seed(child.walk(self.out))?.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Finds the child that a key names, without keeping the key.
struct Key<'p>(&'p [(String, Probe)]);

impl<'de, 'p> DeserializeSeed<'de> for Key<'p> {
    type Value = Option<&'p Probe>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl<'p> Visitor<'_> for Key<'p> {
    type Value = Option<&'p Probe>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().find(|(name, _)| name == key).map(|(_, child)| child))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken<'a>(text: &'a str, pointers: &[&str]) -> Vec<Option<&'a str>> {
        let mut probe = Probe::default();
        for (slot, pointer) in pointers.iter().enumerate() {
            probe = probe.with(pointer, slot);
        }
        let mut out = vec![None; pointers.len()];
        probe.take(text.as_bytes(), &mut out).unwrap();
        out.into_iter().map(|value| value.map(RawValue::get)).collect()
    }

    #[test]
    fn values_keep_their_exact_text() {
        let text = r#"{"a":{"b":0.30,"c/d":[1,{"e":"x\u00e9"}]},"n":null,"z":12345678901234567890123}"#;
        let pointers = ["/a/b", "/a/c~1d/1/e", "/n", "/z", "/missing", "/a/b/deeper"];
        assert_eq!(
            taken(text, &pointers),
            [Some("0.30"), Some(r#""x\u00e9""#), Some("null"), Some("12345678901234567890123"), None, None]
        );
    }

    #[test]
    fn a_value_and_one_inside_it_can_both_be_taken() {
        assert_eq!(taken(r#"{"a":{"b":1}}"#, &["/a", "/a/b"]), [Some(r#"{"b":1}"#), Some("1")]);
        assert_eq!(taken("[1,2]", &[""]), [Some("[1,2]")]);
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in ["", "{", "[1,]", "{} x", "<html>", "{\"a\":\"\u{0}\"}"] {
            assert!(Probe::default().with("/a", 0).take(text.as_bytes(), &mut [None]).is_err(), "{text}");
        }
    }

    #[test]
    fn a_pointer_is_told_from_other_text() {
        for (text, ok) in [("", true), ("/a~1b/0", true), ("a", false), ("/a~2", false), ("/a~", false)] {
            assert_eq!(is_pointer(text), ok, "{text}");
        }
    }
}

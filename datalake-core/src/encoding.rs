//! Which bytes stand for which characters.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Error, Result};

/// How the text of a document is encoded. Documents stay as they are; their records are UTF-8.
///
/// It goes by the names of the [Encoding Standard](https://encoding.spec.whatwg.org/), in which `latin-1` and
/// `iso-8859-1` mean `windows-1252`.
///
/// ```
/// use datalake_core::Encoding;
///
/// let latin: Encoding = "cp1252".parse()?;
/// assert_eq!(latin, Encoding::WINDOWS_1252);
/// assert_eq!(latin.to_string(), "windows-1252");
/// # Ok::<(), datalake_core::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Encoding(&'static encoding_rs::Encoding);

impl Encoding {
    /// UTF-8.
    pub const UTF_8: Self = Self(encoding_rs::UTF_8);
    /// UTF-16, the low byte first.
    pub const UTF_16LE: Self = Self(encoding_rs::UTF_16LE);
    /// UTF-16, the high byte first.
    pub const UTF_16BE: Self = Self(encoding_rs::UTF_16BE);
    /// Western Europe, one byte a character.
    pub const WINDOWS_1252: Self = Self(encoding_rs::WINDOWS_1252);

    /// The name of the encoding.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// Whether every ASCII byte stands for itself wherever it is, so that it may be looked for in the bytes. Not so in
    /// UTF-16, and in those encodings of East Asia where it can be the second byte of a character.
    #[must_use]
    pub fn is_transparent(self) -> bool {
        self == Self::UTF_8 || self.0.is_single_byte()
    }

    /// What a text seems to be encoded in, by its beginning.
    ///
    /// A byte order mark decides. Without one, text in which every second byte of many is zero, and hardly any other, is UTF-16. Otherwise it
    /// is UTF-8 if it has no byte that cannot be, or at least one character of several bytes that is well formed; else
    /// it is Windows-1252. `whole` says that the text ends here; otherwise its last character may be cut.
    #[must_use]
    pub fn detect(head: &[u8], whole: bool) -> Self {
        if let Some((encoding, _)) = encoding_rs::Encoding::for_bom(head) {
            return Self(encoding);
        }
        let pairs = &head[..head.len().min(4096) / 2 * 2];
        let zeros = |place: usize| pairs.chunks_exact(2).filter(|pair| pair[place] == 0).count();
        let (first, second) = (zeros(0), zeros(1));
        let half = pairs.len() / 4;
        // A character of which the other byte is zero is rare, and there are some.
        let few = |some: usize, many: usize| some.saturating_mul(16) < many;
        if pairs.len() >= 4 && second > half && few(first, second) {
            return Self::UTF_16LE;
        }
        if pairs.len() >= 4 && first > half && few(second, first) {
            return Self::UTF_16BE;
        }
        let mut chunks = head.utf8_chunks().peekable();
        let (mut broken, mut wide) = (false, false);
        while let Some(chunk) = chunks.next() {
            wide |= !chunk.valid().is_ascii();
            let cut = !whole
                && chunks.peek().is_none()
                && std::str::from_utf8(chunk.invalid()).is_err_and(|error| error.error_len().is_none());
            broken |= !chunk.invalid().is_empty() && !cut;
        }
        if broken && !wide { Self::WINDOWS_1252 } else { Self::UTF_8 }
    }

    /// Bytes of the smallest unit, in which line ends and delimiters are looked for.
    pub(crate) fn width(self) -> usize {
        if self == Self::UTF_16LE || self == Self::UTF_16BE { 2 } else { 1 }
    }

    /// The length of the byte order mark at the start, if there is one.
    pub(crate) fn mark(self, bytes: &[u8]) -> usize {
        match encoding_rs::Encoding::for_bom(bytes) {
            Some((encoding, length)) if encoding == self.0 => length,
            _ => 0,
        }
    }

    /// One byte for every unit: ASCII as it is, and in UTF-16 `0xff` for all others.
    pub(crate) fn units(self, bytes: &[u8]) -> Cow<'_, [u8]> {
        if self.width() == 1 {
            return Cow::Borrowed(bytes);
        }
        let mut units = Vec::with_capacity(bytes.len().div_ceil(2));
        self.add_units(bytes, &mut units);
        Cow::Owned(units)
    }

    /// Adds the units of UTF-16. Half a unit at the end is one too.
    pub(crate) fn add_units(self, bytes: &[u8], units: &mut Vec<u8>) {
        let big = self == Self::UTF_16BE;
        units.extend(bytes.chunks(2).map(|pair| match (pair, big) {
            ([low, 0], false) | ([0, low], true) if low.is_ascii() => *low,
            _ => u8::MAX,
        }));
    }

    /// The bytes of some units.
    pub(crate) fn bytes_of(self, units: &Range<usize>, bytes: &[u8]) -> Range<usize> {
        let width = self.width();
        (units.start * width).min(bytes.len())..(units.end * width).min(bytes.len())
    }

    /// The text of some bytes, or `None` if they are none.
    pub(crate) fn decode(self, bytes: &[u8]) -> Option<Cow<'_, str>> {
        self.0.decode_without_bom_handling_and_without_replacement(bytes)
    }

    /// The text of some bytes, with what is none replaced.
    pub(crate) fn decode_lossy(self, bytes: &[u8]) -> Cow<'_, str> {
        self.0.decode_without_bom_handling(bytes).0
    }
}

impl Default for Encoding {
    fn default() -> Self {
        Self::UTF_8
    }
}

impl FromStr for Encoding {
    type Err = Error;

    /// Any label of the Encoding Standard, for instance `utf-16le`, `cp1252`, `latin1`, `iso-8859-15`, `shift_jis`.
    /// Encodings in which the meaning of a byte depends on what came long before are not among them.
    fn from_str(label: &str) -> Result<Self> {
        match encoding_rs::Encoding::for_label_no_replacement(label.as_bytes()) {
            Some(encoding) if encoding != encoding_rs::ISO_2022_JP => Ok(Self(encoding)),
            _ => {
                Err(Error::config("not an encoding that can be read")
                    .with("encoding", format_args!("{label:?}")))
            }
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Encoding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Encoding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_is_known_by_what_a_text_begins_with() {
        let utf16 = |text: &str, big: bool| -> Vec<u8> {
            text.encode_utf16()
                .flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() })
                .collect()
        };
        for (head, expected) in [
            (b"a,b\n".to_vec(), Encoding::UTF_8),
            (b"".to_vec(), Encoding::UTF_8),
            ("é,ü\n".as_bytes().to_vec(), Encoding::UTF_8),
            (b"\xef\xbb\xbfa".to_vec(), Encoding::UTF_8),
            (b"\xff\xfea\0".to_vec(), Encoding::UTF_16LE),
            (b"\xfe\xff\0a".to_vec(), Encoding::UTF_16BE),
            (utf16("Straße;Größe\n", false), Encoding::UTF_16LE),
            (utf16("Straße;Größe\n", true), Encoding::UTF_16BE),
            (utf16("Name;Straße;Größe\nJa\u{100}nis;1;2\n", false), Encoding::UTF_16LE),
            (utf16("Name;Straße;Größe\nJa\u{100}nis;1;2\n", true), Encoding::UTF_16BE),
            (b"Stra\xdfe;Gr\xf6\xdfe\n".to_vec(), Encoding::WINDOWS_1252),
            ([b"\xff\n", "é\n".as_bytes()].concat(), Encoding::UTF_8),
        ] {
            assert_eq!(Encoding::detect(&head, true), expected, "{head:?}");
        }
        assert_eq!(Encoding::detect("aé".as_bytes().split_last().unwrap().1, false), Encoding::UTF_8);
        assert_eq!(Encoding::detect("aé".as_bytes().split_last().unwrap().1, true), Encoding::WINDOWS_1252);
    }

    #[test]
    fn an_encoding_with_a_memory_is_refused() {
        for label in ["iso-2022-jp", "replacement", "hz-gb-2312", "ebcdic", ""] {
            assert!(label.parse::<Encoding>().is_err(), "{label}");
        }
        assert_eq!("latin1".parse::<Encoding>().unwrap(), Encoding::WINDOWS_1252);
    }
}

//! Where in a JSON value something is.

use std::fmt;
use std::str::FromStr;

use super::scan::MAX_DEPTH;
use crate::{Error, Result};

/// A JSON Pointer (RFC 6901), compiled: `/customer/email`, `/items/0/sku`.
///
/// The empty pointer names the whole value. In a key, `~1` stands for `/` and `~0` for `~`. An array is entered by an
/// index without leading zeros; `-` names the place after the last element, where [`Draft::set`](super::Draft::set)
/// appends.
///
/// ```
/// use datalake_core::transform::Pointer;
///
/// let email = Pointer::parse("/customer/email")?;
/// assert_eq!(email.to_string(), "/customer/email");
/// assert!(Pointer::parse("customer").is_err());
/// # Ok::<(), datalake_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Pointer {
    text: Box<str>,
    tokens: Box<[Token]>,
}

/// One step of a pointer: a key of an object, or the index of an element.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Token {
    pub(super) name: Box<str>,
    pub(super) index: Option<usize>,
}

impl Pointer {
    /// Compiles a pointer.
    ///
    /// # Errors
    /// [`ConfigInvalid`](crate::ErrorKind::ConfigInvalid) if it is not empty and does not begin with `/`, if a `~` is
    /// followed by anything but `0` or `1`, or if it is more than 64 steps long.
    pub fn parse(text: &str) -> Result<Self> {
        let bad = |why: &'static str| Error::config(why).with("pointer", format_args!("{text:?}"));
        let steps = match text.strip_prefix('/') {
            Some(rest) => rest.split('/').collect(),
            None if text.is_empty() => Vec::new(),
            None => return Err(bad("a JSON Pointer begins with '/'")),
        };
        if steps.len() > MAX_DEPTH {
            return Err(bad("a JSON Pointer has at most 64 steps"));
        }
        let tokens = steps.into_iter().map(|step| {
            let mut name = String::with_capacity(step.len());
            let mut parts = step.split('~');
            name.extend(parts.next());
            for part in parts {
                name.push(match part.as_bytes().first() {
                    Some(b'0') => '~',
                    Some(b'1') => '/',
                    _ => return Err(bad("in a JSON Pointer '~' is followed by 0 or 1")),
                });
                name.push_str(&part[1..]);
            }
            let digits = name.bytes().all(|byte| byte.is_ascii_digit());
            let index =
                (digits && (name == "0" || !name.starts_with('0'))).then(|| name.parse().ok()).flatten();
            Ok(Token { name: name.into(), index })
        });
        Ok(Self { text: text.into(), tokens: tokens.collect::<Result<_>>()? })
    }

    /// The pointer as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn tokens(&self) -> &[Token] {
        &self.tokens
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text)
    }
}

impl FromStr for Pointer {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        Pointer::parse(text).unwrap().tokens().iter().map(|token| token.name.to_string()).collect()
    }

    #[test]
    fn a_pointer_is_taken_apart_as_the_standard_says() {
        assert!(names("").is_empty());
        assert_eq!(names("/"), [""]);
        assert_eq!(names("/a~1b/m~0n/~01//ü"), ["a/b", "m~n", "~1", "", "ü"]);
    }

    #[test]
    fn a_pointer_that_is_none_is_refused() {
        for text in ["a", "a/b", "/~", "/~2", "/a~ü", " /a", &"/a".repeat(65)] {
            assert!(Pointer::parse(text).is_err(), "{text}");
        }
        assert!(Pointer::parse(&"/a".repeat(64)).is_ok());
    }

    #[test]
    fn an_index_has_no_leading_zero_and_no_sign() {
        let pointer = Pointer::parse("/0/10/01/+1/-/99999999999999999999999/").unwrap();
        let indexes: Vec<_> = pointer.tokens().iter().map(|token| token.index).collect();
        assert_eq!(indexes, [Some(0), Some(10), None, None, None, None, None]);
    }
}

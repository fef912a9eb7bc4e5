//! Names of secrets.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Result};

/// The name of a secret: which store it is in, and what it is called there.
///
/// | written | means |
/// |---|---|
/// | `env:NAME` | the environment variable |
/// | `file:/path` | the content of the file, without the line break at its end |
/// | `ssm:/path` or `ssm:name` | the parameter of the Parameter Store, decrypted |
/// | `secretsmanager:id` | the secret of Secrets Manager, by name or ARN |
/// | `secretsmanager:id#key` | one string of it, where it is a JSON object |
///
/// A name is no secret: it is shown in errors and can stand in a configuration. A text that is no name may be a secret
/// that somebody has put in the wrong place, so the error for it does not repeat it.
///
/// ```
/// use datalake_core::SecretRef;
///
/// let name: SecretRef = "secretsmanager:shop/login#password".parse()?;
/// assert_eq!((name.scheme(), name.id(), name.key()), ("secretsmanager", "shop/login", Some("password")));
/// let error = "hunter2".parse::<SecretRef>().unwrap_err();
/// assert!(!error.to_string().contains("hunter2"));
/// # Ok::<(), datalake_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretRef {
    scheme: String,
    id: String,
    key: Option<String>,
}

impl SecretRef {
    /// The store, for instance `ssm`.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// What the secret is called in its store.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Which member of it is meant, where it is a JSON object.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }
}

impl FromStr for SecretRef {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let odd = || {
            Error::config(
                "a secret is named as env:NAME, file:/path, ssm:/path, secretsmanager:id or secretsmanager:id#key",
            )
        };
        let (scheme, id) = text.split_once(':').ok_or_else(odd)?;
        let (id, key) = match (scheme, id.rsplit_once('#')) {
            ("secretsmanager", Some((id, key))) => (id, Some(key)),
            _ => (id, None),
        };
        let is_scheme = scheme.starts_with(|c: char| c.is_ascii_lowercase())
            && scheme.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let is_id = !id.is_empty() && !id.contains(char::is_control) && id.trim() == id;
        if !is_scheme || !is_id || key.is_some_and(str::is_empty) {
            return Err(odd());
        }
        Ok(Self { scheme: scheme.into(), id: id.into(), key: key.map(Into::into) })
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.scheme, self.id)?;
        self.key.iter().try_for_each(|key| write!(f, "#{key}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_shown_as_it_was_written() {
        for text in [
            "env:SHOP_KEY",
            "file:/run/secrets/key#1",
            "ssm:/shop/prod/key",
            "ssm:key:3",
            "secretsmanager:arn:aws:secretsmanager:eu-central-1:1:secret:shop-a1b2c3",
            "secretsmanager:shop#pass word",
            "vault:kv/shop",
        ] {
            assert_eq!(text.parse::<SecretRef>().unwrap().to_string(), text);
        }
        assert_eq!("file:/a#b".parse::<SecretRef>().unwrap().id(), "/a#b");
    }

    #[test]
    fn what_is_no_name_is_refused_and_not_repeated() {
        for text in [
            "",
            "hunter2",
            ":x",
            "env:",
            "Env:A",
            "ssm: a",
            "ssm:a\n",
            "secretsmanager:a#",
            "secretsmanager:#a",
        ] {
            let error = text.parse::<SecretRef>().unwrap_err().to_string();
            assert!(text.is_empty() || !error.ends_with(text), "{error}");
            assert!(!error.contains("hunter2"));
        }
    }
}

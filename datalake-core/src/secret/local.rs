//! Secrets of the machine: environment variables and files.

use std::io::Read;

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::{Secret, SecretRef, SecretStore};
use crate::{Error, ErrorKind, Result};

/// The longest secret in a file, bytes.
const LONGEST: u64 = 64 << 10;

/// Secrets in environment variables: `env:NAME`. They change only with the process.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct EnvSecrets;

#[async_trait]
impl SecretStore for EnvSecrets {
    fn scheme(&self) -> &'static str {
        "env"
    }

    async fn fetch(&self, name: &SecretRef) -> Result<Secret> {
        match std::env::var(name.id()) {
            Ok(value) => Ok(Secret::new(value)),
            Err(std::env::VarError::NotPresent) => {
                Err(Error::new(ErrorKind::NotFound, "the environment variable is not set"))
            }
            Err(std::env::VarError::NotUnicode(_)) => {
                Err(Error::config("the environment variable is not UTF-8"))
            }
        }
    }
}

/// Secrets in files: `file:/path`, as orchestrators mount them. One line break at the end is not part of the secret.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct FileSecrets;

#[async_trait]
impl SecretStore for FileSecrets {
    fn scheme(&self) -> &'static str {
        "file"
    }

    async fn fetch(&self, name: &SecretRef) -> Result<Secret> {
        let path = name.id().to_owned();
        let read = tokio::task::spawn_blocking(move || {
            let mut text = Zeroizing::new(String::new());
            let file = std::fs::File::open(path)?;
            file.take(LONGEST + 1).read_to_string(&mut text)?;
            Ok(text)
        });
        let read: std::io::Result<Zeroizing<String>> =
            read.await.map_err(|cause| Error::unexpected("reading the file broke off").caused_by(cause))?;
        let text = read.map_err(|cause| Error::io("the file cannot be read", cause))?;
        if text.len() as u64 > LONGEST {
            return Err(Error::config("the file is too long for a secret").with("most", LONGEST));
        }
        let value = text.strip_suffix('\n').map_or(&text[..], |text| text.strip_suffix('\r').unwrap_or(text));
        Ok(Secret::new(value))
    }
}

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{describe, part};
use crate::transform::text::meaning;
use crate::transform::{Draft, PerRecord, Pointer, RecordTransform, Verdict};
use crate::{Error, RecordError, Result, Secret};

/// See [`hash`].
pub struct Hash {
    name: String,
    pointer: Pointer,
    keyed: Hmac<Sha256>,
}

/// Puts a keyed digest in the place of the value at a pointer: HMAC-SHA-256 as 64 lower-case hexadecimal digits. Equal
/// values get equal digests, so data can still be joined; without the key a value can neither be read nor guessed.
///
/// Of a string, the text with its escapes resolved is digested, as UTF-8; of anything else, its JSON as it stands.
/// `null` stays `null`, a field that is missing stays missing. The value appears in no error and the key nowhere.
///
/// # Errors
/// The pointer is wrong or names the whole record, or the key is empty.
pub fn hash(name: &str, pointer: &str, key: &Secret) -> Result<PerRecord<Hash>> {
    let bad = || Error::config("the key of a hash is empty");
    if key.expose().is_empty() {
        return Err(bad());
    }
    let keyed = Hmac::new_from_slice(key.expose().as_bytes()).map_err(|_| bad())?;
    Ok(PerRecord(Hash { name: name.to_owned(), pointer: part(pointer)?, keyed }))
}

impl RecordTransform for Hash {
    describe!();

    fn config(&self) -> Value {
        json!({ "step": "hash", "pointer": self.pointer.as_str(), "algorithm": "hmac-sha-256" })
    }

    fn apply(&self, draft: &mut Draft) -> Result<Verdict, RecordError> {
        draft.revise(&self.pointer, |raw, out| {
            if raw == "null" {
                return Ok(false);
            }
            let text = if raw.starts_with('"') { meaning(raw) } else { None };
            let mut hmac = self.keyed.clone();
            hmac.update(text.as_deref().unwrap_or(raw).as_bytes());
            out.push('"');
            for byte in hmac.finalize().into_bytes() {
                out.extend(
                    [byte >> 4, byte & 15].map(|half| char::from(b"0123456789abcdef"[usize::from(half)])),
                );
            }
            out.push('"');
            Ok(true)
        })?;
        Ok(Verdict::Keep)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hash")
            .field("name", &self.name)
            .field("pointer", &self.pointer)
            .finish_non_exhaustive()
    }
}

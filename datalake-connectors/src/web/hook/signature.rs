//! Checking a signature over the bytes as they came.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac as _;
use hyper::header::{HeaderMap, HeaderName};

use super::keys::{Keys, Mac};
use super::refusal::{FORGED, KEYLESS, STALE, UNSIGNED};
use super::verify::Encoding;
use crate::receive::Refusal;

/// How old an event may be, in seconds.
pub(super) const PAST: i64 = 300;
/// How far an event may be ahead of the clock, in seconds.
pub(super) const FUTURE: i64 = 60;
/// How many signatures of one event are tried.
const CANDIDATES: usize = 16;

/// A scheme and its keys.
pub(super) struct Verifier {
    pub(super) check: Check,
    pub(super) keys: Keys,
}

pub(super) enum Check {
    Nothing,
    StandardWebhooks,
    Stripe,
    Body { header: HeaderName, prefix: String, encoding: Encoding },
}

/// What the headers of a request claim.
#[derive(Default)]
pub(crate) struct Claim {
    /// What is signed before the body.
    pub(super) preface: Vec<u8>,
    time: Option<i64>,
    signatures: Vec<[u8; 32]>,
}

impl Verifier {
    /// Reads the headers, before the body.
    pub(super) fn claim(&self, headers: &HeaderMap) -> Result<Claim, Refusal> {
        let text = |name: &str| {
            headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim).ok_or(UNSIGNED)
        };
        let mut claim = Claim::default();
        match &self.check {
            Check::Nothing => {}
            Check::StandardWebhooks => {
                let (id, time) = (text("webhook-id")?, text("webhook-timestamp")?);
                claim.time = Some(time.parse().map_err(|_| UNSIGNED)?);
                claim.preface = format!("{id}.{time}.").into_bytes();
                let entries = text("webhook-signature")?.split(' ');
                claim.sign(entries.filter_map(|entry| base64(entry.strip_prefix("v1,")?)));
            }
            Check::Stripe => {
                let entries = || {
                    text("stripe-signature")
                        .map(|value| value.split(',').filter_map(|entry| entry.trim().split_once('=')))
                };
                let time = entries()?.find(|(key, _)| *key == "t").ok_or(UNSIGNED)?.1;
                claim.time = Some(time.parse().map_err(|_| UNSIGNED)?);
                claim.preface = format!("{time}.").into_bytes();
                claim.sign(entries()?.filter(|(key, _)| *key == "v1").filter_map(|(_, value)| hex(value)));
            }
            Check::Body { header, prefix, encoding } => {
                let value = text(header.as_str())?.strip_prefix(prefix.as_str());
                claim.sign(value.and_then(|value| match encoding {
                    Encoding::Hex => hex(value),
                    Encoding::Base64 => base64(value),
                }));
            }
        }
        Ok(claim)
    }

    /// Checks the body against the claim, then the signed time against the clock, in seconds of the Unix epoch.
    pub(super) async fn check(&self, claim: &Claim, body: &[u8], now: i64) -> Result<(), Refusal> {
        if matches!(self.check, Check::Nothing) {
            return Ok(());
        }
        if !self.holds(claim, body).await? {
            return Err(FORGED);
        }
        let window = now.saturating_sub(PAST)..=now.saturating_add(FUTURE);
        if claim.time.is_some_and(|time| !window.contains(&time)) {
            return Err(STALE);
        }
        Ok(())
    }

    /// Whether a signature is of one of the keys, or of one that has come in the place of another meanwhile.
    async fn holds(&self, claim: &Claim, body: &[u8]) -> Result<bool, Refusal> {
        let ready = self.keys.ready().await;
        if claim.is_signed_by(&ready.macs, body) {
            return Ok(true);
        }
        if !self.keys.can_change() || claim.signatures.is_empty() {
            return Ok(false);
        }
        let renewed = self.keys.renew().await;
        let ready = self.keys.ready().await;
        if claim.is_signed_by(&ready.macs, body) {
            return Ok(true);
        }
        match renewed.err().or(ready.missing) {
            Some(error) => {
                tracing::warn!(%error, "a key to verify events with cannot be had");
                Err(KEYLESS)
            }
            None => Ok(false),
        }
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

impl Claim {
    fn is_signed_by(&self, macs: &[Mac], body: &[u8]) -> bool {
        macs.iter().any(|key| {
            let mac = key.clone().chain_update(&self.preface).chain_update(body);
            self.signatures.iter().any(|signature| mac.clone().verify_slice(signature).is_ok())
        })
    }

    fn sign(&mut self, signatures: impl IntoIterator<Item = [u8; 32]>) {
        self.signatures = signatures.into_iter().take(CANDIDATES).collect();
    }
}

fn base64(text: &str) -> Option<[u8; 32]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

fn hex(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_32_bytes_or_none() {
        assert_eq!(hex(&"0aF9".repeat(16)), Some([0x0a, 0xf9].repeat(16).try_into().unwrap()));
        for bad in ["", "0a", &"zz".repeat(32), &"0a".repeat(33), &"é".repeat(32), &"+1".repeat(32)] {
            assert_eq!(hex(bad), None, "{bad}");
        }
        assert_eq!(base64(&STANDARD.encode([7; 32])), Some([7; 32]));
        assert_eq!(base64(&STANDARD.encode([7; 31])), None);
    }
}

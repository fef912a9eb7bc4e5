//! How an event proves who sent it.

use datalake_core::{Credential, Error, Result};
use hyper::header::HeaderName;

use super::id::IdRule;
use super::keys::{Keys, Writing};
use super::signature::{Check, Verifier};

/// How an event proves who sent it: by an HMAC-SHA256 over its body, byte for byte as it came.
///
/// Several secrets may be given, so that one can be rotated: an event signed with any of them is taken. Where the
/// sender signs a time, an event more than 300 s old or more than 60 s ahead of the clock is refused.
///
/// A secret given by name ([`Credential`]) is looked up when the receiver is built, again when it is past its lifetime, and
/// again when a signature does not hold, at most every 5 s. After a rotation the secret before is taken for an hour more.
///
/// ```
/// use datalake_connectors::web::hook::{Encoding, Verify};
/// use datalake_core::Secret;
///
/// let (new, old) = (Secret::new("n3w"), Secret::new("0ld"));
/// let github = Verify::github([new.clone(), old]);
/// let own = Verify::hmac_sha256("X-Signature", "sha256=", Encoding::Hex, [new]);
/// # let _ = (github, own);
/// ```
#[derive(Debug, Clone)]
pub struct Verify {
    scheme: Scheme,
    secrets: Vec<Credential>,
}

#[derive(Debug, Clone)]
enum Scheme {
    Nothing,
    StandardWebhooks,
    Stripe,
    GitHub,
    Shopify,
    Hmac { header: String, prefix: String, encoding: Encoding },
}

/// How a signature is written in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encoding {
    /// Hexadecimal digits of either case.
    Hex,
    /// Base64 with `+` and `/`, padded.
    Base64,
}

impl Verify {
    /// Not at all: whoever reaches the address can write to the lake. For a network where only the sender can.
    #[must_use]
    pub fn nothing() -> Self {
        Self { scheme: Scheme::Nothing, secrets: Vec::new() }
    }

    /// As [Standard Webhooks](https://www.standardwebhooks.com) signs: `webhook-id`, `webhook-timestamp` and the `v1`
    /// entries of `webhook-signature`. A secret is base64, with or without `whsec_` before it.
    pub fn standard_webhooks(secrets: impl IntoIterator<Item = impl Into<Credential>>) -> Self {
        Self::new(Scheme::StandardWebhooks, secrets)
    }

    /// As Stripe signs: the `t` and `v1` entries of `Stripe-Signature`. A secret is text, `whsec_` and all.
    pub fn stripe(secrets: impl IntoIterator<Item = impl Into<Credential>>) -> Self {
        Self::new(Scheme::Stripe, secrets)
    }

    /// As GitHub signs: `X-Hub-Signature-256`. It signs no time.
    pub fn github(secrets: impl IntoIterator<Item = impl Into<Credential>>) -> Self {
        Self::new(Scheme::GitHub, secrets)
    }

    /// As Shopify signs: `X-Shopify-Hmac-SHA256`. It signs no time. Shopify waits 5 s for an answer: set
    /// [`commit_timeout`](super::HookSourceBuilder::commit_timeout) below that.
    pub fn shopify(secrets: impl IntoIterator<Item = impl Into<Credential>>) -> Self {
        Self::new(Scheme::Shopify, secrets)
    }

    /// An HMAC-SHA256 over the body in a header of its own, after a prefix such as `sha256=` or none.
    pub fn hmac_sha256(
        header: impl Into<String>,
        prefix: impl Into<String>,
        encoding: Encoding,
        secrets: impl IntoIterator<Item = impl Into<Credential>>,
    ) -> Self {
        Self::new(Scheme::Hmac { header: header.into(), prefix: prefix.into(), encoding }, secrets)
    }

    fn new(scheme: Scheme, secrets: impl IntoIterator<Item = impl Into<Credential>>) -> Self {
        Self { scheme, secrets: secrets.into_iter().map(Into::into).collect() }
    }

    /// The name of the scheme, for lineage.
    pub(super) fn name(&self) -> &'static str {
        match self.scheme {
            Scheme::Nothing => "nothing",
            Scheme::StandardWebhooks => "standard-webhooks",
            Scheme::Stripe => "stripe",
            Scheme::GitHub => "github",
            Scheme::Shopify => "shopify",
            Scheme::Hmac { .. } => "hmac-sha256",
        }
    }

    /// Where this sender puts the id of an event.
    pub(super) fn id_rule(&self) -> IdRule {
        match self.scheme {
            Scheme::Nothing | Scheme::Hmac { .. } => IdRule::Body,
            Scheme::StandardWebhooks => IdRule::Header(HeaderName::from_static("webhook-id")),
            Scheme::Stripe => IdRule::Pointer("/id".into()),
            Scheme::GitHub => IdRule::Header(HeaderName::from_static("x-github-delivery")),
            Scheme::Shopify => IdRule::Header(HeaderName::from_static("x-shopify-webhook-id")),
        }
    }

    /// Where this sender puts the type of an event.
    pub(super) fn type_header(&self) -> Option<HeaderName> {
        match self.scheme {
            Scheme::GitHub => Some(HeaderName::from_static("x-github-event")),
            Scheme::Shopify => Some(HeaderName::from_static("x-shopify-topic")),
            _ => None,
        }
    }

    /// Whether an id found by a rule is covered by the signature.
    pub(super) fn signs(&self, rule: &IdRule) -> bool {
        match (&self.scheme, rule) {
            (Scheme::Nothing, _) => false,
            (_, IdRule::Pointer(_) | IdRule::Body) => true,
            (Scheme::StandardWebhooks, IdRule::Header(name)) => name == "webhook-id",
            (_, IdRule::Header(_)) => false,
        }
    }

    pub(super) fn verifier(&self) -> Result<Verifier> {
        let check = match &self.scheme {
            Scheme::Nothing => return Ok(Verifier { check: Check::Nothing, keys: Keys::none() }),
            Scheme::StandardWebhooks => Check::StandardWebhooks,
            Scheme::Stripe => Check::Stripe,
            Scheme::GitHub => Check::Body {
                header: HeaderName::from_static("x-hub-signature-256"),
                prefix: "sha256=".into(),
                encoding: Encoding::Hex,
            },
            Scheme::Shopify => Check::Body {
                header: HeaderName::from_static("x-shopify-hmac-sha256"),
                prefix: String::new(),
                encoding: Encoding::Base64,
            },
            Scheme::Hmac { header, prefix, encoding } => {
                Check::Body { header: header_name(header)?, prefix: prefix.clone(), encoding: *encoding }
            }
        };
        if self.secrets.is_empty() {
            return Err(Error::config("no secret is given to verify events with"));
        }
        let writing = match self.scheme {
            Scheme::StandardWebhooks => Writing::Whsec,
            _ => Writing::Text,
        };
        Ok(Verifier { check, keys: Keys::new(&self.secrets, writing)? })
    }
}

/// The name of a header, checked.
pub(super) fn header_name(name: &str) -> Result<HeaderName> {
    HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| Error::config("not the name of a header").with("name", format_args!("{name:?}")))
}

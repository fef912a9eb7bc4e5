//! What a request becomes.

use std::sync::Arc;

use bytes::Bytes;
use datalake_core::{Clock, Document, Format, Sha256, async_trait};
use hyper::header::{HeaderMap, HeaderName};
use hyper::http::request::Parts;

use super::id::{IdRule, key};
use super::signature::{Claim, Verifier};
use crate::receive::{Event, Intake, Refusal};

/// The longest type of an event that goes into its locator, in bytes.
const LONGEST_TYPE: usize = 128;

/// Verifies events and gives them their ids.
pub(crate) struct Hooks {
    pub(super) verifier: Verifier,
    pub(super) id: IdRule,
    pub(super) id_is_signed: bool,
    pub(super) type_header: Option<HeaderName>,
    pub(super) format: Arc<Format>,
    pub(super) clock: Arc<dyn Clock>,
}

#[async_trait]
impl Intake for Hooks {
    type Claim = Claim;

    async fn claim(&self, head: &Parts) -> Result<Claim, Refusal> {
        self.verifier.claim(&head.headers)
    }

    async fn check(&self, claim: &Claim, raw: &[u8]) -> Result<(), Refusal> {
        self.verifier.check(claim, raw, self.clock.now().timestamp()).await
    }

    async fn event(
        &self,
        claim: &Claim,
        head: &Parts,
        raw: &Bytes,
        content: Bytes,
    ) -> Result<Event, Refusal> {
        let (path, headers) = (head.uri.path(), &head.headers);
        let given = self.id.find(headers, &content);
        let unsigned = (!self.id_is_signed).then_some(&raw[..]);
        let key = given.as_deref().map(|id| key(path, id, unsigned));
        let id = given.unwrap_or_else(|| Sha256::of_parts([&claim.preface[..], raw]).to_string());
        let document = Document::new(content, self.locator(path, headers), Arc::clone(&self.format))
            .with_id(id.as_str());
        Ok(Event { id, key, document })
    }
}

impl Hooks {
    /// The path, and the type of the event where its sender names one: `/events#push`.
    fn locator(&self, path: &str, headers: &HeaderMap) -> String {
        let kind = self.type_header.as_ref().and_then(|name| headers.get(name)?.to_str().ok());
        match kind {
            Some(kind) if kind.len() <= LONGEST_TYPE && kind.bytes().all(|byte| byte.is_ascii_graphic()) => {
                format!("{path}#{kind}")
            }
            _ => path.to_owned(),
        }
    }
}

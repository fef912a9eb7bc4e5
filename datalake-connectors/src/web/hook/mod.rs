//! Webhooks and app events, received over HTTP: `web.hook`.
//!
//! [`HookSource`] listens for `POST` requests, checks that each was sent by who it says, gives its body to the engine
//! as a document, and answers when the engine has committed it.
//!
//! ```no_run
//! use datalake_connectors::web::hook::{HookSource, Verify};
//! use datalake_core::{Dataset, Result, Secret};
//!
//! # async fn example(secret: Secret) -> Result<HookSource> {
//! HookSource::builder(Dataset::new("shop-events")?, ([127, 0, 0, 1], 8080).into())
//!     .path("/events")
//!     .verify(Verify::standard_webhooks([secret]))
//!     .health("/healthz")
//!     .build()
//!     .await
//! # }
//! ```
//!
//! # Answers
//!
//! | status | when |
//! |---|---|
//! | 200 `{"id":…}` | the event is committed, now or by an earlier request |
//! | 400 | the body ended early, or its compression is damaged |
//! | 401 | no signature, one that does not hold, or a signed time too far from now |
//! | 404, 405 | another path; another method than `POST` |
//! | 408 | the body came too slowly |
//! | 413 | the body is longer than [`max_body`](HookSourceBuilder::max_body), as sent or decompressed |
//! | 415 | a content encoding other than gzip and zstd |
//! | 503, `Retry-After` | too much is under way, the commit did not come in time, a key cannot be looked up, or the receiver shuts down |
//!
//! After a 503 for want of a commit, and after a connection that broke, the event may still be committed. The sender
//! sends it again under the same id, and waits for the same commit or is told of it at once.
//!
//! An event that verified is taken whatever its body says. If it does not parse, the engine archives it and sends the
//! record to quarantine.
//!
//! # Signatures
//!
//! The HMAC is taken over the body as it came, before anything looks into it, and compared in constant time. A
//! compressed body (`Content-Encoding: gzip` or `zstd`) is signed as compressed. It is decompressed only once it has
//! verified, within bounds, and the document is then the decompressed body: content encoding belongs to the way and
//! not to the event, and records cannot be cut from compressed bytes. Without content encoding the document is the
//! body byte for byte.
//!
//! # Ids and duplicates
//!
//! Every document has an id: the one the sender gives in a header or in the body, else the SHA-256 digest of what was
//! signed. An event whose given id is under way or was committed within
//! [`remember`](HookSourceBuilder::remember) makes no second record (of the last 100,000 committed). Where the id is
//! in a header that is not signed, it counts only together with the body: else a forged id could keep a true event
//! out. An id made of the body is a name in lineage and holds nothing back, since two equal events without a name may
//! both be true.
//!
//! All this is in memory. After a restart an event may be recorded again; its id tells.
//!
//! # Transport
//!
//! Plain HTTP/1.1. TLS ends in front of it, at a load balancer or reverse proxy; without one, signatures protect what
//! is written and nothing protects what is read. Query strings are ignored and never logged.
//!
//! Connections, heads (32 KiB), bodies and bytes in memory are bounded, and whoever sends slowly is cut off.

use std::net::SocketAddr;

use datalake_core::{Dataset, SourceInfo};

use crate::receive::{Inbox, source};

mod builder;
mod id;
mod intake;
mod keys;
mod refusal;
mod signature;
#[cfg(test)]
mod tests;
mod verify;

pub use builder::HookSourceBuilder;
pub use verify::{Encoding, Verify};

const SYSTEM: &str = "web.hook";
const SCHEMA: &str = "web.hook/1";

/// Receives webhooks and app events over HTTP. The [module](self) tells how.
///
/// It cannot go back: nothing is kept but in memory, and a sender whose event was not committed gets no 2xx and sends
/// it again. Dropping or closing it answers 503 to every sender that waits and stops listening.
#[derive(Debug)]
pub struct HookSource {
    info: SourceInfo,
    inbox: Inbox<intake::Hooks>,
}

impl HookSource {
    /// A receiver for a dataset, at an address. Port 0 takes a free port: see [`local_addr`](Self::local_addr).
    pub fn builder(dataset: Dataset, listen: SocketAddr) -> HookSourceBuilder {
        HookSourceBuilder::new(dataset, listen)
    }
}

source!(HookSource);

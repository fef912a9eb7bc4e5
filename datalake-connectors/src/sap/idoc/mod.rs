//! IDocs that a SAP system sends as XML over HTTP: `sap.idoc`.
//!
//! [`IdocSource`] listens for `POST` requests, checks who sent them and what is in them, gives each to the engine as a
//! document, and answers when the engine has committed it.
//!
//! ```no_run
//! use datalake_connectors::sap::idoc::IdocSource;
//! use datalake_core::{Dataset, Result, Secret};
//!
//! # async fn example(password: Secret) -> Result<IdocSource> {
//! IdocSource::builder(Dataset::new("sap/idocs")?, ([127, 0, 0, 1], 8080).into())
//!     .path("/idocs")
//!     .user("SAPSENDER", password)
//!     .health("/healthz")
//!     .build()
//!     .await
//! # }
//! ```
//!
//! # In the SAP system
//!
//! * SM59: a destination of type G with host, port and path prefix of the receiver, and a user for basic authentication.
//! * WE21: a port of kind XML-HTTP with that destination. Let it send HTTP/1.1. Both content types that it knows,
//!   `text/xml` and `application/x-sap.idoc`, are taken.
//! * WE20: a partner profile that sends the message types to that port.
//!
//! Where the answer is not 2xx, the call stays in SM58 (or SMQ1 for a queue) and can be sent again from there.
//!
//! # Documents and records
//!
//! The document is the body of the request, byte for byte. Its records are the `IDOC` elements, from tag to tag: a package of
//! several gives several. A record is XML as it was sent: numbers are texts, and a sign may trail (`12.50-`); the order of
//! segments matters. [`Control`] reads the control record of one, and gives its [id](Control::id).
//!
//! # Answers
//!
//! | status | when |
//! |---|---|
//! | 200 `{"id":…}` | the IDocs are committed, now or by an earlier request |
//! | 400 | no well-formed XML; no IDoc in it; a document type or an entity of its own; nested too deeply; a damaged body |
//! | 401 | no user, or another password |
//! | 404, 405 | another path; another method than `POST` |
//! | 408, 413 | the body came too slowly; it is longer than [`max_body`](IdocSourceBuilder::max_body) |
//! | 415 | a content type that is no XML; an encoding of text other than UTF-8; a content encoding other than gzip and zstd |
//! | 503, `Retry-After` | too much is under way, the commit did not come in time, a password cannot be looked up, or the receiver shuts down |
//!
//! Nothing is expanded: a document that declares a type or uses an entity of its own is refused before it is taken.
//!
//! # Ids and duplicates
//!
//! The id of an IDoc is its client, sender and number: `800/ID3CLNT800/0000000000123456`. The document has that of its first
//! IDoc, and how many more there are: `800/ID3CLNT800/0000000000123456+2`. A request with the IDocs of one that is under
//! way or was committed within [`remember`](IdocSourceBuilder::remember) makes no second record. Where everybody may send
//! ([`anybody`](IdocSourceBuilder::anybody)), the body has to be the same too. This is in memory; after a restart, and
//! where a package comes again in another composition, an IDoc may be recorded again under the same id. Sent again by
//! hand (BD87, WE19) it has a new number, and is another IDoc.
//!
//! An IDoc whose control record lacks one of the three is taken like any other. A request with one in it has the SHA-256
//! digest of its body as id, and is never taken for a duplicate.
//!
//! # Transport
//!
//! Plain HTTP/1.1. TLS ends in front of it, at a load balancer or reverse proxy. Without TLS the password can be read on the
//! way.

use std::net::SocketAddr;

use datalake_core::{Dataset, SourceInfo};

use crate::receive::{Inbox, source};

mod builder;
mod control;
mod intake;
mod package;
#[cfg(test)]
mod tests;

pub use builder::IdocSourceBuilder;
pub use control::Control;

const SYSTEM: &str = "sap.idoc";
const SCHEMA: &str = "sap.idoc/1";

/// Receives IDocs over HTTP. The [module](self) tells how.
///
/// It cannot go back: nothing is kept but in memory, and a system whose IDocs were not committed gets no 2xx and keeps
/// them. Dropping or closing it answers 503 to every sender that waits and stops listening.
#[derive(Debug)]
pub struct IdocSource {
    info: SourceInfo,
    inbox: Inbox<intake::Idocs>,
}

impl IdocSource {
    /// A receiver for a dataset, at an address. Port 0 takes a free port: see [`local_addr`](Self::local_addr).
    pub fn builder(dataset: Dataset, listen: SocketAddr) -> IdocSourceBuilder {
        IdocSourceBuilder::new(dataset, listen)
    }
}

source!(IdocSource);

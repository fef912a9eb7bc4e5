//! Clickstream events that trackers of web sites and apps send: `web.collector`.
//!
//! [`CollectorSource`] speaks to the trackers of Snowplow and the libraries of Segment as they are: they are given its
//! address and nothing else. It gives each request to the engine as a document, and answers when the engine has committed
//! it.
//!
//! ```no_run
//! use datalake_connectors::web::collect::CollectorSource;
//! use datalake_core::{Dataset, Result, Secret};
//!
//! # async fn example(key: Secret) -> Result<CollectorSource> {
//! CollectorSource::builder(Dataset::new("clicks")?, ([127, 0, 0, 1], 8080).into())
//!     .snowplow()
//!     .segment()
//!     .write_key(key)
//!     .allow_origin("https://shop.example")
//!     .health("/healthz")
//!     .build()
//!     .await
//! # }
//! ```
//!
//! # Documents and records
//!
//! The document is the body of the request, or the query string of a picture, byte for byte. Its records are the events:
//! a body of many events is one document of many records. A body may be compressed on its way (`Content-Encoding: gzip` or
//! `zstd`), within bounds; the document is then the body decompressed.
//!
//! Events of Snowplow may be anything of any size within the body: whether one is what its tracker says it is, is a question for
//! transforms. [`snowplow_event`] and
//! [`segment_event`] make rows of them, with the time at which an event happened, corrected by the error of the device's
//! clock. The raw zone keeps what was sent. A query string becomes a JSON object of strings; one that cannot goes to
//! quarantine.
//!
//! What is known of a request beside its body is in the properties of its document, and so in lineage: `protocol`
//! (`snowplow`, `segment`), `received_at`, for Segment `sent_at` and the `type` that the path says, and what is
//! [kept](CollectorSourceBuilder::keep_address) of visitors.
//!
//! # Answers
//!
//! | status | when |
//! |---|---|
//! | 200 | the events are committed: `ok`, a picture of one pixel, or `{"success":true}` |
//! | 204 | a browser asked whether it may send (`OPTIONS`) |
//! | 400 | no JSON in UTF-8, no array of events, no event; a Segment body over 500 KB or event over [`max_event`](CollectorSourceBuilder::max_event); a body that ended early, or whose compression is damaged |
//! | 401 | no write key, or an unknown one |
//! | 404, 405 | another path; another method |
//! | 408, 413 | the body came too slowly; it is longer than [`max_body`](CollectorSourceBuilder::max_body), as sent or decompressed, or has more events than [`max_events`](CollectorSourceBuilder::max_events) |
//! | 415 | a content encoding other than gzip and zstd |
//! | 503, `Retry-After` | too much is under way, the commit did not come in time, a key cannot be looked up, or the collector shuts down |
//!
//! Trackers send again after a 503 and after a connection that broke. What is answered 400 they do not send again, and drop: for
//! Snowplow's, 400, 401, 403, 410 and 422 are final. Any other answer they send again, a 413 too, with what has come since in
//! the same body. So no request of Snowplow is answered 400 for its size, and
//! [`max_body`](CollectorSourceBuilder::max_body) is to be larger than all that a tracker keeps.
//!
//! # Ids and duplicates
//!
//! Events keep the ids their trackers gave: `eid` of Snowplow, `messageId` of Segment. The document has the id of its first
//! event, and how many more there are: `<eid>+2`. A request whose events all have ids is known again by its bytes while it is
//! under way and for as long as [`remember`](CollectorSourceBuilder::remember) says, and makes no second record. A tracker
//! that writes another time of sending into it sends another request: its events are recorded again under the same ids, by
//! which [`dedupe`](datalake_core::transform::dedupe) or a query tells them. Anybody can send, so an id alone keeps no event
//! out.
//!
//! # Pages of other sites
//!
//! Browsers ask before they send to another origin, and keep the answer from a page that may not read it. Name the origins
//! of your pages ([`allow_origin`](CollectorSourceBuilder::allow_origin)): they are answered with credentials. An event from
//! elsewhere is taken all the same; what keeps others out is a network in front of the collector.
//!
//! # Personal data
//!
//! Neither addresses nor browsers nor cookies are kept unless asked for, and addresses can be truncated. What trackers write
//! into events is theirs: mask it in a transform, and mind the raw zone, which keeps what was sent.
//!
//! # Transport
//!
//! Plain HTTP/1.1. TLS ends in front of it, at a load balancer or reverse proxy. Query strings are never logged.

use std::net::SocketAddr;
use std::sync::Arc;

use datalake_core::{Dataset, SourceInfo};

use crate::receive::{Inbox, source};

mod body;
mod builder;
mod cors;
mod events;
mod intake;
mod pages;
mod properties;
mod query;
mod refusal;
mod route;
#[cfg(test)]
mod tests;
mod visitor;

pub use builder::CollectorSourceBuilder;
pub use events::{segment_event, snowplow_event, snowplow_event_up_to};
pub use pages::{Page, Pages};
pub use query::QueryDecoder;
pub use visitor::{Address, Cookie};

const SYSTEM: &str = "web.collector";
const SCHEMA: &str = "web.collector/1";

/// Receives clickstream events over HTTP. The [module](self) tells how.
///
/// It cannot go back: nothing is kept but in memory, and a tracker whose events were not committed gets no 2xx and sends
/// them again. Dropping or closing it answers 503 to every tracker that waits and stops listening.
#[derive(Debug)]
pub struct CollectorSource {
    info: SourceInfo,
    inbox: Inbox<intake::Collector>,
}

impl CollectorSource {
    /// A collector for a dataset, at an address. Port 0 takes a free port: see [`local_addr`](Self::local_addr).
    pub fn builder(dataset: Dataset, listen: SocketAddr) -> CollectorSourceBuilder {
        CollectorSourceBuilder::new(dataset, listen)
    }
}

source!(CollectorSource, decoders: [Arc::new(QueryDecoder)]);

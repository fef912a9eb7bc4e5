//! Feeds: RSS 2.0 and its elders, RSS 1.0, and Atom, each item a record.
//!
//! The document is the feed as it came, and a decoder, `web.feed`, makes JSON of its items: one shape for all three, so
//! that the columns stay the same whoever writes the feed.
//!
//! | member | RSS | Atom |
//! |---|---|---|
//! | `id` | `guid`, else `rdf:about`, else the link | `id` |
//! | `title`, `link` | `title`, `link` | `title`, the `link` that is `alternate` |
//! | `published`, `updated` | `pubDate` or `dc:date` | `published`, `updated` |
//! | `authors` | `author`, `dc:creator` | names of `author` |
//! | `summary`, `content` | `description`, `content:encoded` | `summary`, `content` |
//! | `categories` | `category` | `term` of `category` |
//! | `enclosures` | attributes of `enclosure` | attributes of links that are `enclosure` |
//! | `other` | everything else by its name with its prefix | the same |
//! | `feed` | title and link of the channel, `rss` or `rdf` as `format` | title and id, `atom` |
//!
//! Times that can be read are written as RFC 3339 in UTC, others stay as they are. Markup in texts stays as it is. What
//! an item does not have is `null`, or an empty array or object.
//!
//! A feed is asked for with the `ETag` and `Last-Modified` of the last answer, and one whose items are the same is no
//! news. One with news is given whole, since documents are never altered: a
//! [`dedupe`](datalake_core::transform::dedupe) over the whole record (`""`) leaves out the items that are the same, and of what
//! comes again under an `id`, edited, the last counts. Not every member is a key: RSS has no `updated`, and some items have
//! no `id`; `null` is a value like others to it. A feed holds its last items alone: what is
//! gone before the next cycle is missed.
//!
//! Items before a break are read, and the rest goes to quarantine as `xml`. What is no feed at all, such as the page of a
//! proxy, goes there as `feed`. UTF-8 is read, and encodings of one byte a
//! character that the document names, such as ISO-8859-1; what is in another goes to quarantine as `encoding`. Entities that a document declares are not expanded.

mod decoder;
mod item;
mod text;
mod tree;

use std::sync::Arc;
use std::time::Duration;

use crate::web::poll::{PollSource, PollSourceBuilder};
use datalake_core::Dataset;

pub use decoder::FeedDecoder;

/// What a server that has several forms may choose from.
const ACCEPT: &str =
    "application/atom+xml, application/rss+xml, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.1";

/// The items of the feed at a URL, looked at every quarter of an hour.
pub fn items(dataset: Dataset, url: impl Into<String>) -> PollSourceBuilder {
    PollSource::builder(dataset, url)
        .decoder(Arc::new(FeedDecoder))
        .header("accept", ACCEPT)
        .poll_every(Duration::from_secs(15 * 60))
}

//! Stripe: lists, events that no webhook took, and webhooks.
//!
//! A list is read by creation, the newest first, page by page from the id of the last object (`starting_after`) until
//! `has_more` is false. A cycle asks for what was created since the one before, and five minutes more. An object that
//! changes is not given again: its changes are events.
//!
//! Events come by [`webhook`]; a second pipeline with [`undelivered_events`] takes those that could not be delivered,
//! which Stripe keeps for 30 days. What comes by both has the same id. Events are in no order.
//!
//! A restricted key that may read the objects is enough: `.auth(Auth::bearer(key))`. Stripe takes 25 requests a second
//! with a test key; 20 are sent.

use std::net::SocketAddr;
use std::time::Duration;

use super::{part, url};
use crate::web::hook::{HookSource, HookSourceBuilder, Verify};
use crate::web::poll::{Incremental, Pagination, PollSource, PollSourceBuilder, TimeFormat};
use datalake_core::{Credential, Dataset};

/// Where the API is. [`origin`](PollSourceBuilder::origin) changes it.
const SERVER: &str = "https://api.stripe.com";

/// The objects of a list whose objects have a time of creation, for instance `charges` or `balance_transactions`.
pub fn list(dataset: Dataset, objects: &str) -> PollSourceBuilder {
    let path: Vec<_> = objects.split('/').map(part).collect();
    PollSource::builder(dataset, url(SERVER, &format!("/v1/{}", path.join("/"))))
        .records("/data")
        .pagination(
            Pagination::last_record("/id", "starting_after").while_true("/has_more").size("limit", 100),
        )
        .incremental(Incremental::since("created[gte]", "/created").format(TimeFormat::Seconds))
        .rate_limit(20, Duration::from_secs(1))
}

/// All events of the last 30 days, and what comes.
pub fn events(dataset: Dataset) -> PollSourceBuilder {
    list(dataset, "events")
}

/// Events that a webhook endpoint has not taken, or not yet.
pub fn undelivered_events(dataset: Dataset) -> PollSourceBuilder {
    events(dataset).query("delivery_success", "false")
}

/// Receives events at `/stripe`, signed with any of some secrets (`whsec_…`). The id of an event is its own. Stripe
/// sends an event again for three days, and events are known again as long.
pub fn webhook(
    dataset: Dataset,
    listen: SocketAddr,
    secrets: impl IntoIterator<Item = impl Into<Credential>>,
) -> HookSourceBuilder {
    HookSource::builder(dataset, listen)
        .path("/stripe")
        .verify(Verify::stripe(secrets))
        .commit_timeout(Duration::from_secs(10))
        .remember(Duration::from_secs(3 * 24 * 60 * 60))
}

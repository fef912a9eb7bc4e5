//! Mastodon and servers that speak its API: timelines and the statuses of an account.
//!
//! A list is read from the oldest status to the newest, by `min_id` and the `prev` link of each page. A cycle asks for
//! what is above the greatest id that was seen, so that however much came since, nothing between is passed over: the
//! other direction, `since_id` with `next` links, leads back through everything. Within a page the newest is first.
//!
//! The id of a status says when it was written. One that comes late from another server gets an id below those that are
//! known; timelines therefore look back five minutes ([`ids`]), and what they see again and has not changed is not
//! given again as long as the page is the same. A status that is edited or deleted later is not told.
//!
//! A server takes 300 requests in five minutes unless its owner has decided otherwise, and that is the pace here.
//! Public lists need no credentials; others take a token with the scope `read:statuses` as a bearer.

use std::time::Duration;

use super::{part, url};
use crate::web::poll::{AfterId, Pagination, PollSource, PollSourceBuilder};
use datalake_core::Dataset;

/// How far the ids of a time are apart: 65,536 a millisecond.
#[must_use]
pub fn ids(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).map_or(u64::MAX, |millis| millis.saturating_mul(1 << 16))
}

/// The statuses that an account has written or boosted. The account is named by its id on the server.
pub fn account_statuses(dataset: Dataset, server: impl AsRef<str>, account: &str) -> PollSourceBuilder {
    list(dataset, server.as_ref(), &format!("/api/v1/accounts/{}/statuses", part(account)), Duration::ZERO)
}

/// All public statuses that the server knows of. Those of its own accounts alone with the parameter `local=true`.
pub fn public_timeline(dataset: Dataset, server: impl AsRef<str>) -> PollSourceBuilder {
    list(dataset, server.as_ref(), "/api/v1/timelines/public", LATE)
}

/// Public statuses with a hashtag, which is given without the `#`.
pub fn tag_timeline(dataset: Dataset, server: impl AsRef<str>, tag: &str) -> PollSourceBuilder {
    list(dataset, server.as_ref(), &format!("/api/v1/timelines/tag/{}", part(tag)), LATE)
}

/// What those write whom the owner of the token follows. A server keeps the last few hundred.
pub fn home_timeline(dataset: Dataset, server: impl AsRef<str>) -> PollSourceBuilder {
    list(dataset, server.as_ref(), "/api/v1/timelines/home", LATE)
}

/// What those write who are on a list of the owner of the token. A server keeps the last few hundred.
pub fn list_timeline(dataset: Dataset, server: impl AsRef<str>, id: &str) -> PollSourceBuilder {
    list(dataset, server.as_ref(), &format!("/api/v1/timelines/list/{}", part(id)), LATE)
}

/// How late a status may come from another server.
const LATE: Duration = Duration::from_secs(300);

fn list(dataset: Dataset, server: &str, path: &str, late: Duration) -> PollSourceBuilder {
    PollSource::builder(dataset, url(server, path))
        .pagination(Pagination::link("prev").size("limit", 40))
        .after_id(AfterId::new("min_id", "/id").start("0").look_back(ids(late)))
        .rate_limit(10, Duration::from_secs(10))
}

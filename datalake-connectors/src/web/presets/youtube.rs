//! YouTube: videos of a channel, of a playlist and by their ids, and comments.
//!
//! Lists are read page by page by `nextPageToken` until there is none; a page without items that has one is no end.
//! Counts of views and likes change all the time: [`videos`] and the comments are given again whenever a page has
//! changed, and the last of what comes about an id counts.
//!
//! A project has 10,000 units a day unless Google gave it more. A page costs one, and one of [`channel_search`] costs a
//! hundred: prefer [`playlist_items`] of the channel's uploads (its id with `UU` in the place of `UC`), and set
//! [`poll_every`](PollSourceBuilder::poll_every) to what the units allow. When they are used up, the source says for how
//! long: until 08:00 in UTC, which is midnight in California in winter and an hour after it in summer.
//!
//! `.auth(youtube::key(key))` sends an API key in a header, or `.auth(Auth::bearer(token))` a token of OAuth.

use std::time::Duration;

use super::url;
use crate::web::poll::{Incremental, Pagination, PollSource, PollSourceBuilder};
use crate::web::{Auth, Refusals};
use datalake_core::{Credential, Dataset};

/// Where the API is. [`origin`](PollSourceBuilder::origin) changes it.
const SERVER: &str = "https://www.googleapis.com";
/// When a day of units begins, from midnight in UTC on.
const NEW_DAY: Duration = Duration::from_secs(8 * 60 * 60);

/// An API key.
pub fn key(key: impl Into<Credential>) -> Auth {
    Auth::api_key_header("x-goog-api-key", key)
}

/// The videos of a channel, the newest first, by search: no more than about 500 of them can be reached in one cycle. A
/// cycle asks for what was published since the one before, and five minutes more.
pub fn channel_search(dataset: Dataset, channel: &str) -> PollSourceBuilder {
    list(dataset, "search", 50)
        .query("part", "snippet")
        .query("type", "video")
        .query("order", "date")
        .query("channelId", channel)
        .incremental(Incremental::since("publishedAfter", "/snippet/publishedAt"))
}

/// The items of a playlist.
pub fn playlist_items(dataset: Dataset, playlist: &str) -> PollSourceBuilder {
    list(dataset, "playlistItems", 50).query("part", "snippet,contentDetails").query("playlistId", playlist)
}

/// Videos by their ids, no more than 50, with their counts.
pub fn videos<'a>(dataset: Dataset, ids: impl IntoIterator<Item = &'a str>) -> PollSourceBuilder {
    let ids: Vec<_> = ids.into_iter().collect();
    list(dataset, "videos", 50)
        .pagination(Pagination::cursor("/nextPageToken", "pageToken"))
        .query("part", "snippet,contentDetails,statistics")
        .query("id", ids.join(","))
}

/// The comments on a video, each with its first replies.
pub fn comment_threads(dataset: Dataset, video: &str) -> PollSourceBuilder {
    list(dataset, "commentThreads", 100)
        .query("part", "snippet,replies")
        .query("order", "time")
        .query("videoId", video)
}

fn list(dataset: Dataset, resource: &str, size: u64) -> PollSourceBuilder {
    let refusals = Refusals::at("/error/errors/0/reason")
        .used_up_until(["quotaExceeded", "dailyLimitExceeded"], NEW_DAY)
        .rate_limited(["rateLimitExceeded", "userRateLimitExceeded"])
        .unauthenticated(["keyInvalid", "keyExpired", "authError"])
        .unavailable(["backendError", "processingFailure"]);
    PollSource::builder(dataset, url(SERVER, &format!("/youtube/v3/{resource}")))
        .records("/items")
        .pagination(Pagination::cursor("/nextPageToken", "pageToken").size("maxResults", size))
        .refusals(refusals)
}

//! The Graph API of Meta: lists of Facebook and Instagram, and insights.
//!
//! Lists are read by the `next` link of each page until there is none: the last page still has cursors, pages can be
//! short, and one without records is no end. Cursors are not to be stored, and no position holds one: after a restart
//! the walk begins again, and pages that were given are known.
//!
//! Insights are asked for in windows of days. Their figures are restated for weeks, so every cycle asks again for the last
//! 28 days; of what comes more than once about a day, the last counts. Page insights name another window in each `next`
//! link, without end: their windows are counted here, and the links not followed.
//!
//! Meta throttles with status 400 and a code in the body, and says in the header of every answer how many percent are
//! used. Above 75 the source goes slower, at 100 it waits as long as Meta says.
//!
//! `.auth(meta::access(token, app_secret))` sends the token in a header with the `appsecret_proof` that apps should ask
//! for, and takes both out of links.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{part, url};
use crate::web::poll::{Pagination, PollSource, PollSourceBuilder, TimeFormat, Usage, Window};
use crate::web::{Auth, Refusals};
use datalake_core::{Credential, Dataset};

/// Where the API is. [`origin`](PollSourceBuilder::origin) changes it.
const SERVER: &str = "https://graph.facebook.com";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A token, and the secret of the app it is of.
pub fn access(token: impl Into<Credential>, app_secret: impl Into<Credential>) -> Auth {
    Auth::proven_bearer(token, "appsecret_proof", app_secret)
}

/// An edge, for instance `17841400000000000/media`, with fields such as `id,caption,timestamp`. The version of the API
/// is one such as `v23.0`.
pub fn edge(dataset: Dataset, version: &str, edge: &str, fields: &str) -> PollSourceBuilder {
    list(dataset, version, edge).query("fields", fields)
}

/// Figures of advertisements by day, of an account such as `act_123`, at a level: `account`, `campaign`, `adset` or
/// `ad`. From a day on, in windows of 30 days.
pub fn ad_insights(
    dataset: Dataset,
    version: &str,
    account: &str,
    level: &str,
    fields: &str,
    start: DateTime<Utc>,
) -> PollSourceBuilder {
    let window = Window::days_in("time_range", r#"{"since":"{since}","until":"{until}"}"#, start);
    list(dataset, version, &format!("{account}/insights"))
        .query("level", level)
        .query("fields", fields)
        .query("time_increment", "1")
        .window(window)
}

/// Metrics of a page or of an Instagram account by day, from a day on, in windows of 30 days. A record is a metric with
/// its values, each with its `end_time`.
pub fn insights(
    dataset: Dataset,
    version: &str,
    object: &str,
    metrics: &str,
    start: DateTime<Utc>,
) -> PollSourceBuilder {
    list(dataset, version, &format!("{object}/insights"))
        .pagination(Pagination::none())
        .query("metric", metrics)
        .query("period", "day")
        .window(Window::moments("since", "until", TimeFormat::Seconds, start).span(30 * DAY))
}

fn list(dataset: Dataset, version: &str, edge: &str) -> PollSourceBuilder {
    let path: Vec<_> = [version].into_iter().chain(edge.split('/')).map(part).collect();
    PollSource::builder(dataset, url(SERVER, &format!("/{}", path.join("/"))))
        .records("/data")
        .pagination(Pagination::next_url("/paging/next").size("limit", 100).volatile())
        .usage(usage())
        .refusals(refusals())
}

fn usage() -> Usage {
    let headers =
        ["x-app-usage", "x-business-use-case-usage", "x-ad-account-usage", "x-fb-ads-insights-throttle"];
    let members = ["call_count", "total_time", "total_cputime", "acc_id_util_pct", "app_id_util_pct"];
    Usage::percent(headers, members).regain("estimated_time_to_regain_access", Duration::from_secs(60))
}

/// What codes of Meta mean. Those of business use cases lie together.
fn refusals() -> Refusals {
    let cases = (80_000..=80_014).map(|code: u32| code.to_string());
    Refusals::at("/error/code")
        .rate_limited(["4", "17", "32", "613", "341", "368"])
        .rate_limited(cases)
        .unauthenticated(["102", "190"])
        .permission_denied(["3", "10"])
        .permission_denied((200..=299).map(|code: u32| code.to_string()))
        .unavailable(["1", "2"])
}

//! What an answer that is no success means, and how long to wait before the next try.

use std::time::Duration;

use chrono::{DateTime, Utc};
use http::StatusCode;
use http::header;
use http::uri::PathAndQuery;

use datalake_core::{Error, ErrorKind};

use super::Answer;
use crate::http::link;
use crate::http::meaning::Meant;
use crate::http::origin::Origin;

/// The longest delay a server is believed.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The error an answer stands for.
pub(super) fn error(
    answer: &Answer,
    meant: Option<Meant>,
    origin: &Origin,
    path: &PathAndQuery,
    reveals: impl Fn(&str) -> bool,
) -> Error {
    let (kind, message) = match meant.as_ref().and_then(|meant| meant.kind) {
        Some(kind) => (kind, word(kind)),
        None if meant.is_some() && answer.status.is_success() => {
            (ErrorKind::ConfigInvalid, "the server does not accept the request")
        }
        None => classify(answer),
    };
    let mut error =
        Error::new(kind, message).with("url", origin.shown(path)).with("status", answer.status.as_u16());
    if answer.status.is_redirection() {
        let target =
            answer.header(header::LOCATION).map(|link| link::origin(link).unwrap_or(origin.to_string()));
        if let Some(target) = target.filter(|target| !reveals(target)) {
            error = error.with("target", target);
        }
    }
    if let Some(id) = answer.request_id().filter(|id| !reveals(id)) {
        error = error.with("request", format_args!("{id:?}"));
    }
    let mut wait = delay(answer, Utc::now());
    if let Some(meant) = meant {
        if !reveals(&meant.code) {
            let code: String = meant.code.chars().take(100).collect();
            error = error.with("code", format_args!("{code:?}"));
        }
        wait = wait.max(meant.wait);
    }
    match wait {
        Some(delay) if error.is_retryable() => error.after(delay),
        _ => error,
    }
}

/// Whether the server refuses because of who we are, and not because of how often we ask.
pub(super) fn is_of_credentials(answer: &Answer) -> bool {
    matches!(classify(answer).0, ErrorKind::Unauthenticated | ErrorKind::PermissionDenied)
        && matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

/// What a kind is called where a code in the body says it.
fn word(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::RateLimited => "the server wants fewer requests",
        ErrorKind::Unauthenticated => "the server does not accept the credentials",
        ErrorKind::PermissionDenied => "the server refuses",
        _ => "the server asks for another try",
    }
}

fn classify(answer: &Answer) -> (ErrorKind, &'static str) {
    use ErrorKind as Kind;
    let throttled =
        answer.header("x-ratelimit-remaining") == Some("0") || answer.header("retry-after").is_some();
    match answer.status.as_u16() {
        300..400 => (Kind::ConfigInvalid, "the server redirects, and redirects are not followed"),
        401 => (Kind::Unauthenticated, "the server does not accept the credentials"),
        403 if throttled => (Kind::RateLimited, "the server wants fewer requests"),
        402 | 403 | 407 | 451 => (Kind::PermissionDenied, "the server refuses"),
        404 | 410 => (Kind::NotFound, "the server has nothing there"),
        409 => (Kind::Conflict, "the server finds a conflict"),
        202 => (Kind::Unavailable, "the server has not finished the answer yet"),
        408 | 425 => (Kind::Unavailable, "the server asks for another try"),
        429 => (Kind::RateLimited, "the server wants fewer requests"),
        400..500 => (Kind::ConfigInvalid, "the server does not accept the request"),
        501 | 505 => (Kind::Unsupported, "the server cannot do this"),
        500.. => (Kind::Unavailable, "the server has failed"),
        _ => (Kind::Unexpected, "the answer has a status that is not understood"),
    }
}

/// How long the server asks us to wait.
fn delay(answer: &Answer, now: DateTime<Utc>) -> Option<Duration> {
    let after = answer.header(header::RETRY_AFTER);
    if let Some(delay) = after.and_then(|text| seconds(text).or_else(|| until(text, now))) {
        return Some(delay.min(LONGEST));
    }
    let throttled = matches!(
        answer.status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::FORBIDDEN | StatusCode::SERVICE_UNAVAILABLE
    );
    let names = ["ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset"];
    let reset = names
        .into_iter()
        .find_map(|name| answer.header(name))
        .and_then(|text| seconds(text).or_else(|| date(text, now)));
    let reset = reset.or_else(|| answer.header("ratelimit").and_then(parameter));
    reset.filter(|_| throttled).map(|reset| moment(reset, now).min(LONGEST))
}

/// A number of seconds, perhaps with a fraction.
fn seconds(text: &str) -> Option<Duration> {
    text.parse().ok().and_then(|seconds: f64| Duration::try_from_secs_f64(seconds).ok())
}

/// The time until an HTTP date.
fn until(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let then = DateTime::parse_from_rfc2822(text).ok()?;
    Some(then.signed_duration_since(now).to_std().unwrap_or_default())
}

/// The time until a date in the form of RFC 3339.
fn date(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let then = DateTime::parse_from_rfc3339(text).ok()?;
    Some(then.signed_duration_since(now).to_std().unwrap_or_default())
}

/// The `t` of a `RateLimit` header: `"default";r=0;t=30`.
fn parameter(text: &str) -> Option<Duration> {
    text.split([';', ',']).find_map(|part| part.trim().strip_prefix("t=")).and_then(seconds)
}

/// A reset is a delay, or a moment in seconds or milliseconds since 1970: servers differ, and the size tells.
fn moment(reset: Duration, now: DateTime<Utc>) -> Duration {
    let now = Duration::from_millis(now.timestamp_millis().unsigned_abs());
    match reset.as_secs() {
        0..100_000_000 => reset,
        100_000_000..100_000_000_000 => reset.saturating_sub(now),
        millis => Duration::from_millis(millis).saturating_sub(now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::HeaderMap;

    fn answer(status: u16, headers: &[(&'static str, &str)]) -> Answer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        Answer { status: StatusCode::from_u16(status).unwrap(), headers: map, body: Bytes::new() }
    }

    fn refusal(status: u16, headers: &[(&'static str, &str)]) -> Error {
        let (origin, path) = Origin::parse("https://shop.example/orders?key=s3cr3t").unwrap();
        error(&answer(status, headers), None, &origin, &path, |text| text.contains("s3cr3t"))
    }

    #[test]
    fn a_status_means_what_the_caller_can_do() {
        use ErrorKind as Kind;
        for (status, kind, retryable) in [
            (202, Kind::Unavailable, true),
            (206, Kind::Unexpected, false),
            (301, Kind::ConfigInvalid, false),
            (400, Kind::ConfigInvalid, false),
            (401, Kind::Unauthenticated, false),
            (403, Kind::PermissionDenied, false),
            (404, Kind::NotFound, false),
            (408, Kind::Unavailable, true),
            (409, Kind::Conflict, false),
            (410, Kind::NotFound, false),
            (422, Kind::ConfigInvalid, false),
            (425, Kind::Unavailable, true),
            (429, Kind::RateLimited, true),
            (500, Kind::Unavailable, true),
            (501, Kind::Unsupported, false),
            (502, Kind::Unavailable, true),
            (503, Kind::Unavailable, true),
            (504, Kind::Unavailable, true),
            (529, Kind::Unavailable, true),
        ] {
            let error = refusal(status, &[]);
            assert_eq!((error.kind(), error.is_retryable()), (kind, retryable), "{status}");
            assert!(!error.to_string().contains("s3cr3t"), "{error}");
        }
        assert_eq!(refusal(403, &[("x-ratelimit-remaining", "0")]).kind(), Kind::RateLimited);
    }

    #[test]
    fn a_delay_is_read_in_every_way_servers_write_it() {
        let now: DateTime<Utc> = "2024-01-03T02:49:00Z".parse().unwrap();
        let epoch = now.timestamp();
        let (in_seconds, in_millis) = ((epoch + 40).to_string(), ((epoch + 50) * 1000).to_string());
        for (headers, seconds) in [
            (vec![("retry-after", "7")], Some(7)),
            (vec![("retry-after", "Wed, 03 Jan 2024 02:49:30 GMT")], Some(30)),
            (vec![("retry-after", "Wed, 03 Jan 2024 02:48:30 GMT")], Some(0)),
            (vec![("retry-after", "soon"), ("ratelimit-reset", "20")], Some(20)),
            (vec![("retry-after", "-1")], None),
            (vec![("retry-after", "1e300")], None),
            (vec![("retry-after", "999999999")], Some(86_400)),
            (vec![("x-ratelimit-reset", in_seconds.as_str())], Some(40)),
            (vec![("x-ratelimit-reset", in_millis.as_str())], Some(50)),
            (vec![("x-ratelimit-reset", "2024-01-03T02:50:30.000000Z")], Some(90)),
            (vec![("ratelimit", "\"default\";r=0;t=12")], Some(12)),
            (vec![], None),
        ] {
            let found = delay(&answer(429, &headers), now);
            assert_eq!(found, seconds.map(Duration::from_secs), "{headers:?}");
        }
        assert_eq!(delay(&answer(500, &[("x-ratelimit-reset", "9")]), now), None);
    }

    #[test]
    fn a_redirect_names_the_origin_it_leads_to_and_nothing_more() {
        for (link, target) in [
            ("https://me:pass@login.example:8443/in?ticket=1#x", "https://login.example:8443"),
            ("//login.example/in", "//login.example"),
            ("/elsewhere?ticket=1&to=https://login.example/", "https://shop.example"),
        ] {
            let error = refusal(302, &[("location", link)]);
            assert!(error.to_string().contains(&format!("target: {target})")), "{error}");
            assert!(!error.to_string().contains("ticket") && !error.to_string().contains("pass"));
        }
    }

    #[test]
    fn a_request_id_is_named_unless_it_repeats_a_credential() {
        assert!(refusal(500, &[("x-request-id", "r-1")]).to_string().contains("r-1"));
        assert!(!refusal(500, &[("x-request-id", "s3cr3t")]).to_string().contains("s3cr3t"));
    }
}

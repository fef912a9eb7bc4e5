//! What the codes in the bodies of refusals mean.

use std::time::Duration;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use serde_json::Value;

use datalake_core::ErrorKind;

/// The largest body that is looked into.
const LARGEST: usize = 256 << 10;

/// What the codes in the bodies of refusals mean, for services whose status says too little: one that throttles with
/// status 400 or 403, or whose token ends with status 400.
///
/// A code is text or a number at a JSON Pointer. One that is not named means what the status means.
///
/// ```
/// use std::time::Duration;
///
/// use datalake_connectors::web::Refusals;
///
/// let refusals = Refusals::at("/error/code").rate_limited(["4", "17"]).unauthenticated(["190"]);
/// let daily = Refusals::at("/error/errors/0/reason").used_up_until(["quotaExceeded"], Duration::from_secs(8 * 3600));
/// ```
#[derive(Debug, Clone)]
pub struct Refusals {
    pointers: Vec<String>,
    in_answers: bool,
    meanings: Vec<(String, Meaning)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Kind(ErrorKind),
    UsedUpUntil(Duration),
}

/// What a refusal is, by its code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Meant {
    pub(crate) code: String,
    pub(crate) kind: Option<ErrorKind>,
    pub(crate) wait: Option<Duration>,
}

impl Refusals {
    /// By where the code is, as a JSON Pointer.
    pub fn at(pointer: impl Into<String>) -> Self {
        Self { pointers: vec![pointer.into()], in_answers: false, meanings: Vec::new() }
    }

    /// Looks in another place, a JSON Pointer, where there is no code in the first.
    #[must_use]
    pub fn or_at(mut self, pointer: impl Into<String>) -> Self {
        self.pointers.push(pointer.into());
        self
    }

    /// An answer whose status is a success is a refusal too if it has a code, known or not, as those of GraphQL. Costs
    /// a second reading of every page.
    #[must_use]
    pub fn in_answers(mut self) -> Self {
        self.in_answers = true;
        self
    }

    /// These codes ask for fewer requests.
    #[must_use]
    pub fn rate_limited<C: Into<String>>(self, codes: impl IntoIterator<Item = C>) -> Self {
        self.mean(codes, Meaning::Kind(ErrorKind::RateLimited))
    }

    /// These codes say that the day's requests are used up; another day begins at a time of day in UTC, given from
    /// midnight on.
    #[must_use]
    pub fn used_up_until<C: Into<String>>(self, codes: impl IntoIterator<Item = C>, time: Duration) -> Self {
        self.mean(codes, Meaning::UsedUpUntil(time))
    }

    /// These codes ask for another try.
    #[must_use]
    pub fn unavailable<C: Into<String>>(self, codes: impl IntoIterator<Item = C>) -> Self {
        self.mean(codes, Meaning::Kind(ErrorKind::Unavailable))
    }

    /// These codes say that the credentials are not good, or no longer.
    #[must_use]
    pub fn unauthenticated<C: Into<String>>(self, codes: impl IntoIterator<Item = C>) -> Self {
        self.mean(codes, Meaning::Kind(ErrorKind::Unauthenticated))
    }

    /// These codes say that the credentials are not enough.
    #[must_use]
    pub fn permission_denied<C: Into<String>>(self, codes: impl IntoIterator<Item = C>) -> Self {
        self.mean(codes, Meaning::Kind(ErrorKind::PermissionDenied))
    }

    fn mean<C: Into<String>>(mut self, codes: impl IntoIterator<Item = C>, meaning: Meaning) -> Self {
        self.meanings.extend(codes.into_iter().map(|code| (code.into(), meaning)));
        self
    }

    /// Where the code may be.
    pub(crate) fn pointers(&self) -> &[String] {
        &self.pointers
    }

    /// Whether an answer is looked into that is a success.
    pub(crate) fn are_in_answers(&self) -> bool {
        self.in_answers
    }

    /// What a body says. `None` if it has no code.
    pub(crate) fn read(&self, body: &[u8], now: DateTime<Utc>) -> Option<Meant> {
        if body.len() > LARGEST && !self.in_answers {
            return None;
        }
        let body: Value = serde_json::from_slice(body).ok()?;
        let code = self.pointers.iter().find_map(|pointer| match body.pointer(pointer)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })?;
        let meaning = self.meanings.iter().find(|(own, _)| *own == code).map(|(_, meaning)| *meaning);
        let (kind, wait) = match meaning {
            Some(Meaning::Kind(kind)) => (Some(kind), None),
            Some(Meaning::UsedUpUntil(time)) => (Some(ErrorKind::RateLimited), Some(until(time, now))),
            None => (None, None),
        };
        Some(Meant { code, kind, wait })
    }
}

/// How long it is until a time of day.
fn until(time: Duration, now: DateTime<Utc>) -> Duration {
    let day = TimeDelta::days(1);
    let time = TimeDelta::from_std(time).map_or(TimeDelta::zero(), |time| time.min(day));
    let today = now.date_naive().and_time(NaiveTime::MIN).and_utc() + time;
    let next = if today > now { today } else { today + day };
    (next - now).to_std().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusals() -> Refusals {
        Refusals::at("/error/code")
            .rate_limited(["4", "busy"])
            .used_up_until(["quota"], Duration::from_secs(8 * 3600))
            .unauthenticated(["190"])
    }

    #[test]
    fn a_code_means_what_was_said() {
        let now: DateTime<Utc> = "2024-01-03T07:59:00Z".parse().unwrap();
        let read = |body: &str| refusals().read(body.as_bytes(), now).map(|meant| (meant.kind, meant.wait));
        assert_eq!(read(r#"{"error":{"code":4}}"#), Some((Some(ErrorKind::RateLimited), None)));
        assert_eq!(read(r#"{"error":{"code":"busy"}}"#), Some((Some(ErrorKind::RateLimited), None)));
        assert_eq!(read(r#"{"error":{"code":190}}"#), Some((Some(ErrorKind::Unauthenticated), None)));
        assert_eq!(read(r#"{"error":{"code":5}}"#), Some((None, None)));
        let minute = Some((Some(ErrorKind::RateLimited), Some(Duration::from_secs(60))));
        assert_eq!(read(r#"{"error":{"code":"quota"}}"#), minute);
        for body in ["", "<html>", "{}", r#"{"error":null}"#, r#"{"error":{"code":[4]}}"#] {
            assert_eq!(read(body), None, "{body}");
        }
    }

    #[test]
    fn a_day_begins_again_at_its_own_time() {
        let time = Duration::from_secs(8 * 3600);
        for (now, hours) in
            [("2024-01-03T00:00:00Z", 8), ("2024-01-03T08:00:00Z", 24), ("2024-01-03T20:00:00Z", 12)]
        {
            assert_eq!(until(time, now.parse().unwrap()), Duration::from_secs(hours * 3600), "{now}");
        }
    }
}

//! Going slower before a server has to say so.

use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;

use datalake_core::{Error, Result};

/// The longest wait that is no error.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// What a server says in every answer of how much of its rate is used, and how to go slower by it. A wait of more than a
/// minute is a [`RateLimited`](datalake_core::ErrorKind::RateLimited) error that says how long.
#[derive(Debug, Clone)]
pub struct Usage(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Bucket { header: String, per_second: f64 },
    Percent { headers: Vec<String>, members: Vec<String>, most: f64, regain: Option<(String, Duration)> },
}

impl Usage {
    /// A bucket that leaks, told as `used/size` in a header, and so many requests leak out of it in a second. Nine tenths
    /// of it are used at most; the rest is left to others.
    pub fn bucket(header: impl Into<String>, per_second: f64) -> Self {
        Self(Kind::Bucket { header: header.into(), per_second })
    }

    /// Percentages in JSON in headers, in members of these names at any depth. Up to 75 are used without a wait; above
    /// that each request waits, at 100 for a minute.
    pub fn percent<H: Into<String>, M: Into<String>>(
        headers: impl IntoIterator<Item = H>,
        members: impl IntoIterator<Item = M>,
    ) -> Self {
        let headers = headers.into_iter().map(Into::into).collect();
        let members = members.into_iter().map(Into::into).collect();
        Self(Kind::Percent { headers, members, most: 75.0, regain: None })
    }

    /// Where percentages are told, the member that says how long it takes until requests are taken again, in a unit.
    #[must_use]
    pub fn regain(mut self, member: impl Into<String>, unit: Duration) -> Self {
        if let Kind::Percent { regain, .. } = &mut self.0 {
            *regain = Some((member.into(), unit));
        }
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        match &self.0 {
            Kind::Bucket { per_second, .. } if !(per_second.is_finite() && *per_second > 0.0) => {
                Err(Error::config("a bucket leaks more than nothing"))
            }
            _ => Ok(()),
        }
    }

    /// How long to wait before the next request.
    pub(super) fn wait(&self, headers: &HeaderMap) -> Option<Duration> {
        let text = |name: &String| headers.get(name)?.to_str().ok();
        match &self.0 {
            Kind::Bucket { header, per_second } => {
                let (used, size) = text(header)?.split_once('/')?;
                let (used, size): (f64, f64) = (used.trim().parse().ok()?, size.trim().parse().ok()?);
                seconds((used - size * 0.9) / per_second)
            }
            Kind::Percent { headers: names, members, most, regain } => {
                let mut worst = 0_f64;
                let mut blocked = None;
                for value in names.iter().filter_map(|name| serde_json::from_str::<Value>(text(name)?).ok()) {
                    look(&value, &mut |name, number| {
                        if members.iter().any(|member| member == name) {
                            worst = worst.max(number);
                        }
                        if let Some((_, unit)) = regain.as_ref().filter(|(member, _)| member == name) {
                            blocked = blocked.max(seconds(number * unit.as_secs_f64()));
                        }
                    });
                }
                let slower = seconds((worst.min(100.0) - most) / (100.0 - most) * PATIENCE.as_secs_f64());
                blocked.max(slower)
            }
        }
    }
}

/// Calls for every number that is a member, at any depth.
fn look(value: &Value, see: &mut impl FnMut(&str, f64)) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_f64() {
                    Some(number) => see(name, number),
                    None => look(member, see),
                }
            }
        }
        Value::Array(elements) => elements.iter().for_each(|element| look(element, see)),
        _ => {}
    }
}

/// A time that is more than nothing, and no more than a day.
fn seconds(seconds: f64) -> Option<Duration> {
    if seconds > 0.0 { Duration::try_from_secs_f64(seconds.min(86_400.0)).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(http::HeaderName::from_static(name), value.parse().unwrap())])
    }

    #[test]
    fn a_bucket_is_waited_for_when_it_is_nearly_full() {
        let usage = Usage::bucket("x-limit", 2.0);
        for (text, wait) in
            [("1/40", 0), ("36/40", 0), ("38/40", 1000), ("40/40", 2000), ("40", 0), ("a/b", 0)]
        {
            let found = usage.wait(&headers("x-limit", text)).unwrap_or_default();
            assert_eq!(found.as_millis(), wait, "{text}");
        }
        assert_eq!(usage.wait(&HeaderMap::new()), None);
        assert!(Usage::bucket("x", 0.0).check().is_err() && Usage::bucket("x", f64::NAN).check().is_err());
    }

    #[test]
    fn percentages_are_found_at_any_depth_and_the_worst_counts() {
        let usage = Usage::percent(["x-app", "x-business"], ["calls", "cpu"])
            .regain("minutes", Duration::from_secs(60));
        for (text, wait) in [
            (r#"{"calls":75,"cpu":3,"time":100}"#, 0),
            (r#"{"17":[{"type":"ads","calls":10,"cpu":100,"minutes":0}]}"#, 60),
            (r#"{"17":[{"calls":100,"minutes":7}],"18":[]}"#, 420),
            ("not json", 0),
        ] {
            let found = usage.wait(&headers("x-business", text)).unwrap_or_default();
            assert_eq!(found.as_secs(), wait, "{text}");
        }
    }
}

//! Asking for windows of time, and for the last of it again and again.

use std::time::Duration;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::incremental::TimeFormat;
use datalake_core::{Error, Result};

/// Asks for windows of time one after the other, from a start to now, and in every later cycle for the last of it
/// again: for figures that are restated for days, such as those of advertisements.
///
/// Each window is walked through all of its pages. What comes again in the later cycles and has not changed is not
/// given again as long as its page is the same; of what comes more than once the last counts. By how long figures are
/// still restated, [`again`](Self::again) is to be set.
///
/// ```
/// use std::time::Duration;
///
/// use datalake_connectors::web::poll::{PollSource, Window};
/// use datalake_core::Dataset;
///
/// let day = Duration::from_secs(24 * 60 * 60);
/// let source = PollSource::builder(Dataset::new("visits")?, "https://ads.example/visits")
///     .window(Window::days("from", "to", "2024-01-01T00:00:00Z".parse().unwrap()).span(30 * day).again(7 * day))
///     .build()?;
/// # Ok::<(), datalake_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Window {
    parameters: Parameters,
    format: TimeFormat,
    /// Whether the end that is sent is inside.
    inclusive: bool,
    span: TimeDelta,
    again: TimeDelta,
    start: DateTime<Utc>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
enum Parameters {
    Two(String, String),
    One(String, String),
}

/// The window that is walked, from its begin to before its end, and the end of the last one of the cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Span {
    pub(super) from: DateTime<Utc>,
    pub(super) until: DateTime<Utc>,
    pub(super) end: DateTime<Utc>,
}

impl Window {
    /// By two parameters that take dates, both inside the window. Windows are of 30 days, and the last 28 days come
    /// again.
    pub fn days(since: impl Into<String>, until: impl Into<String>, start: DateTime<Utc>) -> Self {
        Self::new(Parameters::Two(since.into(), until.into()), TimeFormat::Date, true, start)
    }

    /// The same with both dates in one parameter: in the text, `{since}` and `{until}` stand for them.
    pub fn days_in(parameter: impl Into<String>, text: impl Into<String>, start: DateTime<Utc>) -> Self {
        Self::new(Parameters::One(parameter.into(), text.into()), TimeFormat::Date, true, start)
    }

    /// By two parameters that take moments, the later of which is outside of the window.
    pub fn moments(
        since: impl Into<String>,
        until: impl Into<String>,
        format: TimeFormat,
        start: DateTime<Utc>,
    ) -> Self {
        Self::new(Parameters::Two(since.into(), until.into()), format, false, start)
    }

    fn new(parameters: Parameters, format: TimeFormat, inclusive: bool, start: DateTime<Utc>) -> Self {
        let (span, again) = (TimeDelta::days(30), TimeDelta::days(28));
        Self { parameters, format, inclusive, span, again, start: midnight(start) }
    }

    /// How long a window is, at most. Dates take whole days.
    #[must_use]
    pub fn span(mut self, span: Duration) -> Self {
        self.span = TimeDelta::from_std(span).unwrap_or(TimeDelta::MAX);
        self
    }

    /// How much of the time before the last cycle each cycle asks for again.
    #[must_use]
    pub fn again(mut self, again: Duration) -> Self {
        self.again = TimeDelta::from_std(again).unwrap_or(TimeDelta::MAX);
        self
    }

    /// The settings as lineage keeps them.
    pub(super) fn config(&self) -> Value {
        json!({
            "parameters": self.parameters,
            "format": self.format,
            "end_is_inside": self.inclusive,
            "span_seconds": self.span.num_seconds(),
            "again_seconds": self.again.num_seconds(),
            "start": self.start,
        })
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.span < TimeDelta::days(1) {
            return Err(Error::config("a window is of a day or more"));
        }
        match &self.parameters {
            Parameters::One(_, text) if !text.contains("{since}") || !text.contains("{until}") => {
                Err(Error::config("a window in one parameter needs {since} and {until} in its text"))
            }
            _ => Ok(()),
        }
    }

    /// The first window of a cycle that begins now, after cycles that reached up to a moment.
    pub(super) fn first(&self, reached: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Span {
        let end = if self.inclusive { midnight(now) + TimeDelta::days(1) } else { now };
        let again = reached.and_then(|reached| reached.checked_sub_signed(self.again)).map(midnight);
        let from = again.map_or(self.start, |again| again.max(self.start)).min(midnight(now));
        self.of(from, end)
    }

    /// The window after one. `None` if that was the last.
    pub(super) fn after(&self, span: Span) -> Option<Span> {
        (span.until < span.end).then(|| self.of(span.until, span.end))
    }

    fn of(&self, from: DateTime<Utc>, end: DateTime<Utc>) -> Span {
        let length = if self.inclusive { TimeDelta::days(self.span.num_days()) } else { self.span };
        let until = from.checked_add_signed(length).map_or(end, |until| until.min(end));
        Span { from, until, end }
    }

    /// The parameters that ask for a window.
    pub(super) fn ask(&self, span: Span) -> Vec<(&str, String)> {
        let until = if self.inclusive { span.until - TimeDelta::days(1) } else { span.until };
        let (since, until) = (self.format.write(span.from), self.format.write(until));
        match &self.parameters {
            Parameters::Two(one, other) => vec![(one, since), (other, until)],
            Parameters::One(name, text) => {
                vec![(name, text.replace("{since}", &since).replace("{until}", &until))]
            }
        }
    }
}

fn midnight(at: DateTime<Utc>) -> DateTime<Utc> {
    at.date_naive().and_time(NaiveTime::MIN).and_utc()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn asked(window: &Window, reached: Option<&str>, now: &str) -> Vec<String> {
        let mut span = Some(window.first(reached.map(at), at(now)));
        let mut all = Vec::new();
        while let Some(this) = span {
            let texts: Vec<_> =
                window.ask(this).into_iter().map(|(name, text)| format!("{name}={text}")).collect();
            all.push(texts.join("&"));
            span = window.after(this);
        }
        all
    }

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    #[test]
    fn days_follow_each_other_without_gap_or_overlap_up_to_today() {
        let window = Window::days("a", "b", at("2024-01-01T09:00:00Z")).span(10 * DAY).again(3 * DAY);
        assert_eq!(
            asked(&window, None, "2024-01-25T15:00:00Z"),
            ["a=2024-01-01&b=2024-01-10", "a=2024-01-11&b=2024-01-20", "a=2024-01-21&b=2024-01-25"]
        );
        assert_eq!(
            asked(&window, Some("2024-01-25T15:00:00Z"), "2024-01-26T01:00:00Z"),
            ["a=2024-01-22&b=2024-01-26"]
        );
        assert_eq!(
            asked(&window, Some("2024-01-02T15:00:00Z"), "2024-01-02T16:00:00Z"),
            ["a=2024-01-01&b=2024-01-02"]
        );
        assert_eq!(asked(&window, None, "2023-12-01T00:00:00Z"), ["a=2023-12-01&b=2023-12-01"]);
    }

    #[test]
    fn moments_follow_each_other_up_to_now() {
        let window = Window::moments("a", "b", TimeFormat::Rfc3339, at("2024-01-01T00:00:00Z")).span(2 * DAY);
        assert_eq!(
            asked(&window, None, "2024-01-03T15:00:00Z"),
            [
                "a=2024-01-01T00:00:00Z&b=2024-01-03T00:00:00Z",
                "a=2024-01-03T00:00:00Z&b=2024-01-03T15:00:00Z"
            ]
        );
    }

    #[test]
    fn one_parameter_can_hold_both_ends() {
        let window =
            Window::days_in("t", r#"{"since":"{since}","until":"{until}"}"#, at("2024-01-01T00:00:00Z"));
        assert!(window.check().is_ok());
        assert_eq!(
            asked(&window, None, "2024-01-02T00:00:00Z"),
            [r#"t={"since":"2024-01-01","until":"2024-01-02"}"#]
        );
        assert!(Window::days_in("t", "{since}", at("2024-01-01T00:00:00Z")).check().is_err());
        assert!(window.span(Duration::from_secs(60)).check().is_err());
    }
}

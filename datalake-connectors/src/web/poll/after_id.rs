//! Asking only for what has a greater id.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::probe::is_pointer;
use datalake_core::{Error, Result};

/// Asks in every cycle only for the records with a greater id than any seen before, for silos whose ids grow with
/// time and whose pages go from the oldest to the newest, such as by `min_id` of Mastodon.
///
/// Ids are compared as numbers if they are digits, else by their length and then byte by byte. The greatest counts
/// when the cycle is complete. A record that gets a smaller id than one that was seen already is missed, unless the
/// look-back reaches it; one that changes is not given again.
///
/// ```
/// use datalake_connectors::web::poll::{AfterId, Pagination, PollSource};
/// use datalake_core::Dataset;
///
/// let source = PollSource::builder(Dataset::new("posts")?, "https://social.example/api/v1/timelines/public")
///     .pagination(Pagination::link("prev"))
///     .after_id(AfterId::new("min_id", "/id"))
///     .build()?;
/// # Ok::<(), datalake_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct AfterId {
    pub(super) parameter: String,
    pub(super) pointer: String,
    back: u64,
    start: Option<String>,
}

impl AfterId {
    /// The settings as lineage keeps them.
    pub(super) fn config(&self) -> Value {
        json!({ "parameter": self.parameter, "id": self.pointer, "look_back": self.back, "start": self.start })
    }

    /// By the query parameter that takes an id, and where a record has its own (a JSON Pointer).
    pub fn new(parameter: impl Into<String>, pointer: impl Into<String>) -> Self {
        Self { parameter: parameter.into(), pointer: pointer.into(), back: 0, start: None }
    }

    /// Asks from so much below the greatest id on, for records that get their id late. Nothing by default. Ids that
    /// are not numbers have nothing below them.
    #[must_use]
    pub fn look_back(mut self, ids: u64) -> Self {
        self.back = ids;
        self
    }

    /// The id that the first cycle begins after. By default it is not sent.
    #[must_use]
    pub fn start(mut self, id: impl Into<String>) -> Self {
        self.start = Some(id.into());
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        if !is_pointer(&self.pointer) || self.pointer.is_empty() {
            return Err(
                Error::config("the id of a record is named by a JSON Pointer").with("found", &self.pointer)
            );
        }
        Ok(())
    }

    /// The parameter for a cycle that goes on after an id.
    pub(super) fn lower_bound(&self, seen: Option<&str>) -> Option<(&str, String)> {
        let after = match (seen, seen.and_then(|id| id.parse::<u64>().ok())) {
            (Some(_), Some(number)) if self.back > 0 => number.saturating_sub(self.back).to_string(),
            (Some(id), _) => id.to_owned(),
            (None, _) => self.start.clone()?,
        };
        Some((&self.parameter, after))
    }
}

/// The greater of two ids.
pub(super) fn greater(one: Option<String>, other: Option<String>) -> Option<String> {
    match (one, other) {
        (Some(one), Some(other)) if compare(&one, &other) == Ordering::Less => Some(other),
        (one, other) => one.or(other),
    }
}

fn compare(one: &str, other: &str) -> Ordering {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (one, other) = match digits(one) && digits(other) {
        true => (one.trim_start_matches('0'), other.trim_start_matches('0')),
        false => (one, other),
    };
    (one.len(), one).cmp(&(other.len(), other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_compared_as_numbers_however_long_they_are() {
        for (less, more) in [
            ("9", "10"),
            ("0010", "11"),
            ("113000000000000000", "113000000000000001"),
            ("99999999999999999999999", "100000000000000000000000"),
            ("AaZ", "AbA"),
        ] {
            let (a, b) = (Some(less.to_owned()), Some(more.to_owned()));
            assert_eq!(greater(a.clone(), b.clone()), b);
            assert_eq!(greater(b.clone(), a), b);
        }
        assert_eq!(greater(None, Some("1".into())).as_deref(), Some("1"));
    }

    #[test]
    fn a_look_back_reaches_below_the_greatest_id() {
        let after = AfterId::new("min_id", "/id").look_back(100).start("7");
        assert_eq!(after.lower_bound(None), Some(("min_id", "7".into())));
        assert_eq!(after.lower_bound(Some("250")), Some(("min_id", "150".into())));
        assert_eq!(after.lower_bound(Some("50")), Some(("min_id", "0".into())));
        assert_eq!(after.lower_bound(Some("AbA")), Some(("min_id", "AbA".into())));
        assert_eq!(AfterId::new("min_id", "/id").lower_bound(None), None);
    }
}

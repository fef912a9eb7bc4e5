//! What a batch says of the records that it does not give.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::Value;

use datalake_core::{Error, ErrorKind, Result};

/// The category of a record that is not there any more, or has no links.
const NOT_FOUND: &str = "OBJECT_NOT_FOUND";

/// Why some records are not among the results.
#[derive(Debug, Deserialize)]
pub(super) struct Missing {
    #[serde(default)]
    category: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    context: Value,
}

impl Missing {
    /// The ids of the records that it is about.
    fn ids(&self) -> impl Iterator<Item = String> {
        let lists = self.context.as_object().into_iter().flat_map(|context| context.values());
        let ids = lists.filter_map(Value::as_array).flatten();
        ids.map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned))
    }
}

/// Checks that each record that was asked for was given, or said not to be there.
///
/// # Errors
/// `Unavailable` if one was neither, and with what the system says if it failed at one; `PermissionDenied` if it was not
/// allowed.
pub(super) fn cover<'a>(
    asked: impl IntoIterator<Item = &'a str>,
    given: impl IntoIterator<Item = &'a str>,
    missing: &[Missing],
    reveals: impl Fn(&str) -> bool,
) -> Result<()> {
    if let Some(failed) = missing.iter().find(|missing| missing.category != NOT_FOUND) {
        let kind = match failed.category.as_str() {
            "MISSING_SCOPES" => ErrorKind::PermissionDenied,
            _ => ErrorKind::Unavailable,
        };
        let error = Error::new(kind, "the system gives some records of a batch and fails at others");
        let texts = [("category", &failed.category), ("message", &failed.message)];
        return Err(texts.into_iter().filter(|(_, text)| !reveals(text)).fold(
            error,
            |error, (name, text)| {
                error.with(name, format_args!("{:?}", text.chars().take(300).collect::<String>()))
            },
        ));
    }
    let told: HashSet<String> =
        given.into_iter().map(str::to_owned).chain(missing.iter().flat_map(Missing::ids)).collect();
    let left = asked.into_iter().filter(|id| !told.contains(*id)).count();
    if left > 0 {
        let error = Error::new(ErrorKind::Unavailable, "a batch leaves records out and does not say why");
        return Err(error.with("records", left));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covered(given: &[&str], missing: &str) -> Result<()> {
        let missing: Vec<Missing> = serde_json::from_str(missing).unwrap();
        cover(["1", "2"], given.iter().copied(), &missing, |text| text.contains("s3cr3t"))
    }

    #[test]
    fn a_record_is_given_or_said_not_to_be_there() {
        assert!(covered(&["2", "1"], "[]").is_ok());
        let gone = r#"[{"category":"OBJECT_NOT_FOUND","context":{"ids":["2"]}}]"#;
        assert!(covered(&["1"], gone).is_ok());
        let unlinked = r#"[{"category":"OBJECT_NOT_FOUND","context":{"fromObjectId":[1]}},
                           {"category":"OBJECT_NOT_FOUND","context":{"fromObjectId":["2"]}}]"#;
        assert!(covered(&[], unlinked).is_ok());
    }

    #[test]
    fn one_that_is_left_out_comes_again() {
        let gone = r#"[{"category":"OBJECT_NOT_FOUND","context":{"ids":["1"]}}]"#;
        for missing in ["[]", gone] {
            let error = covered(&["1"], missing).unwrap_err();
            assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, true), "{error}");
        }
    }

    #[test]
    fn a_failure_is_none_of_a_record_that_is_not_there() {
        for (category, kind) in
            [("INTERNAL_ERROR", ErrorKind::Unavailable), ("MISSING_SCOPES", ErrorKind::PermissionDenied)]
        {
            let missing =
                format!(r#"[{{"category":"{category}","message":"s3cr3t","context":{{"ids":["2"]}}}}]"#);
            let error = covered(&["1"], &missing).unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().contains(category) && !error.to_string().contains("s3cr3t"), "{error}");
        }
    }
}

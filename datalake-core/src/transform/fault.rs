//! Saying why a value does not fit a type, without quoting the value.

use serde_json::Error;

use super::scan::{self, Member};
use super::text;

/// What a deserialiser says, with every value taken out: it may be one that a mask hides elsewhere.
pub(super) fn describe(error: &Error) -> String {
    let full = error.to_string();
    let message = match error.line() {
        0 => &full[..],
        _ => full.rsplit_once(" at line ").map_or(&full[..], |(message, _)| message),
    };
    for names_only in ["missing field `", "duplicate field `"] {
        if message.starts_with(names_only) {
            return message.to_owned();
        }
    }
    let expected = message.rsplit_once(", expected ").map(|(_, expected)| expected);
    let start = ["invalid type", "invalid value", "invalid length", "unknown variant", "unknown field"]
        .into_iter()
        .find(|start| message.starts_with(start));
    match (start, expected) {
        (Some("unknown field"), None) => "unknown field".to_owned(),
        (Some(start), Some(expected)) => {
            let kind = message[start.len()..].trim_start_matches(": ").split([' ', ',']).next().unwrap_or("");
            match (start, kind) {
                ("invalid type", "string" | "integer" | "boolean" | "null" | "map" | "sequence") => {
                    format!("{start}: {kind}, expected {expected}")
                }
                ("invalid type", "floating") => format!("{start}: number, expected {expected}"),
                _ => format!("{start}, expected {expected}"),
            }
        }
        _ => "the value does not fit".to_owned(),
    }
}

/// The JSON Pointer of the innermost value around the place where a deserialiser stopped. The text must be JSON.
pub(super) fn path(json: &str, error: &Error) -> String {
    let mut path = String::new();
    let line_start = match error.line() {
        0 => return path,
        1 => 0,
        line => memchr::memchr_iter(b'\n', json.as_bytes()).nth(line - 2).map_or(0, |at| at + 1),
    };
    let stop = line_start + error.column().saturating_sub(1);
    let bytes = json.as_bytes();
    let mut at = scan::space(bytes, 0);
    loop {
        let mut index = 0;
        let mut hit: Option<(usize, Member)> = None;
        let visit = |member: Member| {
            if (member.value.start..member.value.end).contains(&stop) && hit.is_none() {
                hit = Some((index, member));
            }
            index += 1;
        };
        let read = match bytes.get(at) {
            Some(b'{') => scan::object(bytes, at, 0, visit),
            Some(b'[') => scan::array(bytes, at, 0, visit),
            _ => return path,
        };
        let (Ok(_), Some((index, member))) = (read, hit) else { return path };
        path.push('/');
        if member.key.start == member.key.end {
            path.push_str(&index.to_string());
        } else {
            let key = text::meaning(member.key.of(json)).unwrap_or_default();
            path.push_str(&key.replace('~', "~0").replace('/', "~1"));
        }
        at = member.value.start;
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde::de::DeserializeOwned;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    #[serde(deny_unknown_fields)]
    struct Order {
        id: u32,
        customer: Customer,
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct Customer {
        emails: Vec<String>,
        #[serde(default)]
        level: Option<Level>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Level {
        Gold,
    }

    fn failure<T: DeserializeOwned>(json: &str) -> (String, String) {
        let error = serde_json::from_str::<T>(json).map(drop).unwrap_err();
        (describe(&error), path(json, &error))
    }

    #[test]
    fn a_misfit_is_named_with_its_place_and_never_with_its_value() {
        let cases = [
            (r#"{"id":"secret, expected x","customer":{}}"#, "invalid type: string, expected u32", "/id"),
            (
                "{\"id\":1,\n \"customer\":{\"emails\":[\"a\",77]}}",
                "invalid type: integer, expected a string",
                "/customer/emails/1",
            ),
            (r#"{"id":-5,"customer":{"emails":[]}}"#, "invalid value, expected u32", "/id"),
            (r#"{"id":1,"customer":{}}"#, "missing field `emails`", "/customer"),
            (r#"{"customer":{"emails":[]}}"#, "missing field `id`", ""),
            (
                r#"{"id":1,"customer":{"emails":[],"level":"secret"}}"#,
                "unknown variant, expected `gold`",
                "/customer/level",
            ),
            (r#"{"id":1,"secret":1}"#, "unknown field, expected `id` or `customer`", ""),
        ];
        for (json, message, at) in cases {
            let (said, place) = failure::<Order>(json);
            assert_eq!((said.as_str(), place.as_str()), (message, at), "{json}");
        }
    }
}

//! An event of Snowplow's tracker protocol as a row.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use datalake_core::RecordError;
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Number, Value};

use super::fields::{Kind, event, field};
use super::members::Members;
use super::time::{corrected, millis, received, text};

/// Something that says what it is.
#[derive(Deserialize)]
struct SelfDescribing<'a> {
    #[serde(borrow)]
    schema: Cow<'a, str>,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// The row of an event.
pub(super) fn row(body: &[u8], properties: &Map<String, Value>) -> Result<Vec<u8>, RecordError> {
    let sent = Members::read(body).ok_or_else(|| refused("the event is no JSON object"))?;
    let mut row = Members::default();
    let mut other = Members::default();
    let (mut created, mut told, mut truth) = (None, None, None);
    for (name, value) in sent.iter() {
        let at = |error: RecordError| error.at(format!("/{name}"));
        let Some((field, kind)) = field(name) else {
            other.add(name, value);
            continue;
        };
        let Some(value) = scalar(value).map_err(at)? else { continue };
        if let Kind::Time = kind {
            let time = millis(&value).ok_or_else(|| at(refused("it is no time in milliseconds")))?;
            match name {
                "dtm" => created = Some(time),
                "stm" => told = Some(time),
                _ => truth = Some(time),
            }
        }
        put(&mut row, field, kind, &value).map_err(at)?;
    }
    if row.find("event").is_none() {
        return Err(refused("it does not say what kind of event it is").at("/e"));
    }
    if let Some(received) = received(properties) {
        let derived = truth.unwrap_or_else(|| derived(received, created, told));
        row.set_text("collector_tstamp", &text(received));
        row.set_text("derived_tstamp", &text(derived));
    }
    for name in ["network_userid", "user_ipaddress", "useragent"] {
        if let (None, Some(Value::String(value))) = (row.find(name), properties.get(name)) {
            row.set_text(name, value);
        }
    }
    if !other.is_empty() {
        row.set_members("other", &other);
    }
    Ok(row.json())
}

fn derived(
    received: DateTime<Utc>,
    created: Option<DateTime<Utc>>,
    sent: Option<DateTime<Utc>>,
) -> DateTime<Utc> {
    created.zip(sent).map_or(received, |(created, sent)| corrected(received, created, sent))
}

/// Puts a value into a field of its kind.
fn put(row: &mut Members, field: &str, kind: Kind, value: &str) -> Result<(), RecordError> {
    match kind {
        Kind::Text => row.set_text(field, value),
        Kind::Number => row.set(field, number(value)?),
        Kind::Flag => row.set(field, flag(value)?),
        Kind::Time => {
            let time = millis(value).ok_or_else(|| refused("it is no time in milliseconds"))?;
            row.set_text(field, &text(time));
        }
        Kind::Size => {
            let (width, height) =
                value.split_once('x').ok_or_else(|| refused("it is no width and height"))?;
            row.set(&format!("{field}width"), number(width)?);
            row.set(&format!("{field}height"), number(height)?);
        }
        Kind::Event => {
            row.set_text(field, event(value).ok_or_else(|| refused("it is no known kind of event"))?);
        }
        Kind::Described { encoded } => {
            let json = plain(value, encoded)?;
            let (_, inner) = described(&json)?;
            described(inner.get())?;
            row.set(field, inner.to_owned());
        }
        Kind::Contexts { encoded } => {
            let json = plain(value, encoded)?;
            let (_, list) = described(&json)?;
            let contexts: Vec<&RawValue> =
                serde_json::from_str(list.get()).map_err(|_| refused("it is no list of contexts"))?;
            for context in contexts {
                described(context.get())?;
            }
            row.set(field, list.to_owned());
        }
    }
    Ok(())
}

/// A value as text. All are strings in the protocol; `None` for none, or an empty one.
fn scalar(value: &RawValue) -> Result<Option<Cow<'_, str>>, RecordError> {
    let text = match value.get().as_bytes().first() {
        Some(b'"') => {
            serde_json::from_str::<String>(value.get()).map_err(|_| refused("it is no text"))?.into()
        }
        Some(b'{' | b'[') => return Err(refused("it is no text")),
        Some(b'n') => return Ok(None),
        _ => Cow::Borrowed(value.get()),
    };
    Ok((!text.is_empty()).then_some(text))
}

/// A number, with the digits it was sent with.
fn number(text: &str) -> Result<Box<RawValue>, RecordError> {
    let wrong = || refused("it is no number");
    serde_json::from_str::<Number>(text).map_err(|_| wrong())?;
    RawValue::from_string(text.to_owned()).map_err(|_| wrong())
}

fn flag(text: &str) -> Result<Box<RawValue>, RecordError> {
    let flag = match text {
        "1" | "true" => true,
        "0" | "false" => false,
        _ => return Err(refused("it is neither 0 nor 1")),
    };
    to_raw_value(&flag).map_err(|_| refused("it is neither 0 nor 1"))
}

/// JSON out of base64, in the alphabet of URLs or the other, with or without padding.
fn plain(text: &str, encoded: bool) -> Result<Cow<'_, str>, RecordError> {
    if !encoded {
        return Ok(Cow::Borrowed(text));
    }
    let url: String = text
        .trim_end_matches('=')
        .chars()
        .map(|letter| match letter {
            '+' => '-',
            '/' => '_',
            other => other,
        })
        .collect();
    let bytes = URL_SAFE_NO_PAD.decode(url).map_err(|_| refused("it is no base64"))?;
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| refused("there is no text in its base64"))
}

/// What is in something that says its schema.
fn described(json: &str) -> Result<(Cow<'_, str>, &RawValue), RecordError> {
    let described: SelfDescribing<'_> =
        serde_json::from_str(json).map_err(|_| refused("it is no JSON with a schema and data"))?;
    if described.schema.starts_with("iglu:") {
        Ok((described.schema, described.data))
    } else {
        Err(refused("its schema is no address of Iglu"))
    }
}

fn refused(message: &str) -> RecordError {
    RecordError::new("snowplow", message)
}

#[cfg(test)]
mod tests {
    use datalake_core::Content;
    use datalake_core::transform::Draft;

    use super::super::fields::FIELDS;
    use super::*;

    const SEEDS: u64 = 4000;

    /// Values of all sorts, some of which fit a field.
    const VALUES: &[&str] = &[
        r#""1""#,
        r#""0""#,
        r#""12.50""#,
        r#""-1e400""#,
        r#""1795341600000""#,
        r#""9223372036854775807""#,
        r#""-9223372036854775808""#,
        r#""800x600""#,
        r#""x""#,
        r#""pv""#,
        r#""""#,
        "null",
        "true",
        "7",
        r#""\ud83d\ude83""#,
        r#""\ud83d""#,
        r#""eyJzY2hlbWEiOiJpZ2x1OmEiLCJkYXRhIjp7InNjaGVtYSI6ImlnbHU6YiIsImRhdGEiOjF9fQ""#,
        r#""eyJzY2hlbWEiOiJpZ2x1OmEiLCJkYXRhIjpbXX0=""#,
        r#""{\"schema\":\"iglu:a\",\"data\":[]}""#,
        r#""/+_-=""#,
        "{}",
        "[[1]]",
    ];

    #[test]
    fn any_event_becomes_a_row_or_is_refused_by_name() {
        let properties = serde_json::json!({ "received_at": "2026-11-22T10:00:00.000Z" });
        let Value::Object(properties) = properties else { unreachable!() };
        let (mut rows, mut refused) = (0, 0);
        for seed in 0..SEEDS {
            let mut state = seed;
            let mut draw = |below: usize| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) as usize % below
            };
            let mut event = String::from(r#"{"e":"se""#);
            for _ in 0..1 + draw(3) {
                let name = if draw(9) == 0 { "event_id" } else { FIELDS[draw(FIELDS.len())].0 };
                event += &format!(r#","{name}":{}"#, VALUES[draw(VALUES.len())]);
            }
            event.push('}');
            match row(event.as_bytes(), &properties) {
                Ok(row) => {
                    let row = Members::read(&row).unwrap_or_else(|| panic!("seed {seed}: {event}"));
                    for name in ["event", "derived_tstamp"] {
                        assert!(row.find(name).is_some(), "seed {seed}: {event}");
                    }
                    let checked = Draft::new(row.json(), Content::Json).check();
                    assert_eq!(checked, Ok(()), "seed {seed}: {event}");
                    rows += 1;
                }
                Err(error) => {
                    assert_eq!(error.reason, "snowplow");
                    refused += 1;
                }
            }
        }
        assert!(rows > SEEDS / 5 && refused > SEEDS / 5, "{rows} rows, {refused} refused");
    }
}

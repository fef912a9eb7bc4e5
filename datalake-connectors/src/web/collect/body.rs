//! What is in a request: how many events, of what size, under which ids.

use std::borrow::Cow;

use datalake_core::split::split;
use datalake_core::{Cut, Document, Format, Secret};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::query::QUERY;
use super::refusal::{EMPTY, LONG_BATCH, LONG_EVENT, MANY, NO_JSON, NO_LIST, NO_TEXT};
use super::route::Route;
use crate::receive::Refusal;

/// The longest id of an event that names a document, in bytes.
const LONGEST_ID: usize = 256;
/// What Segment takes in one request, in bytes.
const SEGMENT_BATCH: usize = 500 << 10;
/// What Segment takes as one event, in bytes.
pub(super) const SEGMENT_EVENT: usize = 32 << 10;

/// How much a request may bring.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// How many events, if that is bounded by more than the size of a body.
    pub(super) events: Option<usize>,
    /// How large an event of Segment is.
    pub(super) event_bytes: usize,
}

/// What was found in a body before it is taken.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The id of the first event and how many more there are, if every event has one.
    pub(super) ids: Option<(String, usize)>,
    /// The write key of the sender.
    pub(super) key: Option<Secret>,
    /// When the sender says that it sent.
    pub(super) sent_at: Option<String>,
}

/// What is around the events, and what one event may have too.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    batch: Option<&'a RawValue>,
    #[serde(borrow, rename = "writeKey")]
    write_key: Option<&'a RawValue>,
    #[serde(borrow, rename = "sentAt")]
    sent_at: Option<&'a RawValue>,
}

/// The ids of an event.
#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    eid: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "messageId")]
    message_id: Option<Cow<'a, str>>,
}

/// How a body divides into events.
pub(super) fn format(route: Route) -> Format {
    match route {
        Route::SnowplowPost => Format::JsonArray { pointer: "/data".into() },
        Route::SegmentBatch => Format::JsonArray { pointer: "/batch".into() },
        Route::SegmentEvent(_) => Format::Json,
        Route::SnowplowPixel => {
            Format::Decoded { decoder: QUERY.into(), settings: Value::Null, cut: Cut::Whole }
        }
    }
}

/// Looks through a body, which is taken only if it is JSON that holds events. The events of Snowplow may be anything of any
/// size: its trackers send all they hold in one body and drop it all when it is refused. Those of Segment keep to its limits.
pub(super) fn look(document: &Document, route: Route, limits: Limits) -> Result<Found, Refusal> {
    if route.is_segment() && document.len() > SEGMENT_BATCH {
        return Err(LONG_BATCH);
    }
    let text = std::str::from_utf8(document.bytes()).map_err(|_| NO_TEXT)?;
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|_| NO_JSON)?;
    let list = match route {
        Route::SnowplowPost => Some(envelope.data),
        Route::SegmentBatch => Some(envelope.batch),
        _ => None,
    };
    if list.is_some_and(|list| !list.is_some_and(|list| list.get().starts_with('['))) {
        return Err(NO_LIST);
    }
    let (mut events, mut longest, mut whole) = (0_usize, 0, true);
    let (mut first, mut named) = (None, true);
    split(document, |piece| {
        events += 1;
        longest = longest.max(piece.body.len());
        // The error of an element has no path: it is that event's alone.
        whole &= piece.error.as_ref().is_none_or(|error| error.path.is_none() && !route.is_segment());
        if named {
            let id = id(&piece.body);
            named = id.is_some();
            first = first.take().or(id);
        }
    });
    match (whole, events) {
        (false, _) => Err(NO_JSON),
        (true, 0) => Err(EMPTY),
        (true, n) if limits.events.is_some_and(|most| n > most) => Err(MANY),
        _ if route.is_segment() && longest > limits.event_bytes.min(SEGMENT_EVENT) => Err(LONG_EVENT),
        _ => Ok(Found {
            ids: first.filter(|_| named).map(|first| (first, events - 1)),
            key: string(envelope.write_key).map(Secret::new),
            sent_at: string(envelope.sent_at),
        }),
    }
}

/// The id of an event, if it has one that can name a document.
fn id(event: &[u8]) -> Option<String> {
    let named: Named<'_> = serde_json::from_slice(event).ok()?;
    let id = named.eid.or(named.message_id)?;
    is_id(&id).then(|| id.into_owned())
}

/// Whether a text can be an id: not empty, short, without control characters.
pub(super) fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST_ID && !text.chars().any(char::is_control)
}

fn string(value: Option<&RawValue>) -> Option<String> {
    serde_json::from_str(value?.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEEDS: u64 = 4000;
    const EVENTS: usize = 6;
    const LIMITS: Limits = Limits { events: Some(EVENTS), event_bytes: 60 };

    /// Pieces of which bodies are made, and by which they are broken.
    const PIECES: &[&str] = &[
        "{\"e\":\"pv\",\"eid\":\"1\"}",
        "{\"messageId\":\"\\u00e9\"}",
        "{\"data\":[{}]}",
        "[1,2]",
        "null",
        "\"]}\"",
        "{}",
        ",",
        "]",
        "}",
        "{",
        "\"",
        "\\",
        "\u{fc}",
        "\"data\":[",
        "\"batch\":",
        " \n",
        "-0.5e+3",
        "\"0123456789012345678901234567890123456789012345678901234567890123456789\"",
    ];

    #[test]
    fn what_is_taken_is_cut_into_events_that_are_whole() {
        let (mut taken, mut refused) = (0, 0);
        for seed in 0..SEEDS {
            let mut state = seed;
            let mut draw = |below: usize| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) as usize % below
            };
            let route = [Route::SnowplowPost, Route::SegmentBatch, Route::SegmentEvent("track")][draw(3)];
            let name = if route == Route::SnowplowPost { "data" } else { "batch" };
            let events: Vec<_> = (0..draw(5)).map(|_| PIECES[draw(8)]).collect();
            let mut text = match route {
                Route::SegmentEvent(_) => PIECES[draw(8)].to_owned(),
                _ => format!("{{\"schema\":\"s\",\"{name}\":[{}]}}", events.join(",")),
            };
            for _ in 0..draw(3) {
                let at = (0..=text.len()).filter(|at| text.is_char_boundary(*at)).nth(draw(text.len() + 1));
                text.insert_str(at.unwrap_or_default(), PIECES[draw(PIECES.len())]);
            }
            let document = Document::new(text.clone(), "/", format(route));
            let Ok(found) = look(&document, route, LIMITS) else {
                refused += 1;
                continue;
            };
            let mut pieces = Vec::new();
            split(&document, |piece| pieces.push(piece));
            assert!((1..=EVENTS).contains(&pieces.len()), "seed {seed}: {text}");
            for piece in &pieces {
                let fits = piece.body.len() <= LIMITS.event_bytes || route == Route::SnowplowPost;
                assert!(piece.error.is_none() && fits, "seed {seed}: {text}");
                let read: Result<Value, _> = serde_json::from_slice(&piece.body);
                assert!(read.is_ok(), "seed {seed}: {text}");
            }
            assert!(found.ids.is_none_or(|(_, more)| more + 1 == pieces.len()), "seed {seed}: {text}");
            taken += 1;
        }
        assert!(taken > SEEDS / 5 && refused > SEEDS / 5, "{taken} taken, {refused} refused");
    }
}

//! Messages as documents.

use std::sync::Arc;

use chrono::SecondsFormat;
use datalake_core::{Document, Format};
use serde_json::{Map, Value, json};

use super::broker::Broker;
use super::identify::StableId;
use super::packet::Properties;
use super::session::Message;

/// Makes documents of messages.
#[derive(Debug)]
pub(super) struct Documents {
    pub(super) url: String,
    pub(super) boot: Arc<str>,
    pub(super) format: Arc<Format>,
    pub(super) id: Option<StableId>,
}

impl Documents {
    /// The payload, with what the broker says beside it. Equal messages are not the same, so each has a name of its own, if
    /// no other is known.
    pub(super) fn of(&self, message: &Message, name: String) -> Document {
        let publish = &message.publish;
        let id = self.id.as_ref().and_then(|id| id.of(message)).unwrap_or(name);
        Document::new(
            publish.payload.clone(),
            Broker::locator(&self.url, &publish.topic),
            Arc::clone(&self.format),
        )
        .with_id(id)
        .with_properties(properties(message))
    }
}

fn properties(message: &Message) -> Map<String, Value> {
    let publish = &message.publish;
    let mut all = Map::new();
    let mut say = |name: &str, value: Value| all.insert(name.to_owned(), value);
    say("topic", publish.topic.as_str().into());
    say("qos", publish.qos.level().into());
    say("received_at", message.received.to_rfc3339_opts(SecondsFormat::Micros, true).into());
    for (name, set) in [("retain", publish.retain), ("dup", publish.dup)] {
        if set {
            say(name, true.into());
        }
    }
    let Some(said) = publish.properties.as_deref() else { return all };
    let Properties { content_type, response_topic, correlation, expiry, is_text, user } = said;
    for (name, text) in [("content_type", content_type), ("response_topic", response_topic)] {
        if let Some(text) = text {
            say(name, text.as_str().into());
        }
    }
    if let Some(bytes) = correlation {
        say("correlation_data", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into());
    }
    if let Some(seconds) = expiry {
        say("message_expiry", (*seconds).into());
    }
    if let Some(is_text) = is_text {
        say("payload_is_text", (*is_text).into());
    }
    if !user.is_empty() {
        say("user_properties", user.iter().map(|(name, value)| json!([name, value])).collect());
    }
    all
}

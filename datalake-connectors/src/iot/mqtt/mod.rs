//! Messages of an MQTT broker: `iot.mqtt`.
//!
//! ```
//! use datalake_connectors::iot::mqtt::{MqttSource, Qos};
//!
//! let plant = MqttSource::builder("plant".parse()?, "mqtt://edge:1883", "lake-plant-0")
//!     .topic("plant/+/temperature", Qos::AtLeastOnce)
//!     .build()?;
//! # Ok::<(), datalake_core::Error>(())
//! ```
//!
//! Each message is a document: the payload, byte for byte, at the locator `mqtt://HOST:PORT/TOPIC`. Its properties say
//! `topic`, `qos`, `received_at`, where set `retain` and `dup`, and what MQTT 5 says beside it: `content_type`,
//! `response_topic`, `correlation_data` (hexadecimal), `message_expiry` (seconds), `payload_is_text` and
//! `user_properties`, a list of pairs.
//!
//! # What is promised
//!
//! The broker keeps each message until it is acknowledged, and it is acknowledged after the commit of its record.
//!
//! | QoS | in the lake |
//! |---|---|
//! | 0 | at most once: what the broker sends while nobody is connected is lost |
//! | 1 | at least once: a crash, or a lost connection, between commit and acknowledgement can make a second record |
//! | 2 | exactly once, if the broker loses nothing of its session |
//!
//! This holds as long as the broker keeps the session: it is found under the client id, which must be the same in every
//! run and belong to nobody else. If the broker answers that it has no session, after there was one, an error is logged
//! and [`MqttStatus::sessions_lost`] counts it; reading goes on in a new session.
//!
//! **QoS 2.** A position names the packet ids whose records are committed and which the broker has not released. After
//! a crash between commit and acknowledgement the broker sends such a message again, and it makes no second record. The
//! broker may use an id for another message once it got the last of four answers (PUBCOMP); so that one waits for the
//! commit of a position that no longer names the id. A message of QoS 2 therefore takes two commits, of which the second is
//! shared with later messages if there are any.
//!
//! If the broker forgets a message that it has sent and gives its packet id to another message of the same content, that one
//! is taken for the first. If it goes back to an earlier moment and sends what was already released, that is known for the
//! last 128 messages, where the broker does not use the lowest free id.
//!
//! **QoS 1.** What is delivered again on the next connection while the process lives, with the flag DUP, is as a rule known
//! by its packet id and content and makes no second record. It makes one if its acknowledgement was sent and lost, if the
//! connection between was lost before it came, and after [`seek`](datalake_core::Source::seek). The flag DUP alone never
//! says that a message is known.
//!
//! **Connections.** Acknowledgements belong to the connection that brought the message. After an error the next call for
//! a batch makes a new one; the engine decides when. Within a connection they are sent in the order of the messages. The
//! connection has a task of its own, which answers pings while the engine is busy.
//!
//! **Subscriptions** are part of the session. With MQTT 5 each connection subscribes, so that one that the broker has lost
//! comes back; with 3.1.1, where that would bring every retained message again, only the first connection of a process and
//! the first of a new session do. Nothing unsubscribes: a filter that is taken away stays in the session, so its messages
//! keep coming until a new client id is used.
//!
//! # Names
//!
//! MQTT gives messages no ids. Unless [`stable_id`](MqttSourceBuilder::stable_id) says where one is, each message that
//! is received gets a name of its own, another when it is delivered again.

mod broker;
mod builder;
mod error;
mod identify;
mod link;
mod message;
mod packet;
mod position;
mod session;
mod shared;
mod source;
mod spool;
#[cfg(test)]
mod tests;
mod tls;
mod watch;

pub use builder::{MqttSourceBuilder, Retained};
pub use identify::StableId;
pub use packet::{Qos, Version};
pub use source::MqttSource;
pub use watch::{MqttStatus, MqttWatch};

const SYSTEM: &str = "iot.mqtt";
const SCHEMA: &str = "iot.mqtt/1";
const SPOOL: &str = "iot.mqtt.spool/1";

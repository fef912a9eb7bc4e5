//! The packets of MQTT 3.1.1 and 5 that a subscriber reads and writes.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

mod property;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub(super) use read::{Malformed, read};
pub(super) use write::{Connect, Filter, ack, connect, disconnect, ping, subscribe};

/// The longest packet that the protocol can say the length of.
pub(super) const LONGEST: usize = 268_435_455;

/// A version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Version {
    /// MQTT 3.1.1: no Receive Maximum, no properties, no reasons.
    V3,
    /// MQTT 5.
    #[default]
    V5,
}

/// How a message is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
#[non_exhaustive]
pub enum Qos {
    /// QoS 0: at most once. The broker forgets it as soon as it is sent.
    AtMostOnce,
    /// QoS 1: at least once.
    #[default]
    AtLeastOnce,
    /// QoS 2: exactly once.
    ExactlyOnce,
}

impl Qos {
    /// 0, 1 or 2.
    #[must_use]
    pub fn level(self) -> u8 {
        match self {
            Self::AtMostOnce => 0,
            Self::AtLeastOnce => 1,
            Self::ExactlyOnce => 2,
        }
    }

    pub(super) fn of(level: u8) -> Option<Self> {
        match level {
            0 => Some(Self::AtMostOnce),
            1 => Some(Self::AtLeastOnce),
            2 => Some(Self::ExactlyOnce),
            _ => None,
        }
    }
}

/// A packet that a broker sends.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Packet {
    ConnAck(ConnAck),
    Publish(Publish),
    PubRel(u16),
    SubAck { id: u16, codes: Vec<u8>, reason: Option<String> },
    PingResp,
    Disconnect { code: u8, reason: Option<String> },
}

/// The answer to CONNECT.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct ConnAck {
    pub(super) session_present: bool,
    pub(super) code: u8,
    pub(super) reason: Option<String>,
    /// What the broker wants instead of what was asked, seconds.
    pub(super) keep_alive: Option<u16>,
    pub(super) session_expiry: Option<u32>,
    pub(super) highest_qos: Option<u8>,
    pub(super) shares: Option<bool>,
}

/// A message.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Publish {
    pub(super) topic: String,
    pub(super) payload: Bytes,
    pub(super) qos: Qos,
    /// 0 for QoS 0.
    pub(super) id: u16,
    pub(super) retain: bool,
    pub(super) dup: bool,
    pub(super) properties: Option<Box<Properties>>,
}

/// What MQTT 5 says beside a message.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Properties {
    pub(super) content_type: Option<String>,
    pub(super) response_topic: Option<String>,
    pub(super) correlation: Option<Bytes>,
    pub(super) expiry: Option<u32>,
    pub(super) is_text: Option<bool>,
    pub(super) user: Vec<(String, String)>,
}

impl Properties {
    /// How many bytes they take, about.
    pub(super) fn bytes(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let user =
            self.user.iter().map(|(name, value)| size_of::<(String, String)>() + name.len() + value.len());
        size_of::<Self>()
            + text(&self.content_type)
            + text(&self.response_topic)
            + self.correlation.as_ref().map_or(0, Bytes::len)
            + user.sum::<usize>()
    }
}

/// What a subscriber answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ack {
    /// A message of QoS 1 is taken.
    Taken(u16),
    /// A message of QoS 2 is taken.
    Received(u16),
    /// Its packet id is free again.
    Complete(u16),
}

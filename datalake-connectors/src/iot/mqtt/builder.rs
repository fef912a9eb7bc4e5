//! The settings of a source.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use datalake_core::{
    Credential, Dataset, Entropy as _, Error, Format, Result, Secret, SourceInfo, SystemEntropy,
};
use serde_json::json;

use super::broker::Broker;
use super::identify::StableId;
use super::link::Link;
use super::message::Documents;
use super::packet::Filter;
use super::session::Session;
use super::shared::Shared;
use super::source::{MqttSource, PATIENCE};
use super::spool::Spool;
use super::tls::Tls;
use super::{Qos, SYSTEM, Version};

/// How many messages may be under way with MQTT 5, unless set.
const WINDOW: u16 = 2_000;
/// The same with 3.1.1, where a broker does not ask: what mosquitto sends before it waits.
const WINDOW_3: u16 = 20;
/// The same with QoS 2, whose packet ids go into each position.
const WINDOW_ONCE: u16 = 500;
/// The most there, so that positions stay small.
const LARGEST_ONCE: u16 = 2_000;
/// The same with AWS IoT Core, and no more can be set.
const WINDOW_AWS: u16 = 100;
/// How many subscriptions AWS IoT Core takes on a connection.
const FILTERS_AWS: usize = 50;
/// How long a topic filter may be there, in bytes, and how many slashes it may have.
const FILTER_AWS: (usize, usize) = (256, 7);

/// What is done with messages that the broker has retained and sends to a new subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Retained {
    /// Taken, each time the broker sends them: with MQTT 3.1.1 at each subscription, with MQTT 5 when the subscription is
    /// new.
    #[default]
    Take,
    /// Acknowledged and dropped; with MQTT 5 the broker is told not to send them.
    Drop,
}

/// Builds an [`MqttSource`].
#[derive(Debug, Clone)]
#[must_use]
pub struct MqttSourceBuilder {
    dataset: Dataset,
    /// May be wrong, and have a password in it.
    url: Secret,
    client_id: String,
    topics: Vec<(String, Qos)>,
    version: Version,
    user: Option<String>,
    password: Option<Credential>,
    tls: Tls,
    window: Option<u16>,
    keep_alive: Duration,
    session_expiry: Duration,
    commit_within: Option<Duration>,
    timeout: Duration,
    patience: Duration,
    longest: Option<u32>,
    room: usize,
    format: Format,
    id: Option<StableId>,
    retained: Retained,
    spool: Option<(PathBuf, u64)>,
}

impl MqttSourceBuilder {
    pub(super) fn new(dataset: Dataset, url: String, client_id: String) -> Self {
        Self {
            dataset,
            url: url.into(),
            client_id,
            topics: Vec::new(),
            version: Version::default(),
            user: None,
            password: None,
            tls: Tls::default(),
            window: None,
            keep_alive: Duration::from_secs(30),
            session_expiry: Duration::from_secs(7 * 24 * 3600),
            commit_within: None,
            timeout: Duration::from_secs(10),
            patience: PATIENCE,
            longest: None,
            room: 16 << 20,
            format: Format::Json,
            id: None,
            retained: Retained::default(),
            spool: None,
        }
    }

    /// Subscribes to a topic filter, for instance `plant/+/temperature` or, to share its messages with the other members of
    /// a group, `$share/lake/plant/#`. Call it again for more. At least one is needed.
    ///
    /// A message that comes through several filters that overlap may be sent once for each.
    pub fn topic(mut self, filter: impl Into<String>, qos: Qos) -> Self {
        self.topics.push((filter.into(), qos));
        self
    }

    /// The version of the protocol. [`Version::V5`] by default.
    pub fn version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// Says who we are.
    pub fn user(mut self, name: impl Into<String>) -> Self {
        self.user = Some(name.into());
        self
    }

    /// Proves it. A password that is given by name is looked up when it is needed, and again when it is refused.
    pub fn password(mut self, password: impl Into<Credential>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Shows a client certificate: a chain (PEM) and its key (PEM). Needs `mqtts://`.
    pub fn certificate(mut self, chain: impl Into<Vec<u8>>, key: impl Into<Credential>) -> Self {
        self.tls.identity = Some((chain.into(), key.into()));
        self
    }

    /// Trusts certificate authorities (PEM) beside those of the system.
    pub fn trust(mut self, authorities: impl AsRef<[u8]>) -> Self {
        self.tls.trusted.extend_from_slice(authorities.as_ref());
        self.tls.trusted.push(b'\n');
        self
    }

    /// Offers an application protocol in TLS. On port 443 of AWS IoT Core `x-amzn-mqtt-ca` is offered without it.
    pub fn alpn(mut self, protocol: impl Into<Vec<u8>>) -> Self {
        self.tls.alpn.push(protocol.into());
        self
    }

    /// How many messages the broker may send without an acknowledgement, from 2 to 60,000. By default 2,000 with MQTT 5
    /// (500 with QoS 2, and at most 2,000), where the broker is told, 20 with 3.1.1, where it decides itself, and 100 with AWS IoT Core.
    ///
    /// The engine commits when half of them are under way: while it does, the broker sends the other half. A window larger
    /// than the broker's own does harm: then commits wait for [`commit_within`](Self::commit_within).
    pub fn window(mut self, messages: u16) -> Self {
        self.window = Some(messages);
        self
    }

    /// How long a message waits for others to share its commit, if the window is not full before. One second by default;
    /// 50 ms with QoS 2, where a packet id is free only after a second commit.
    pub fn commit_within(mut self, time: Duration) -> Self {
        self.commit_within = Some(time);
        self
    }

    /// How long the connection may be silent, in whole seconds; it is pinged after half of that. 30 s by default; 0 for no
    /// pings.
    pub fn keep_alive(mut self, time: Duration) -> Self {
        self.keep_alive = time;
        self
    }

    /// How long the broker keeps the session, with the messages that come meanwhile, when the source is away: MQTT 5. A week
    /// by default; a broker may keep it for less. With 3.1.1 the broker decides.
    pub fn session_expiry(mut self, time: Duration) -> Self {
        self.session_expiry = time;
        self
    }

    /// How long connecting, and subscribing, may take. 10 s by default.
    pub fn connect_timeout(mut self, time: Duration) -> Self {
        self.timeout = time;
        self
    }

    /// How long a drain waits for the next message before it ends. One second by default.
    pub fn patience(mut self, time: Duration) -> Self {
        self.patience = time;
        self
    }

    /// The longest packet in bytes. Unless set, what the protocol allows: 256 MiB. With MQTT 5 the broker is told, and
    /// **discards** longer messages; with 3.1.1 a longer one ends the connection.
    pub fn max_packet(mut self, bytes: u32) -> Self {
        self.longest = Some(bytes);
        self
    }

    /// How many bytes of messages may wait for the engine before the connection is read no further. 16 MiB by default.
    pub fn room(mut self, bytes: usize) -> Self {
        self.room = bytes;
        self
    }

    /// How a payload divides into records. [`Format::Json`] by default: one JSON value.
    pub fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// What a message is known by when it is delivered again.
    pub fn stable_id(mut self, id: StableId) -> Self {
        self.id = Some(id);
        self
    }

    /// What is done with retained messages.
    pub fn retained(mut self, retained: Retained) -> Self {
        self.retained = retained;
        self
    }

    /// Keeps messages in a folder of the worker's own, of so many bytes at most, and acknowledges them as soon as they last
    /// there. The broker's window then bounds nothing: the lake may be away for as long as the folder has room, and commits
    /// may be large. The folder must survive the worker, and no other worker may use it.
    pub fn spool(mut self, folder: impl Into<PathBuf>, bytes: u64) -> Self {
        self.spool = Some((folder.into(), bytes));
        self
    }

    /// Checks the settings. Does not connect.
    ///
    /// # Errors
    /// [`ConfigInvalid`](datalake_core::ErrorKind::ConfigInvalid) if a setting is wrong.
    pub fn build(self) -> Result<MqttSource> {
        self.source().map_err(|error| error.component(SYSTEM))
    }

    fn source(mut self) -> Result<MqttSource> {
        let broker: Broker = self.url.expose().parse()?;
        let once = self.topics.iter().any(|(_, qos)| *qos == Qos::ExactlyOnce);
        let window = self.window.unwrap_or(match self.version {
            _ if broker.is_aws() => WINDOW_AWS,
            Version::V5 if once => WINDOW_ONCE,
            Version::V3 => WINDOW_3,
            Version::V5 => WINDOW,
        });
        self.check(&broker, window)?;
        if broker.is_aws() && broker.port == 443 && self.tls.alpn.is_empty() {
            self.tls.alpn.push(b"x-amzn-mqtt-ca".to_vec());
        }
        let durable = self.topics.iter().any(|(_, qos)| *qos != Qos::AtMostOnce);
        let commit_within =
            self.commit_within.unwrap_or(Duration::from_millis(if once { 50 } else { 1_000 }));
        let boot: Arc<str> = format!("{:016x}", SystemEntropy.bits()).into();
        let client_id: Arc<str> = self.client_id.as_str().into();
        let url = broker.url();
        let at_once = usize::from(window / 2);
        // With 3.1.1 nothing bounds how many ids a broker has in use.
        let low = if self.version == Version::V5 { window } else { u16::MAX };
        let mut info = self.info(&url, commit_within, at_once);
        if let Some((_, bytes)) = &self.spool {
            // Nobody waits for the commit but the room in the folder, which has fewer messages than bytes.
            let most = usize::try_from(*bytes).unwrap_or(usize::MAX);
            (info.wants_commit, info.window, info.commit_within) = (false, Some(most), self.commit_within);
        }
        let retain_handling = if self.retained == Retained::Drop { 2 } else { 1 };
        let filters = self.topics.into_iter().map(|(filter, qos)| Filter {
            // MQTT 5 sends a shared subscription no retained messages, and some brokers refuse to be told when.
            retain_handling: if filter.starts_with("$share/") { 0 } else { retain_handling },
            filter,
            qos,
        });
        let link = Link {
            broker,
            version: self.version,
            client_id: Arc::clone(&client_id),
            user: self.user,
            password: self.password,
            tls: self.tls,
            filters: filters.collect(),
            durable,
            keep_alive: self.keep_alive,
            session_expiry: if durable { self.session_expiry } else { Duration::ZERO },
            window,
            longest: self.longest,
            timeout: self.timeout,
            room: self.room,
            drop_retained: self.retained == Retained::Drop,
        };
        let session = Session::new(client_id, Arc::clone(&boot), low);
        Ok(MqttSource {
            info,
            link: Arc::new(link),
            shared: Arc::new(Shared::new(session, durable)),
            documents: Documents { url, boot, format: Arc::new(self.format), id: self.id },
            window: at_once,
            patience: self.patience,
            spool: self.spool.map(|(folder, bytes)| Spool::new(folder, bytes)),
            task: None,
        })
    }

    fn check(&self, broker: &Broker, window: u16) -> Result<()> {
        let id = &self.client_id;
        if id.is_empty() || id.len() > 1024 || id.chars().any(char::is_control) {
            return Err(Error::config("a client id is 1 to 1,024 bytes of text without control characters"));
        }
        if self.topics.is_empty() {
            return Err(Error::config("give at least one topic to subscribe to"));
        }
        for (filter, _) in &self.topics {
            check_filter(filter).map_err(|error| error.with("topic", format_args!("{filter:?}")))?;
        }
        if !(2..=60_000).contains(&window) {
            return Err(Error::config("a window is 2 to 60,000 messages").with("window", window));
        }
        if window > LARGEST_ONCE && self.topics.iter().any(|(_, qos)| *qos == Qos::ExactlyOnce) {
            return Err(Error::config("a window with QoS 2 is at most 2,000 messages").with("window", window));
        }
        if self.password.is_some() && self.user.is_none() && self.version == Version::V3 {
            return Err(Error::config("MQTT 3.1.1 takes no password without a user"));
        }
        if self.tls.identity.is_some() && !broker.secure {
            return Err(Error::config("a client certificate needs mqtts://"));
        }
        if self.keep_alive.as_secs() > u64::from(u16::MAX) || self.keep_alive.subsec_nanos() != 0 {
            return Err(Error::config("keep alive is whole seconds, at most 65,535"));
        }
        let keeps = self.topics.iter().any(|(_, qos)| *qos != Qos::AtMostOnce);
        if keeps && self.version == Version::V5 && self.session_expiry < Duration::from_secs(1) {
            return Err(Error::config("a session of QoS 1 or 2 is kept for at least a second"));
        }
        if self.spool.as_ref().is_some_and(|(_, bytes)| *bytes < 1 << 20) {
            return Err(Error::config("a spool has room for at least 1 MiB"));
        }
        if self.room == 0 || self.longest == Some(0) {
            return Err(Error::config("a bound is zero"));
        }
        if broker.secure {
            self.tls.check()?;
        }
        if let Some(id) = &self.id {
            id.check()?;
        }
        if broker.is_aws() { self.check_aws(window) } else { Ok(()) }
    }

    /// What AWS IoT Core answers with silence or a closed connection.
    fn check_aws(&self, window: u16) -> Result<()> {
        let (bytes, slashes) = FILTER_AWS;
        if self.topics.iter().any(|(_, qos)| *qos == Qos::ExactlyOnce) {
            return Err(Error::config("AWS IoT Core has no QoS 2"));
        }
        if self.topics.len() > FILTERS_AWS {
            return Err(Error::config("AWS IoT Core takes 50 subscriptions on a connection"));
        }
        for (filter, _) in &self.topics {
            let topic = shared(filter).map_or(filter.as_str(), |(_, topic)| topic);
            if topic.len() > bytes || topic.matches('/').count() > slashes {
                return Err(Error::config("AWS IoT Core takes topic filters of 256 bytes with 7 slashes")
                    .with("topic", format_args!("{filter:?}")));
            }
        }
        if window > WINDOW_AWS {
            return Err(Error::config("AWS IoT Core sends 100 messages without an acknowledgement")
                .with("window", window));
        }
        Ok(())
    }

    fn info(&self, url: &str, commit_within: Duration, window: usize) -> SourceInfo {
        let topics: Vec<_> = self.topics.iter().map(|(filter, qos)| json!([filter, qos.level()])).collect();
        SourceInfo::new(SYSTEM, self.dataset.clone(), url)
            .with_commit(commit_within)
            .with_window(window)
            .with_config(json!({
                "client_id": self.client_id,
                "topics": topics,
                "format": self.format,
                "version": match self.version { Version::V3 => "3.1.1", Version::V5 => "5" },
                "retained": self.retained == Retained::Take,
            }))
    }
}

/// The group and the filter of a shared subscription.
fn shared(filter: &str) -> Option<(&str, &str)> {
    filter.strip_prefix("$share/")?.split_once('/')
}

fn check_filter(filter: &str) -> Result<()> {
    let topic = match filter.strip_prefix("$share/") {
        None => filter,
        Some(_) => match shared(filter) {
            Some((group, topic)) if !group.is_empty() && !group.contains(['+', '#']) => topic,
            _ => return Err(Error::config("a shared subscription is $share/GROUP/FILTER")),
        },
    };
    if topic.is_empty() || filter.len() > usize::from(u16::MAX) || filter.contains('\0') {
        return Err(Error::config("a topic filter is 1 to 65,535 bytes of text"));
    }
    let levels: Vec<&str> = topic.split('/').collect();
    for (n, level) in levels.iter().enumerate() {
        let last = n + 1 == levels.len();
        let wild = level.contains(['+', '#']);
        if wild && (level.len() > 1 || *level == "#" && !last) {
            return Err(Error::config("a wildcard is a level of its own, and # is the last"));
        }
    }
    Ok(())
}

//! Many devices.

use std::io;
use std::net::SocketAddr;
use std::ops::Range;

use tokio::task::JoinSet;

use super::{Message, Publisher};

/// Devices that publish readings, each on a connection of its own.
///
/// Reading `n` is of device `n % devices`, on the topic `PREFIX/d<device>/reading`, and its payload is JSON:
/// `{"id":"r<n>","device":"d<device>","n":<n>,"celsius":<number>}`.
#[derive(Debug, Clone)]
#[must_use]
pub struct Fleet {
    broker: SocketAddr,
    prefix: String,
    devices: u64,
    qos: u8,
    in_flight: usize,
}

impl Fleet {
    /// A fleet of one device of QoS 1.
    pub fn new(broker: SocketAddr, prefix: impl Into<String>) -> Self {
        Self { broker, prefix: prefix.into(), devices: 1, qos: 1, in_flight: 20 }
    }

    /// So many devices.
    pub fn devices(mut self, devices: u64) -> Self {
        self.devices = devices.max(1);
        self
    }

    /// How they publish.
    pub fn qos(mut self, qos: u8) -> Self {
        self.qos = qos.min(2);
        self
    }

    /// How many messages of a device may be unacknowledged, 20 unless set.
    pub fn in_flight(mut self, messages: usize) -> Self {
        self.in_flight = messages;
        self
    }

    /// A reading.
    #[must_use]
    pub fn reading(&self, n: u64) -> Message {
        let device = n % self.devices;
        let celsius = 15.0 + (n.wrapping_mul(2_654_435_761) % 1_000) as f64 / 100.0;
        let payload = format!(r#"{{"id":"r{n}","device":"d{device}","n":{n},"celsius":{celsius:.2}}}"#);
        Message::new(format!("{}/d{device}/reading", self.prefix), payload).qos(self.qos)
    }

    /// Publishes readings, all devices side by side, each in the order of its own. Returns when the broker has acknowledged
    /// all of them, with their ids.
    ///
    /// # Errors
    /// The broker refuses, or cannot be reached for half a minute.
    pub async fn publish(&self, readings: Range<u64>) -> io::Result<Vec<String>> {
        let mut devices = JoinSet::new();
        for device in 0..self.devices {
            let (fleet, readings) = (self.clone(), readings.clone());
            devices.spawn(async move {
                let id = format!("{}-d{device}", fleet.prefix.replace('/', "-"));
                let mut publisher = Publisher::new(fleet.broker, id).in_flight(fleet.in_flight);
                for n in readings.filter(|n| n % fleet.devices == device) {
                    publisher.publish(fleet.reading(n)).await?;
                }
                publisher.close().await
            });
        }
        while let Some(done) = devices.join_next().await {
            done.map_err(io::Error::other)??;
        }
        Ok(readings.map(|n| format!("r{n}")).collect())
    }
}

//! One device.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncWriteExt as _, BufStream};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use super::packet::{self, Answer};

/// How long a device tries to reach its broker again.
const PATIENCE: Duration = Duration::from_secs(30);
/// The rest between two tries.
const REST: Duration = Duration::from_millis(10);

/// What is published.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// Where to.
    pub topic: String,
    /// What.
    pub payload: Vec<u8>,
    /// 0, 1 or 2.
    pub qos: u8,
    /// Whether the broker keeps it for those who subscribe later.
    pub retain: bool,
    /// What the payload is.
    pub content_type: Option<String>,
    /// More to say, by names that may come more than once.
    pub user_properties: Vec<(String, String)>,
}

impl Message {
    /// A message of QoS 1.
    pub fn new(topic: impl Into<String>, payload: impl Into<Vec<u8>>) -> Self {
        Self { topic: topic.into(), payload: payload.into(), qos: 1, ..Self::default() }
    }

    /// Of another QoS.
    #[must_use]
    pub fn qos(mut self, qos: u8) -> Self {
        self.qos = qos.min(2);
        self
    }

    /// To be retained.
    #[must_use]
    pub fn retained(mut self) -> Self {
        self.retain = true;
        self
    }

    /// Says what the payload is.
    #[must_use]
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = Some(content_type.into());
        self
    }

    /// Says more.
    #[must_use]
    pub fn property(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.user_properties.push((name.into(), value.into()));
        self
    }
}

/// A device with one connection, MQTT 5, and some messages in flight. When the connection breaks it makes another and sends
/// again what is not acknowledged, as the protocol wants it: nothing that the broker has is sent as something new.
#[derive(Debug)]
pub struct Publisher {
    broker: SocketAddr,
    client_id: String,
    user: Option<(String, String)>,
    stream: Option<BufStream<TcpStream>>,
    in_flight: usize,
    next: u16,
    /// Not acknowledged, in the order they were published; `None` where the broker has the message and the packet id is to
    /// be released.
    open: BTreeMap<u64, (u16, Option<Message>)>,
    number: u64,
}

impl Publisher {
    /// A device of a broker.
    pub fn new(broker: SocketAddr, client_id: impl Into<String>) -> Self {
        Self {
            broker,
            client_id: client_id.into(),
            user: None,
            stream: None,
            in_flight: 20,
            next: 0,
            open: BTreeMap::new(),
            number: 0,
        }
    }

    /// Says who it is.
    #[must_use]
    pub fn user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.user = Some((name.into(), password.into()));
        self
    }

    /// How many messages may be unacknowledged, 20 unless set.
    #[must_use]
    pub fn in_flight(mut self, messages: usize) -> Self {
        self.in_flight = messages.clamp(1, 60_000);
        self
    }

    /// Publishes. Returns when there is room for another message, which may be before this one is acknowledged.
    ///
    /// # Errors
    /// The broker refuses, or cannot be reached for half a minute.
    pub async fn publish(&mut self, message: Message) -> io::Result<()> {
        while self.open.len() >= self.in_flight {
            self.answer().await?;
        }
        if message.qos == 0 {
            let bytes = packet::publish(0, false, &message);
            let stream = self.connected().await?;
            return stream.write_all(&bytes).await;
        }
        let id = self.free_id();
        let bytes = packet::publish(id, false, &message);
        self.connected().await?;
        self.number += 1;
        self.open.insert(self.number, (id, Some(message)));
        if self.write(&bytes).await.is_err() {
            self.stream = None;
        }
        Ok(())
    }

    /// Waits until everything is acknowledged.
    ///
    /// # Errors
    /// As for [`publish`](Self::publish).
    pub async fn flush(&mut self) -> io::Result<()> {
        while !self.open.is_empty() {
            self.answer().await?;
        }
        match &mut self.stream {
            Some(stream) => stream.flush().await,
            None => Ok(()),
        }
    }

    /// Flushes and says goodbye.
    ///
    /// # Errors
    /// As for [`publish`](Self::publish).
    pub async fn close(mut self) -> io::Result<()> {
        self.flush().await?;
        if let Some(stream) = &mut self.stream {
            stream.write_all(&packet::DISCONNECT).await?;
            stream.flush().await?;
        }
        Ok(())
    }

    fn free_id(&mut self) -> u16 {
        loop {
            self.next = self.next.checked_add(1).unwrap_or(1);
            if self.open.values().all(|(id, _)| *id != self.next) {
                return self.next;
            }
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Some(stream) => stream.write_all(bytes).await,
            None => Ok(()),
        }
    }

    /// Takes one answer, or makes the connection anew.
    async fn answer(&mut self) -> io::Result<()> {
        let stream = self.connected().await?;
        let read = async {
            stream.flush().await?;
            packet::read(stream).await
        };
        let Ok((first, body)) = read.await else {
            self.stream = None;
            return Ok(());
        };
        let Ok(answer) = packet::answer(first, &body) else {
            self.stream = None;
            return Ok(());
        };
        match answer {
            Answer::Taken(id) | Answer::Complete(id) => self.open.retain(|_, (of, _)| *of != id),
            Answer::Received(id) => {
                if let Some((_, message)) = self.open.values_mut().find(|(of, _)| *of == id) {
                    *message = None;
                }
                if self.write(&packet::release(id)).await.is_err() {
                    self.stream = None;
                }
            }
            Answer::Connected { .. } | Answer::Other => {}
        }
        Ok(())
    }

    async fn connected(&mut self) -> io::Result<&mut BufStream<TcpStream>> {
        let until = Instant::now() + PATIENCE;
        while self.stream.is_none() {
            match self.connect().await {
                Ok(stream) => self.stream = Some(stream),
                Err(error) if error.kind() == io::ErrorKind::Other || Instant::now() > until => {
                    return Err(error);
                }
                Err(_) => sleep(REST).await,
            }
        }
        self.stream.as_mut().ok_or_else(|| io::Error::other("there is no connection"))
    }

    async fn connect(&mut self) -> io::Result<BufStream<TcpStream>> {
        let tcp = TcpStream::connect(self.broker).await?;
        tcp.set_nodelay(true)?;
        let mut stream = BufStream::new(tcp);
        let user = self.user.as_ref().map(|(name, password)| (name.as_str(), password.as_str()));
        stream.write_all(&packet::connect(&self.client_id, user)).await?;
        stream.flush().await?;
        let (first, body) = packet::read(&mut stream).await?;
        if !matches!(packet::answer(first, &body)?, Answer::Connected { .. }) {
            return Err(io::Error::other("the broker does not begin with CONNACK"));
        }
        for (id, message) in self.open.values() {
            let bytes = match message {
                Some(message) => packet::publish(*id, true, message),
                None => packet::release(*id),
            };
            stream.write_all(&bytes).await?;
        }
        stream.flush().await?;
        Ok(stream)
    }
}

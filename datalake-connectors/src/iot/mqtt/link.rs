//! One connection to a broker, from its beginning to its end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use chrono::Utc;
use datalake_core::{Credential, Error, ErrorKind, Result, Secret};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use super::broker::Broker;
use super::error::{broken, closed, is_about_credentials, malformed, refused, silent};
use super::packet::{self, ConnAck, Connect, Filter, Packet, Qos, Version};
use super::shared::Shared;
use super::tls::{self, Tls};

/// How many bytes are read at once.
const READ: usize = 64 << 10;
/// How many subscriptions go into one SUBSCRIBE: what AWS IoT Core takes.
const FILTERS: usize = 8;
/// How long the goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// How to connect, and what to subscribe to.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) broker: Broker,
    pub(super) version: Version,
    pub(super) client_id: Arc<str>,
    pub(super) user: Option<String>,
    pub(super) password: Option<Credential>,
    pub(super) tls: Tls,
    pub(super) filters: Vec<Filter>,
    /// Whether the broker keeps the session while nobody is connected.
    pub(super) durable: bool,
    pub(super) keep_alive: Duration,
    pub(super) session_expiry: Duration,
    /// Messages that may be unacknowledged, said to the broker where the protocol has words for it.
    pub(super) window: u16,
    pub(super) longest: Option<u32>,
    pub(super) timeout: Duration,
    /// Bytes of messages that may wait before nothing more is read.
    pub(super) room: usize,
    pub(super) drop_retained: bool,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection, and what of it was read and not understood yet.
struct Connection<'a> {
    link: &'a Link,
    shared: &'a Shared,
    generation: u64,
    stream: Box<dyn Stream>,
    input: BytesMut,
    output: BytesMut,
    keep_alive: Duration,
    /// When something was last sent, and when a ping was sent that is not answered.
    sent: Instant,
    pinged: Option<Instant>,
    /// Whether what comes is read.
    reads: bool,
    password: Option<&'a Secret>,
}

impl Link {
    /// Connects, subscribes and takes messages until the connection ends, and says why it did. `Ok` if it was asked to.
    ///
    /// Refused credentials are looked up again once.
    pub(super) async fn run(&self, shared: &Shared) -> Result<()> {
        let mut refused = match &self.password {
            Some(password) => Some(password.current().await?),
            None => None,
        };
        let result = loop {
            let generation = shared.session().begin();
            let result = self.session(shared, generation, refused.as_ref()).await;
            shared.ended(generation, result.as_ref().err());
            match (&result, &self.password, &refused) {
                (Err(error), Some(password), Some(old)) if is_about_credentials(error) => {
                    refused = password.instead_of(old).await?;
                    if refused.is_none() {
                        break result;
                    }
                }
                _ => break result,
            }
        };
        result.map_err(|error| {
            let error = error.with("broker", self.broker.url()).with("client_id", &self.client_id);
            match shared.is_fighting() {
                true => {
                    error.with("hint", "connections end as soon as they begin: is the client id used twice?")
                }
                false => error,
            }
        })
    }

    async fn session(&self, shared: &Shared, generation: u64, password: Option<&Secret>) -> Result<()> {
        let opened = timeout(self.timeout, self.open(shared, generation, password));
        let (mut connection, answer) = opened.await.map_err(|_| silent("CONNACK"))??;
        let after_commit = shared.connected(generation, answer.session_present);
        if after_commit {
            connection.until_committed().await?;
        }
        // A session may be one of an earlier moment of the broker. With MQTT 5 to subscribe again brings nothing twice; with
        // 3.1.1 it brings the retained messages.
        if self.version == Version::V5 || shared.must_subscribe() {
            timeout(self.timeout, connection.subscribe(&answer)).await.map_err(|_| silent("SUBACK"))??;
        }
        shared.subscribed();
        connection.serve().await
    }

    async fn open<'a>(
        &'a self,
        shared: &'a Shared,
        generation: u64,
        password: Option<&'a Secret>,
    ) -> Result<(Connection<'a>, ConnAck)> {
        let unreachable = |cause: io::Error| {
            Error::new(ErrorKind::Unavailable, "the broker cannot be reached").caused_by(cause)
        };
        let tcp =
            TcpStream::connect((self.broker.host.as_str(), self.broker.port)).await.map_err(unreachable)?;
        tcp.set_nodelay(true).map_err(broken)?;
        let stream: Box<dyn Stream> = if self.broker.secure {
            let connector = self.tls.connector().await?;
            let name = tls::name(&self.broker.host)?;
            Box::new(connector.connect(name, tcp).await.map_err(|cause| {
                let untrusted =
                    cause.get_ref().and_then(|cause| cause.downcast_ref()).is_some_and(tls::is_distrust);
                let kind = if untrusted { ErrorKind::Unauthenticated } else { ErrorKind::Unavailable };
                Error::new(kind, "TLS with the broker failed").caused_by(cause)
            })?)
        } else {
            Box::new(tcp)
        };
        let mut connection = Connection {
            link: self,
            shared,
            generation,
            stream,
            input: BytesMut::new(),
            output: BytesMut::new(),
            keep_alive: self.keep_alive,
            sent: Instant::now(),
            pinged: None,
            reads: true,
            password,
        };
        let answer = connection.greet().await?;
        Ok((connection, answer))
    }
}

impl Connection<'_> {
    async fn greet(&mut self) -> Result<ConnAck> {
        let link = self.link;
        packet::connect(
            &mut self.output,
            &Connect {
                version: link.version,
                client_id: &link.client_id,
                clean: !link.durable,
                keep_alive: seconds(link.keep_alive).try_into().unwrap_or(u16::MAX),
                user: link.user.as_deref(),
                password: self.password.map(|password| password.expose().as_bytes()),
                session_expiry: seconds(link.session_expiry),
                receive_maximum: link.window,
                longest: link.longest,
            },
        );
        self.shared.session().calls(self.generation);
        self.flush().await?;
        // The buffer held the password.
        self.output = BytesMut::new();
        let Packet::ConnAck(answer) = self.next().await? else {
            return Err(Error::unexpected("the broker does not begin with CONNACK"));
        };
        if answer.code != 0 {
            let reason = self.without_password(answer.reason.as_deref());
            return Err(refused("the broker refuses the connection", link.version, answer.code, reason));
        }
        if let Some(asked) = answer.keep_alive {
            self.keep_alive = Duration::from_secs(asked.into());
        }
        if let Some(given) = answer.session_expiry.filter(|given| *given < seconds(link.session_expiry)) {
            tracing::warn!(
                broker = link.broker.url(),
                seconds = given,
                "the broker keeps the session for less than was asked"
            );
        }
        Ok(answer)
    }

    /// What a broker gives as its reason, unless that repeats the password.
    fn without_password<'t>(&self, reason: Option<&'t str>) -> Option<&'t str> {
        let repeats = |text: &str| self.password.is_some_and(|password| text.contains(password.expose()));
        reason.filter(|text| !repeats(text))
    }

    /// Subscribes, and counts as subscribed only what the broker has granted.
    async fn subscribe(&mut self, answer: &ConnAck) -> Result<()> {
        let link = self.link;
        let highest = answer.highest_qos.unwrap_or(2);
        for (n, filters) in link.filters.chunks(FILTERS).enumerate() {
            for filter in filters {
                let refused =
                    |what| Err(Error::new(ErrorKind::Unsupported, what).with("topic", &filter.filter));
                if filter.qos.level() > highest {
                    return refused("the broker has no messages of the QoS that was asked for");
                }
                if answer.shares == Some(false) && filter.filter.starts_with("$share/") {
                    return refused("the broker has no shared subscriptions");
                }
            }
            let id = u16::try_from(n + 1).unwrap_or(u16::MAX);
            packet::subscribe(&mut self.output, link.version, id, filters);
            self.flush().await?;
            let (codes, reason) = loop {
                match self.next().await? {
                    Packet::SubAck { id: of, codes, reason } if of == id => break (codes, reason),
                    // A session that was there brings its messages at once.
                    other => {
                        self.take(other)?;
                        self.shared.arrived();
                    }
                }
            };
            if codes.len() != filters.len() {
                return Err(Error::unexpected(
                    "the broker answers another number of subscriptions than was asked for",
                ));
            }
            for (filter, code) in filters.iter().zip(codes) {
                if code >= 0x80 {
                    let what = "the broker refuses a subscription";
                    let reason = self.without_password(reason.as_deref());
                    return Err(refused(what, link.version, code, reason).with("topic", &filter.filter));
                }
                if code < filter.qos.level() {
                    return Err(Error::new(
                        ErrorKind::Unsupported,
                        "the broker grants a lower QoS than was asked for",
                    )
                    .with("topic", &filter.filter)
                    .with("asked", filter.qos.level())
                    .with("granted", code));
                }
            }
        }
        Ok(())
    }

    /// Keeps the connection alive until a position without packet ids of another session is committed.
    async fn until_committed(&mut self) -> Result<()> {
        while self.shared.session().is_unsaid() {
            self.turn().await?;
        }
        Ok(())
    }

    async fn serve(&mut self) -> Result<()> {
        while !self.shared.is_closing() {
            self.turn().await?;
        }
        timeout(GOODBYE, async {
            self.acknowledge();
            packet::disconnect(&mut self.output);
            self.flush().await?;
            self.stream.shutdown().await.map_err(broken)?;
            // A broker may forget what it has not read of a connection that is gone.
            loop {
                self.input.clear();
                self.input.reserve(READ);
                if self.stream.read_buf(&mut self.input).await.map_err(broken)? == 0 {
                    return Ok(());
                }
            }
        })
        .await
        .unwrap_or(Ok(()))
    }

    /// Waits for one thing to happen and does what follows of it. Only the connection's own task calls it, which is never
    /// dropped in the middle but to be thrown away.
    async fn turn(&mut self) -> Result<()> {
        // What came with an answer that was waited for lies in the buffer.
        self.understand()?;
        self.acknowledge();
        self.flush().await?;
        let (_, waiting) = self.shared.session().waiting();
        let reads = waiting < self.link.room;
        if reads && !self.reads {
            // The answer to a ping lies behind what was not read.
            self.pinged = self.pinged.map(|_| Instant::now());
        }
        self.reads = reads;
        let quiet = self.keep_alive / 2;
        let ping = (!self.keep_alive.is_zero()).then(|| self.sent + quiet);
        let silence =
            self.pinged.filter(|_| reads).map(|pinged| pinged + self.keep_alive.max(self.link.timeout));
        self.input.reserve(READ);
        tokio::select! {
            read = self.stream.read_buf(&mut self.input), if reads => {
                if read.map_err(broken)? == 0 {
                    return Err(closed());
                }
                self.pinged = None;
            }
            () = self.shared.outgoing() => {}
            () = until(ping), if ping.is_some() => {
                packet::ping(&mut self.output);
                self.pinged.get_or_insert_with(Instant::now);
            }
            () = until(silence), if silence.is_some() => return Err(silent("PINGRESP")),
        }
        Ok(())
    }

    /// Takes the packets that are there as a whole.
    fn understand(&mut self) -> Result<()> {
        let mut any = false;
        while let Some(packet) = self.parsed()? {
            self.take(packet)?;
            any = true;
        }
        if any {
            self.shared.arrived();
        }
        Ok(())
    }

    fn acknowledge(&mut self) {
        for ack in self.shared.session().outbox(self.generation) {
            packet::ack(&mut self.output, ack);
        }
    }

    fn take(&mut self, packet: Packet) -> Result<()> {
        match packet {
            Packet::Publish(publish) => {
                let mut session = self.shared.session();
                if publish.retain && self.link.drop_retained {
                    if publish.qos != Qos::AtMostOnce {
                        session.discard(self.generation, &publish);
                    }
                } else {
                    session.publish(self.generation, publish, Utc::now());
                }
            }
            Packet::PubRel(id) => self.shared.session().release(self.generation, id),
            Packet::PingResp => self.pinged = None,
            Packet::Disconnect { code, reason } => {
                let what = if code == 0x8e {
                    "another client has taken the session over: is the client id used twice?"
                } else {
                    "the broker ends the connection"
                };
                return Err(refused(what, Version::V5, code, self.without_password(reason.as_deref())));
            }
            Packet::SubAck { .. } => {}
            Packet::ConnAck(_) => return Err(Error::unexpected("the broker sends a second CONNACK")),
        }
        Ok(())
    }

    fn parsed(&mut self) -> Result<Option<Packet>> {
        let longest = self.link.longest.map_or(packet::LONGEST, |longest| longest as usize);
        packet::read(&mut self.input, self.link.version, longest).map_err(malformed)
    }

    async fn next(&mut self) -> Result<Packet> {
        loop {
            if let Some(packet) = self.parsed()? {
                return Ok(packet);
            }
            self.acknowledge();
            self.flush().await?;
            self.input.reserve(READ);
            tokio::select! {
                read = self.stream.read_buf(&mut self.input) => {
                    if read.map_err(broken)? == 0 {
                        return Err(closed());
                    }
                }
                () = self.shared.outgoing() => {}
            }
        }
    }

    async fn flush(&mut self) -> Result<()> {
        if self.output.is_empty() {
            return Ok(());
        }
        let stream = &mut self.stream;
        let written = timeout(self.link.timeout, async {
            stream.write_all(&self.output).await?;
            stream.flush().await
        });
        written
            .await
            .map_err(|_| Error::new(ErrorKind::Unavailable, "the broker reads nothing"))?
            .map_err(broken)?;
        self.output.clear();
        self.sent = Instant::now();
        self.shared.written(self.generation);
        Ok(())
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

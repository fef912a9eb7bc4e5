//! One connection for replication: commands, rows, copies and the stream, as bytes came.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use datalake_core::{Error, ErrorKind, Result, Secret};
use postgres_protocol::authentication::{md5_hash, sasl};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tokio_postgres::error::SqlState;

use super::error::{Refusal, broken, lost, silent};

/// How long the server may take to answer before the connection is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// The same while it reads a table, or waits for the transactions before a slot.
const LONG: Duration = Duration::from_secs(900);
/// The longest message that is taken: what PostgreSQL itself can send.
const LONGEST: usize = 1 << 30;
/// How much is read at once.
const READ: usize = 64 << 10;

/// A connection to a server, plain or under TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection on which commands can be given.
pub(super) struct Wire {
    stream: Box<dyn Stream>,
    read: BytesMut,
    write: BytesMut,
    patience: Duration,
    /// Why the server refused last.
    pub(super) refused: Option<SqlState>,
}

/// A row of an answer.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// The message as it came.
    pub(super) bytes: Bytes,
    values: Vec<Option<String>>,
}

impl Row {
    fn of(bytes: Bytes) -> Option<Self> {
        let (count, mut rest) = bytes.get(5..)?.split_first_chunk()?;
        let mut values = Vec::new();
        for _ in 0..u16::from_be_bytes(*count) {
            let (length, after) = rest.split_first_chunk()?;
            rest = after;
            let value = match usize::try_from(i32::from_be_bytes(*length)) {
                Ok(length) => {
                    let (value, after) = rest.split_at_checked(length)?;
                    rest = after;
                    Some(String::from_utf8_lossy(value).into_owned())
                }
                Err(_) => None,
            };
            values.push(value);
        }
        Some(Self { bytes, values })
    }

    /// A column as text; empty if there is none or it is null.
    pub(super) fn text(&self, n: usize) -> &str {
        self.values.get(n).and_then(Option::as_deref).unwrap_or_default()
    }

    /// A column as whatever its text says.
    pub(super) fn parse<T: std::str::FromStr>(&self, n: usize) -> Option<T> {
        self.text(n).parse().ok()
    }
}

impl Wire {
    /// Says who we are, over a fresh connection.
    pub(super) async fn open(
        stream: Box<dyn Stream>,
        user: &str,
        database: &str,
        password: Option<&Secret>,
        parameters: &[(&str, &str)],
    ) -> Result<Self> {
        let mut wire =
            Self { stream, read: BytesMut::new(), write: BytesMut::new(), patience: PATIENCE, refused: None };
        let named = [("user", user), ("database", database)];
        let all = named.into_iter().chain(parameters.iter().copied());
        frontend::startup_message(all, &mut wire.write).map_err(unwritten)?;
        wire.send().await?;
        wire.authenticate(user, password).await?;
        loop {
            let bytes = wire.within().await?;
            match bytes[0] {
                b'Z' => return Ok(wire),
                b'E' => return Err(wire.refuse(&bytes)),
                _ => {}
            }
        }
    }

    async fn authenticate(&mut self, user: &str, password: Option<&Secret>) -> Result<()> {
        let bytes = || {
            let none =
                || Error::new(ErrorKind::Unauthenticated, "the server asks for a password and there is none");
            password.map(|secret| secret.expose().as_bytes()).ok_or_else(none)
        };
        loop {
            let (way, data) = self.asked(password).await?;
            match (way, data.first_chunk()) {
                (0, _) => return Ok(()),
                (3, _) => frontend::password_message(bytes()?, &mut self.write).map_err(unwritten)?,
                (5, Some(salt)) => {
                    let hash = md5_hash(user.as_bytes(), bytes()?, *salt);
                    frontend::password_message(hash.as_bytes(), &mut self.write).map_err(unwritten)?;
                }
                (10, _) => {
                    self.scram(bytes()?, password).await?;
                    continue;
                }
                _ => {
                    let why = "the server asks for a way to log in that is not supported";
                    return Err(Error::new(ErrorKind::Unsupported, why).with("way", way));
                }
            }
            self.send().await?;
        }
    }

    async fn scram(&mut self, bytes: &[u8], password: Option<&Secret>) -> Result<()> {
        let mut scram = sasl::ScramSha256::new(bytes, sasl::ChannelBinding::unsupported());
        frontend::sasl_initial_response(sasl::SCRAM_SHA_256, scram.message(), &mut self.write)
            .map_err(unwritten)?;
        self.send().await?;
        let forged = |cause| {
            Error::new(ErrorKind::Unauthenticated, "the server does not prove that it knows the password")
                .caused_by(cause)
        };
        let (11, data) = self.asked(password).await? else {
            return Err(broken("the server breaks off the log-in"));
        };
        scram.update(&data).map_err(forged)?;
        frontend::sasl_response(scram.message(), &mut self.write).map_err(unwritten)?;
        self.send().await?;
        let (12, data) = self.asked(password).await? else {
            return Err(broken("the server breaks off the log-in"));
        };
        scram.finish(&data).map_err(forged)
    }

    /// What the server asks for while we log in. A refusal that repeats the password is told without its words.
    async fn asked(&mut self, password: Option<&Secret>) -> Result<(u32, Bytes)> {
        let mut bytes = self.within().await?;
        match (bytes[0], bytes.get(5..9).and_then(|way| way.try_into().ok())) {
            (b'R', Some(way)) => Ok((u32::from_be_bytes(way), bytes.split_off(9))),
            (b'E', _) => Err(self.refused_by(Refusal::of(&bytes).without(password))),
            _ => Err(broken("the server breaks off the log-in")),
        }
    }

    /// Waits longer for what comes next, or as long as at first.
    pub(super) fn be_patient(&mut self, patient: bool) {
        self.patience = if patient { LONG } else { PATIENCE };
    }

    /// The rows of a command.
    pub(super) async fn query(&mut self, sql: &str) -> Result<Vec<Row>> {
        self.ask(sql).await?;
        let (mut rows, mut failed) = (Vec::new(), None);
        loop {
            let bytes = self.within().await?;
            match bytes[0] {
                b'D' => rows.push(Row::of(bytes).ok_or_else(|| broken("a row cannot be read"))?),
                b'E' => failed = Some(self.refuse(&bytes)),
                b'Z' => return failed.map_or(Ok(rows), Err),
                _ => {}
            }
        }
    }

    /// Begins to copy rows out, or to stream. [`frame`](Self::frame) gives what comes then.
    pub(super) async fn copy(&mut self, sql: &str) -> Result<()> {
        self.ask(sql).await?;
        let mut failed = None;
        loop {
            let bytes = self.within().await?;
            match bytes[0] {
                b'W' | b'H' => return Ok(()),
                b'E' => failed = Some(self.refuse(&bytes)),
                b'Z' => return Err(failed.unwrap_or_else(|| broken("a copy does not begin"))),
                _ => {}
            }
        }
    }

    /// The next message of a copy of rows; `None` at its end, with the connection ready for the next command.
    pub(super) async fn copied(&mut self) -> Result<Option<Bytes>> {
        let mut failed = None;
        loop {
            let mut bytes = self.within().await?;
            match bytes[0] {
                b'd' => {
                    bytes.advance(5);
                    return Ok(Some(bytes));
                }
                b'E' => failed = Some(self.refuse(&bytes)),
                b'Z' => return failed.map_or(Ok(None), Err),
                _ => {}
            }
        }
    }

    /// The next message of the stream, whole. Cancel safe.
    pub(super) async fn frame(&mut self) -> Result<Bytes> {
        loop {
            if let Some(bytes) = self.buffered()? {
                match bytes[0] {
                    b'd' => return Ok(bytes),
                    b'E' => return Err(self.refuse(&bytes)),
                    b'c' => return Err(Error::new(ErrorKind::Unavailable, "the server ends the stream")),
                    _ => continue,
                }
            }
            self.fill().await?;
        }
    }

    /// A message of the stream that has come already.
    pub(super) fn frame_now(&mut self) -> Result<Option<Bytes>> {
        match self.read.first() {
            Some(b'd') => self.buffered(),
            _ => Ok(None),
        }
    }

    /// Sends a message of the stream.
    pub(super) async fn say(&mut self, body: &[u8]) -> Result<()> {
        frontend::CopyData::new(body).map_err(unwritten)?.write(&mut self.write);
        self.send().await
    }

    /// Ends the stream, and waits until the server has taken everything that was said before.
    pub(super) async fn end(mut self) -> Result<()> {
        frontend::copy_done(&mut self.write);
        self.send().await?;
        while self.within().await?[0] != b'Z' {}
        frontend::terminate(&mut self.write);
        self.send().await
    }

    fn refuse(&mut self, message: &[u8]) -> Error {
        self.refused_by(Refusal::of(message))
    }

    fn refused_by(&mut self, refusal: Refusal) -> Error {
        let error = refusal.error();
        self.refused = Some(refusal.code);
        error
    }

    async fn ask(&mut self, sql: &str) -> Result<()> {
        frontend::query(sql, &mut self.write).map_err(unwritten)?;
        self.send().await
    }

    async fn send(&mut self) -> Result<()> {
        let sent = async {
            self.stream.write_all_buf(&mut self.write).await?;
            self.stream.flush().await
        };
        timeout(PATIENCE, sent).await.map_err(|_| silent())?.map_err(lost)
    }

    async fn within(&mut self) -> Result<Bytes> {
        loop {
            if let Some(bytes) = self.buffered()? {
                return Ok(bytes);
            }
            timeout(self.patience, self.fill()).await.map_err(|_| silent())??;
        }
    }

    /// A whole message that has come, with its tag and length.
    fn buffered(&mut self) -> Result<Option<Bytes>> {
        let Some(length) =
            self.read.get(1..5).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes)
        else {
            return Ok(None);
        };
        let length = length as usize;
        if !(4..=LONGEST).contains(&length) {
            return Err(broken("a message of the server has an impossible length"));
        }
        match self.read.len() > length {
            true => Ok(Some(self.read.split_to(length + 1).freeze())),
            false => {
                self.read.reserve(length + 1 - self.read.len());
                Ok(None)
            }
        }
    }

    async fn fill(&mut self) -> Result<()> {
        if self.read.capacity() - self.read.len() < READ {
            self.read.reserve(READ);
        }
        match self.stream.read_buf(&mut self.read).await.map_err(lost)? {
            0 => Err(Error::new(ErrorKind::Unavailable, "the server closes the connection")),
            _ => Ok(()),
        }
    }
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire").finish_non_exhaustive()
    }
}

fn unwritten(cause: std::io::Error) -> Error {
    Error::config("a setting of the connection cannot be sent").caused_by(cause)
}

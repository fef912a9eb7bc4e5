//! The source.

use std::sync::Arc;
use std::time::Duration;

use datalake_core::{
    Document, Error, ErrorKind, Next, Position, Remaining, Result, Source, SourceBatch, SourceInfo,
    async_trait,
};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use super::SYSTEM;
use super::builder::MqttSourceBuilder;
use super::error::silent;
use super::link::Link;
use super::message::Documents;
use super::position::At;
use super::session::Message;
use super::shared::Shared;
use super::spool::Spool;
use super::watch::MqttWatch;

/// How long [`MqttSource::next_batch`] waits for a message of a broker that it is subscribed to.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);
/// How long the engine may rest after that.
const PAUSE: Duration = Duration::from_millis(5);
/// How many bytes a batch holds, unless one message has more.
const BATCH: usize = 4 << 20;
/// How long the acknowledgements of a commit may take to be sent.
const TELLING: Duration = Duration::from_secs(1);
/// How long a full spool that was read to its end waits for a commit, which the engine makes within ten seconds unless it is
/// told otherwise, and how long a connection may be without a word.
const FULL: Duration = Duration::from_secs(15);
const WORDLESS: Duration = Duration::from_secs(60);
/// How long a connection may take to end.
const FAREWELL: Duration = Duration::from_secs(5);

/// Takes messages from a broker. The [module](super) tells how.
#[derive(Debug)]
pub struct MqttSource {
    pub(super) info: SourceInfo,
    pub(super) link: Arc<Link>,
    pub(super) shared: Arc<Shared>,
    pub(super) documents: Documents,
    pub(super) window: usize,
    pub(super) patience: Duration,
    pub(super) spool: Option<Spool>,
    pub(super) task: Option<JoinHandle<()>>,
}

impl MqttSource {
    /// A source for a dataset, of a broker (`mqtt://HOST:PORT` or `mqtts://HOST:PORT`), under a client id.
    ///
    /// The broker keeps the session, with every message that is not acknowledged, under the client id. It must be the same
    /// in every run, and no other client may have it.
    pub fn builder(
        dataset: datalake_core::Dataset,
        url: impl Into<String>,
        client_id: impl Into<String>,
    ) -> MqttSourceBuilder {
        MqttSourceBuilder::new(dataset, url.into(), client_id.into())
    }

    /// A view of how source and broker get on, to be asked while an engine owns the source.
    #[must_use]
    pub fn watch(&self) -> MqttWatch {
        MqttWatch(Arc::clone(&self.shared.status))
    }

    /// Connects, unless that is done. Each connection has a task of its own, so that the broker gets its pings while the
    /// engine is busy.
    fn connect(&mut self) {
        if !self.shared.starts() {
            return;
        }
        let (link, shared) = (Arc::clone(&self.link), Arc::clone(&self.shared));
        self.task = Some(tokio::spawn(async move {
            let ended = link.run(&shared).await;
            shared.stopped(ended.err());
        }));
    }

    fn batch(&self) -> Result<Option<SourceBatch>> {
        let Some(given) = self.shared.session().take(self.window, BATCH) else { return Ok(None) };
        // Room for more.
        self.shared.send();
        let documents = given.messages.iter().map(|message| self.document(message)).collect();
        Ok(Some(SourceBatch::new(documents, given.at.position()?)))
    }

    fn document(&self, message: &Message) -> Document {
        self.documents.of(message, format!("{}-{}", self.documents.boot, message.number))
    }

    /// What the spool has, or why nothing comes.
    async fn spooled(&mut self) -> Result<Next> {
        let began = Instant::now();
        let mut subscribed = None;
        loop {
            let Some(spool) = &mut self.spool else { return Ok(Next::End) };
            if let Some(batch) = spool.batch(&self.documents).await? {
                return Ok(Next::Batch(batch));
            }
            if let Some(error) = self.shared.failure() {
                return Err(error.component(SYSTEM));
            }
            let until = if spool.is_full() {
                began + FULL.max(self.patience)
            } else if self.shared.is_subscribed() {
                *subscribed.get_or_insert_with(|| Instant::now() + self.patience)
            } else {
                subscribed = None;
                spool.poke();
                began + WORDLESS.max(4 * self.link.timeout)
            };
            if timeout_at(until, spool.until_moved()).await.is_ok() {
                continue;
            }
            if spool.is_full() || self.shared.is_subscribed() {
                return Ok(Next::Idle(PAUSE));
            }
            return Err(silent("a subscription").component(SYSTEM));
        }
    }

    /// Lets go of the connection at once, with what it has brought.
    async fn cut(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            drop(task.await);
            self.shared.stopped(None);
        }
    }

    fn at(&self, position: &Position) -> Result<At> {
        let at = At::read(position)?;
        if at.boot == self.documents.boot && at.batch > self.shared.session().last() {
            return Err(Error::new(ErrorKind::PositionInvalid, "the position was never given")
                .component(SYSTEM)
                .with("batch", at.batch));
        }
        Ok(at)
    }
}

#[async_trait]
impl Source for MqttSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    async fn next_batch(&mut self) -> Result<Next> {
        if self.spool.is_some() {
            return self.spooled().await;
        }
        let mut until = None;
        loop {
            if let Some(batch) = self.batch()? {
                return Ok(Next::Batch(batch));
            }
            if let Some(error) = self.shared.failure() {
                return Err(error.component(SYSTEM));
            }
            self.connect();
            if !self.shared.is_subscribed() {
                until = None;
                self.shared.until_arrived().await;
                continue;
            }
            let until = *until.get_or_insert_with(|| Instant::now() + self.patience);
            if timeout_at(until, self.shared.until_arrived()).await.is_err() {
                return Ok(Next::Idle(PAUSE));
            }
        }
    }

    /// Goes on after a position: lets go of the connection, and of what was read and not committed. The broker sends that
    /// again; messages of QoS 0, which it does not, are given again from memory.
    ///
    /// With a spool, goes on in the spool, and the connection stays.
    async fn seek(&mut self, position: Option<&Position>) -> Result<()> {
        if let Some(spool) = &mut self.spool {
            return spool.seek(position, &self.link, &self.shared).await;
        }
        let at = position.map(|position| self.at(position)).transpose()?;
        self.cut().await;
        self.shared.session().seek(at.as_ref());
        let before = at.as_ref().is_some_and(|at| at.client == self.link.client_id);
        self.shared.expect_session(before);
        Ok(())
    }

    async fn commit(&mut self, position: &Position) -> Result<()> {
        if let Some(spool) = &self.spool {
            return spool.commit(position).await;
        }
        let at = self.at(position)?;
        if at.boot == self.documents.boot {
            self.shared.session().commit(at.batch);
            self.shared.send();
            // A worker may end right after this. What cannot be told in time is told later.
            drop(timeout(TELLING, self.shared.until_answered()).await);
        }
        Ok(())
    }

    fn remaining(&self) -> Remaining {
        let (_, waiting) = self.shared.session().waiting();
        let bytes = self.spool.as_ref().map_or(waiting as u64, Spool::remaining);
        Remaining { bytes: Some(bytes), ..Remaining::default() }
    }

    /// Sends the acknowledgements that are due, says goodbye and leaves the session with the broker.
    async fn close(&mut self) -> Result<()> {
        if let Some(spool) = &mut self.spool {
            spool.close(&self.shared).await;
            return Ok(());
        }
        self.shared.close();
        let connected = self.shared.is_subscribed();
        if let Some(task) = self.task.as_mut().filter(|_| connected) {
            match timeout(FAREWELL, task).await {
                Ok(_) => self.task = None,
                Err(_) => tracing::debug!("the connection to the broker did not end in time"),
            }
        }
        self.cut().await;
        Ok(())
    }
}

impl Drop for MqttSource {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

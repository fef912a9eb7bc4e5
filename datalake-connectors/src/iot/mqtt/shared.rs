//! What the connection's task and the source share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use datalake_core::{Error, ErrorKind};
use tokio::sync::{Notify, watch};

use super::session::Session;
use super::watch::{Fight, MqttStatus};

#[derive(Debug)]
pub(super) struct Shared {
    session: Mutex<Session>,
    life: Mutex<Life>,
    durable: bool,
    /// Something has come for the source.
    arrived: Notify,
    /// Something is to be sent, or the connection is to end.
    outgoing: Notify,
    /// What was to be sent is sent, or cannot be.
    answered: Notify,
    pub(super) status: Arc<watch::Sender<MqttStatus>>,
}

#[derive(Debug, Default)]
struct Life {
    /// Whether there was a session that the broker should still have.
    has_session: bool,
    /// Whether this process has subscribed in the session that there is.
    has_subscribed: bool,
    subscribed: bool,
    /// Whether a task has a connection, or makes one.
    running: bool,
    failed: Option<Error>,
    closing: bool,
    fight: Fight,
}

impl Shared {
    /// For a session that the broker keeps while nobody is connected, or that it forgets.
    pub(super) fn new(session: Session, durable: bool) -> Self {
        Self {
            session: Mutex::new(session),
            durable,
            life: Mutex::default(),
            arrived: Notify::new(),
            outgoing: Notify::new(),
            answered: Notify::new(),
            status: Arc::new(watch::Sender::new(MqttStatus::default())),
        }
    }

    pub(super) fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn life(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says whether the broker should have a session.
    pub(super) fn expect_session(&self, expected: bool) {
        let mut life = self.life();
        life.has_session |= expected && self.durable;
        life.failed = None;
        life.closing = false;
    }

    /// The broker has accepted a connection. Whether subscribing waits for a commit.
    pub(super) fn connected(&self, generation: u64, session_present: bool) -> bool {
        let lost = {
            let mut life = self.life();
            life.fight.began();
            let lost = life.has_session && !session_present;
            life.has_subscribed &= session_present;
            life.has_session = self.durable;
            lost
        };
        self.status.send_modify(|status| {
            status.connections += 1;
            status.sessions_lost += u64::from(lost);
        });
        if lost {
            tracing::error!(
                "the broker no longer has the session of this client: messages may be lost that came since it was last \
                 connected"
            );
        }
        let waits = self.session().connected(generation, session_present);
        self.arrived();
        waits
    }

    /// Whether this process has not subscribed in the session that there is.
    pub(super) fn must_subscribe(&self) -> bool {
        !self.life().has_subscribed
    }

    pub(super) fn subscribed(&self) {
        {
            let mut life = self.life();
            life.subscribed = true;
            life.has_subscribed = true;
            life.failed = None;
        }
        self.status.send_modify(|status| status.subscribed = true);
        self.arrived();
    }

    /// A connection is over.
    pub(super) fn ended(&self, generation: u64, error: Option<&Error>) {
        self.session().end(generation);
        let fighting = {
            let mut life = self.life();
            life.subscribed = false;
            life.fight.ended()
        };
        self.status.send_modify(|status| {
            status.subscribed = false;
            status.taken_over += u64::from(error.is_some_and(|error| error.kind() == ErrorKind::Conflict));
            status.fighting = fighting;
        });
        self.answered.notify_waiters();
    }

    pub(super) fn is_fighting(&self) -> bool {
        self.status.borrow().fighting
    }

    /// Whether there is no task for a connection yet. There is one then.
    pub(super) fn starts(&self) -> bool {
        !std::mem::replace(&mut self.life().running, true)
    }

    /// The task for a connection is over, or is thrown away.
    pub(super) fn stopped(&self, error: Option<Error>) {
        {
            let mut life = self.life();
            life.running = false;
            life.subscribed = false;
            life.failed = error;
        }
        self.status.send_modify(|status| status.subscribed = false);
        self.arrived();
    }

    /// Tells a failure that ends no connection.
    pub(super) fn tell(&self, error: Error) {
        self.life().failed = Some(error);
    }

    /// What was told is over.
    pub(super) fn recovered(&self) {
        self.life().failed = None;
    }

    pub(super) fn failure(&self) -> Option<Error> {
        self.life().failed.take()
    }

    pub(super) fn is_subscribed(&self) -> bool {
        self.life().subscribed
    }

    /// Asks the connection to end.
    pub(super) fn close(&self) {
        self.life().closing = true;
        self.send();
    }

    pub(super) fn is_closing(&self) -> bool {
        self.life().closing
    }

    /// What was to be sent on a connection is sent.
    pub(super) fn written(&self, generation: u64) {
        self.session().written(generation);
        self.answered.notify_waiters();
    }

    /// Waits until what can be answered is, or there is nobody to answer.
    pub(super) async fn until_answered(&self) {
        loop {
            let mut answered = std::pin::pin!(self.answered.notified());
            answered.as_mut().enable();
            if self.session().is_answered() || !self.is_subscribed() {
                return;
            }
            answered.await;
        }
    }

    /// Wakes the source.
    pub(super) fn arrived(&self) {
        self.arrived.notify_one();
    }

    pub(super) async fn until_arrived(&self) {
        self.arrived.notified().await;
    }

    /// Wakes the connection.
    pub(super) fn send(&self) {
        self.outgoing.notify_one();
    }

    pub(super) async fn outgoing(&self) {
        self.outgoing.notified().await;
    }
}

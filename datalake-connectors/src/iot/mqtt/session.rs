//! What is under way between a broker and the engine. No I/O: every rule about acknowledgements is here.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::packet::{Ack, Properties, Publish, Qos};
use super::position::{At, Mark, Marks};

/// How many released messages are remembered, at most.
const RELEASED: usize = 128;

/// What a message takes beside its content, in bytes, about.
const BESIDE: usize = 200;

/// A message and when it came.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) publish: Publish,
    pub(super) received: DateTime<Utc>,
    /// Of all messages of this life of the source, from 1.
    pub(super) number: u64,
}

/// The messages of a session: first waiting to be given to the engine, then given and not committed, then committed and
/// not acknowledged.
///
/// An acknowledgement belongs to the connection whose message it answers: each connection has a number, the generation,
/// and whatever comes from an older one is passed over. Acknowledgements go out in the order in which the connection
/// brought the messages, and none before the commit.
#[derive(Debug)]
pub(super) struct Session {
    client: Arc<str>,
    boot: Arc<str>,
    low: u16,
    generation: u64,
    /// Connections on which a broker may have sent something.
    calls: u64,
    number: u64,
    waiting: VecDeque<Arc<Message>>,
    waiting_bytes: usize,
    given: VecDeque<(u64, Arc<Message>)>,
    /// The last batch given, and the last committed.
    batch: u64,
    committed: u64,
    /// By packet id: what this source has of the session's unacknowledged messages.
    open: HashMap<u16, Open>,
    /// The messages of this connection that are not acknowledged, in the order they came.
    unanswered: VecDeque<(u16, Qos)>,
    /// Packet ids that the broker has released, and the batch whose commit says so.
    releasing: VecDeque<(u16, Option<u64>)>,
    released: VecDeque<(u16, Mark)>,
    /// Whether the connection has brought nothing but what it brought before.
    redelivering: bool,
    /// Whether a position must be committed although there is no message.
    unsaid: bool,
    outbox: Vec<Ack>,
    /// Whether what was taken out of it is being written.
    writing: bool,
    /// What was read and not committed when the source went back, in case the broker no longer has it.
    fallback: VecDeque<Arc<Message>>,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    mark: Mark,
    qos: Qos,
    stage: Stage,
    /// The connection that brought it last.
    call: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Not given to the engine: the message of this number.
    Waiting(u64),
    /// Given in a batch.
    Given(u64),
    /// In the lake.
    Committed,
    /// QoS 2: acknowledged, and the broker has released the packet id.
    Released,
}

/// What the engine gets.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) messages: Vec<Arc<Message>>,
    pub(super) at: At,
}

impl Session {
    /// A session of a client. A broker that uses the lowest free packet id never uses one above `low`.
    pub(super) fn new(client: Arc<str>, boot: Arc<str>, low: u16) -> Self {
        Self {
            client,
            boot,
            low,
            generation: 0,
            calls: 0,
            number: 0,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            given: VecDeque::new(),
            batch: 0,
            committed: 0,
            open: HashMap::new(),
            unanswered: VecDeque::new(),
            releasing: VecDeque::new(),
            released: VecDeque::new(),
            redelivering: true,
            unsaid: false,
            outbox: Vec::new(),
            writing: false,
            fallback: VecDeque::new(),
        }
    }

    /// Goes to a position: forgets what was read and not committed, which the broker sends again to the next connection.
    /// Messages of QoS 0, which it does not, are given again from memory.
    pub(super) fn seek(&mut self, at: Option<&At>) {
        self.end(self.generation);
        let landed = at.filter(|at| at.boot == self.boot).map_or(0, |at| at.batch);
        let given = std::mem::take(&mut self.given).into_iter();
        let given = given.filter(|(batch, _)| *batch > landed).map(|(_, message)| message);
        let all = given.chain(std::mem::take(&mut self.waiting));
        let (forgotten, sent_again) =
            all.partition::<VecDeque<_>, _>(|message| message.publish.qos == Qos::AtMostOnce);
        self.waiting = forgotten;
        self.fallback.extend(sent_again);
        self.waiting_bytes = self.waiting.iter().map(|message| message.bytes()).sum();
        self.open.clear();
        self.released.clear();
        self.unsaid = false;
        self.committed = self.batch;
        let Some(at) = at.filter(|at| at.client == self.client) else { return };
        let held =
            |mark: &Mark| Open { mark: *mark, qos: Qos::ExactlyOnce, stage: Stage::Committed, call: 0 };
        self.open.extend(at.held.iter().map(|(id, mark)| (*id, held(mark))));
        self.released.extend(at.released.iter().map(|(id, mark)| (*id, *mark)));
    }

    /// Begins a connection and gives its generation.
    pub(super) fn begin(&mut self) -> u64 {
        self.end(self.generation);
        self.redelivering = true;
        self.generation
    }

    /// The broker is called, and may send something although its answer is never seen.
    pub(super) fn calls(&mut self, generation: u64) {
        self.calls += u64::from(generation == self.generation);
    }

    /// A connection is over: nothing can be answered on it any more, and the broker says again what it waits for.
    pub(super) fn end(&mut self, generation: u64) {
        if generation == self.generation {
            self.generation += 1;
            self.unanswered.clear();
            self.outbox.clear();
            self.writing = false;
            self.releasing.clear();
        }
    }

    /// The broker has answered. Whether subscribing must wait for the commit of a position that holds nothing: in a
    /// session that is not the one before, a packet id names another message.
    pub(super) fn connected(&mut self, generation: u64, session_present: bool) -> bool {
        if generation != self.generation {
            return false;
        }
        let fallback = std::mem::take(&mut self.fallback);
        if session_present {
            return false;
        }
        for message in fallback.into_iter().rev() {
            self.waiting_bytes += message.bytes();
            self.waiting.push_front(message);
        }
        let holds = self.open.values().any(|open| open.qos == Qos::ExactlyOnce && open.stage.is_held())
            || !self.released.is_empty();
        self.open.clear();
        self.released.clear();
        self.unsaid |= holds;
        holds
    }

    /// Whether a position waits to be given or committed.
    pub(super) fn is_unsaid(&self) -> bool {
        self.unsaid || self.committed < self.batch
    }

    /// Takes in a message of a connection.
    pub(super) fn publish(&mut self, generation: u64, publish: Publish, received: DateTime<Utc>) {
        if generation != self.generation {
            return;
        }
        if publish.qos == Qos::AtMostOnce {
            return self.wait(publish, received);
        }
        let (id, qos, mark) = (publish.id, publish.qos, Mark::of(&publish));
        if self.open.contains_key(&id) {
            self.unanswered.retain(|(other, _)| *other != id);
        }
        self.unanswered.push_back((id, qos));
        if self.redelivering && !publish.dup {
            self.redelivering = false;
            // What the broker has not sent again by now it has no longer, and the ids are free for other messages.
            let call = self.calls;
            self.open.retain(|_, open| {
                open.qos != Qos::AtLeastOnce || open.stage != Stage::Committed || open.call == call
            });
        }
        // A broker that used the id again at once could mean another message by it.
        let again = self.redelivering
            && id > self.low
            && qos == Qos::ExactlyOnce
            && self.released.iter().any(|(other, of)| *other == id && *of == mark);
        // QoS 2 must be once, QoS 1 must be there. A broker may have forgotten a message and sent another of the same
        // content under its id, on a connection of which nothing came through: then only the second record is right.
        let call = self.calls;
        let is_known = |open: &Open| {
            let trusted = qos == Qos::ExactlyOnce || publish.dup && open.call + 1 >= call;
            open.mark == mark && open.qos == qos && trusted
        };
        match self.open.get_mut(&id) {
            Some(open) if is_known(open) => {
                open.call = call;
                if open.stage == Stage::Released {
                    open.stage = Stage::Committed;
                }
                self.answer();
            }
            _ if again => {
                self.open.insert(id, Open { mark, qos, stage: Stage::Committed, call });
                self.answer();
            }
            _ => {
                let stage = Stage::Waiting(self.number + 1);
                self.open.insert(id, Open { mark, qos, stage, call });
                self.wait(publish, received);
            }
        }
    }

    /// Acknowledges a message that is not wanted.
    pub(super) fn discard(&mut self, generation: u64, publish: &Publish) {
        if generation == self.generation {
            self.unanswered.push_back((publish.id, publish.qos));
            self.answer();
        }
    }

    fn wait(&mut self, publish: Publish, received: DateTime<Utc>) {
        self.number += 1;
        let message = Arc::new(Message { publish, received, number: self.number });
        self.waiting_bytes += message.bytes();
        self.waiting.push_back(message);
    }

    /// The broker releases a packet id of QoS 2. The answer, with which it may use the id for another message, waits for
    /// the commit of a position that no longer holds it.
    pub(super) fn release(&mut self, generation: u64, id: u16) {
        if generation != self.generation {
            return;
        }
        self.releasing.retain(|(other, _)| *other != id);
        match self.open.get_mut(&id) {
            Some(open) if open.qos == Qos::ExactlyOnce && open.stage.is_committed() => {
                open.stage = Stage::Released;
                self.unsaid = true;
                self.releasing.push_back((id, None));
            }
            _ => self.releasing.push_back((id, Some(self.committed))),
        }
        self.complete();
    }

    /// The messages that wait, at most so many and so many bytes but at least one, no more than `window` of them given and
    /// not committed; or none and a position that must be committed.
    pub(super) fn take(&mut self, window: usize, mut bytes: usize) -> Option<Given> {
        let mut messages = Vec::new();
        let room = window.saturating_sub(self.given.len());
        while let Some(message) = self.waiting.front() {
            if messages.len() >= room || !messages.is_empty() && message.bytes() > bytes {
                break;
            }
            bytes = bytes.saturating_sub(message.bytes());
            let Some(message) = self.waiting.pop_front() else { break };
            self.waiting_bytes -= message.bytes();
            messages.push(message);
        }
        if messages.is_empty() && !self.unsaid {
            return None;
        }
        self.batch += 1;
        self.unsaid = false;
        for message in &messages {
            let open = self.open.get_mut(&message.publish.id);
            if let Some(open) = open.filter(|open| open.stage == Stage::Waiting(message.number)) {
                open.stage = Stage::Given(self.batch);
            }
            self.given.push_back((self.batch, Arc::clone(message)));
        }
        for (_, batch) in &mut self.releasing {
            batch.get_or_insert(self.batch);
        }
        Some(Given { messages, at: self.at() })
    }

    /// The position after the last batch given.
    fn at(&self) -> At {
        let of = |wanted: fn(Stage) -> bool| {
            let two = self.open.iter().filter(|(_, open)| open.qos == Qos::ExactlyOnce);
            two.filter(move |(_, open)| wanted(open.stage)).map(|(id, open)| (*id, open.mark))
        };
        let mut released: Marks = self.released.iter().copied().collect();
        released.extend(of(|stage| stage == Stage::Released));
        At {
            client: Arc::clone(&self.client),
            boot: Arc::clone(&self.boot),
            batch: self.batch,
            held: of(Stage::is_held).collect(),
            released,
        }
    }

    /// Everything up to a batch is in the lake.
    pub(super) fn commit(&mut self, batch: u64) {
        self.committed = self.committed.max(batch.min(self.batch));
        while self.given.front().is_some_and(|(given, _)| *given <= self.committed) {
            self.given.pop_front();
        }
        for open in self.open.values_mut() {
            if matches!(open.stage, Stage::Given(given) if given <= self.committed) {
                open.stage = Stage::Committed;
            }
        }
        self.answer();
        self.complete();
    }

    /// Acknowledges the messages at the front whose records are in the lake.
    fn answer(&mut self) {
        while let Some(&(id, qos)) = self.unanswered.front() {
            let committed = self.open.get(&id).is_none_or(|open| open.stage.is_committed());
            if !committed {
                break;
            }
            self.unanswered.pop_front();
            self.outbox.push(if qos == Qos::AtLeastOnce {
                self.open.remove(&id);
                Ack::Taken(id)
            } else {
                Ack::Received(id)
            });
        }
    }

    fn complete(&mut self) {
        while let Some(&(id, Some(batch))) = self.releasing.front() {
            if batch > self.committed {
                break;
            }
            self.releasing.pop_front();
            self.outbox.push(Ack::Complete(id));
            if self.open.get(&id).is_some_and(|open| open.stage == Stage::Released)
                && let Some(open) = self.open.remove(&id)
            {
                self.released.retain(|(other, _)| *other != id);
                self.released.push_back((id, open.mark));
                if self.released.len() > RELEASED {
                    self.released.pop_front();
                }
            }
        }
    }

    /// What is to be sent on a connection.
    pub(super) fn outbox(&mut self, generation: u64) -> Vec<Ack> {
        if generation != self.generation {
            return Vec::new();
        }
        self.writing |= !self.outbox.is_empty();
        std::mem::take(&mut self.outbox)
    }

    /// What was taken out of the outbox is written.
    pub(super) fn written(&mut self, generation: u64) {
        self.writing &= generation != self.generation;
    }

    /// Whether everything that can be answered is.
    pub(super) fn is_answered(&self) -> bool {
        self.outbox.is_empty() && !self.writing
    }

    /// The last batch given.
    pub(super) fn last(&self) -> u64 {
        self.batch
    }

    /// Messages that wait, and their bytes.
    pub(super) fn waiting(&self) -> (usize, usize) {
        (self.waiting.len(), self.waiting_bytes)
    }
}

impl Stage {
    fn is_committed(self) -> bool {
        matches!(self, Self::Committed | Self::Released)
    }

    /// Whether the record is given or in the lake, and the packet id not released.
    fn is_held(self) -> bool {
        matches!(self, Self::Given(_) | Self::Committed)
    }
}

impl Message {
    /// How many bytes it takes, about.
    pub(super) fn bytes(&self) -> usize {
        let properties = self.publish.properties.as_deref().map_or(0, Properties::bytes);
        self.publish.payload.len() + self.publish.topic.len() + properties + BESIDE
    }
}

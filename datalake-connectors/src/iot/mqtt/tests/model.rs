//! Random histories of a broker, a line and a worker, without any of them: the rules about acknowledgements alone.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use chrono::DateTime;

use super::super::packet::{Ack, Publish, Qos};
use super::super::position::At;
use super::super::session::{Message, Session};

/// How many messages a broker has in flight.
const WINDOW: u16 = 4;
/// Few contents, so that messages are often equal.
const CONTENTS: usize = 2;

struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Sent {
    Publish { id: u16, serial: usize, dup: bool },
    Release(u16),
}

#[derive(Debug, Clone, Copy)]
enum State {
    Sent,
    Released,
}

/// A broker that keeps to the protocol, and uses the lowest free packet id: the sooner an id is used again, the worse.
#[derive(Default)]
struct Broker {
    qos_2: bool,
    /// Of what was published, by its number.
    contents: Vec<usize>,
    forgotten: Vec<usize>,
    queue: VecDeque<usize>,
    flight: BTreeMap<u64, (u16, usize, State)>,
    sent: u64,
}

impl Broker {
    /// Sends a message that waits, if the window is open.
    fn send(&mut self, line: &mut VecDeque<Sent>) {
        let Some(id) = (1..=WINDOW).find(|id| self.flight.values().all(|(used, ..)| used != id)) else {
            return;
        };
        let Some(serial) = self.queue.pop_front() else { return };
        self.sent += 1;
        self.flight.insert(self.sent, (id, serial, State::Sent));
        line.push_back(Sent::Publish { id, serial, dup: false });
    }

    fn take(&mut self, ack: Ack, line: &mut VecDeque<Sent>) {
        let find = |flight: &BTreeMap<u64, (u16, usize, State)>, id| {
            flight.iter().find(|(_, (of, ..))| *of == id).map(|(number, _)| *number)
        };
        match ack {
            Ack::Taken(id) if !self.qos_2 => {
                find(&self.flight, id).and_then(|number| self.flight.remove(&number));
            }
            Ack::Received(id) => {
                if let Some(flight) = find(&self.flight, id).and_then(|number| self.flight.get_mut(&number)) {
                    flight.2 = State::Released;
                }
                line.push_back(Sent::Release(id));
            }
            Ack::Complete(id) => {
                let number = find(&self.flight, id);
                let released = |number: &u64| matches!(self.flight[number].2, State::Released);
                if let Some(number) = number.filter(released) {
                    self.flight.remove(&number);
                }
            }
            Ack::Taken(_) => {}
        }
    }

    /// Forgets a message in flight while nobody is connected: it has expired, or is sent under another id.
    fn forget(&mut self, number: u64) {
        if let Some((_, serial, _)) = self.flight.remove(&number) {
            self.forgotten.push(serial);
        }
    }

    /// What a new connection of the session begins with.
    fn resume(&self) -> VecDeque<Sent> {
        let again = self.flight.values().map(|&(id, serial, state)| match state {
            State::Sent => Sent::Publish { id, serial, dup: true },
            State::Released => Sent::Release(id),
        });
        again.collect()
    }
}

struct World {
    broker: Broker,
    down: VecDeque<Sent>,
    up: VecDeque<Ack>,
    session: Session,
    generation: u64,
    /// Batches that the engine has and the ledger has not.
    under_way: VecDeque<(Vec<usize>, At)>,
    ledger: Option<At>,
    untold: Option<u64>,
    /// How often each message is there.
    lake: Vec<usize>,
    /// A mistake: a packet id is freed at once.
    hasty: bool,
    /// The broker forgets messages.
    forgets: bool,
    lives: u64,
}

impl World {
    fn new(qos_2: bool, hasty: bool) -> Self {
        let mut world = Self {
            broker: Broker { qos_2, ..Broker::default() },
            down: VecDeque::new(),
            up: VecDeque::new(),
            session: Session::new("c".into(), "0".into(), WINDOW),
            generation: 0,
            under_way: VecDeque::new(),
            ledger: None,
            untold: None,
            lake: Vec::new(),
            hasty,
            forgets: false,
            lives: 0,
        };
        world.connect();
        world
    }

    fn connect(&mut self) {
        self.session.end(self.generation);
        self.up.clear();
        self.generation = self.session.begin();
        self.session.calls(self.generation);
        self.session.connected(self.generation, true);
        self.down = self.broker.resume();
    }

    /// The process dies, or only the engine goes back to the head of the ledger.
    fn go_back(&mut self, dies: bool) {
        self.under_way.clear();
        self.untold = None;
        if dies {
            self.lives += 1;
            self.session = Session::new("c".into(), self.lives.to_string().into(), WINDOW);
            self.generation = 0;
        }
        self.session.seek(self.ledger.as_ref());
        self.connect();
    }

    fn deliver(&mut self) {
        match self.down.pop_front() {
            None => {}
            Some(Sent::Release(id)) => {
                self.session.release(self.generation, id);
                if self.hasty {
                    self.up.push_back(Ack::Complete(id));
                }
            }
            Some(Sent::Publish { id, serial, dup }) => {
                let qos = if self.broker.qos_2 { Qos::ExactlyOnce } else { Qos::AtLeastOnce };
                let payload = Bytes::from(self.broker.contents[serial].to_string());
                let received = DateTime::from_timestamp_micros(serial as i64).unwrap();
                let publish =
                    Publish { topic: "t".into(), payload, qos, id, retain: false, dup, properties: None };
                self.session.publish(self.generation, publish, received);
            }
        }
    }

    fn read(&mut self, window: usize) {
        if let Some(given) = self.session.take(window, 1 << 20) {
            let of = |message: &Arc<Message>| message.received.timestamp_micros() as usize;
            self.under_way.push_back((given.messages.iter().map(of).collect(), given.at));
        }
    }

    fn commit(&mut self) {
        if let Some((serials, at)) = self.under_way.pop_front() {
            serials.into_iter().for_each(|serial| self.lake[serial] += 1);
            self.untold = Some(at.batch);
            self.ledger = Some(at);
        }
    }

    fn tell(&mut self) {
        if let Some(batch) = self.untold.take() {
            self.session.commit(batch);
        }
        self.up.extend(self.session.outbox(self.generation));
    }

    fn hear(&mut self) {
        if let Some(ack) = self.up.pop_front() {
            self.broker.take(ack, &mut self.down);
        }
    }

    fn step(&mut self, random: &mut Random) {
        match random.below(32) {
            0..=3 => {
                let content = random.below(CONTENTS as u64) as usize;
                self.broker.queue.push_back(self.lake.len());
                self.broker.contents.push(content);
                self.lake.push(0);
            }
            4..=8 => self.broker.send(&mut self.down),
            9..=14 => self.deliver(),
            15..=18 => self.read(1 + random.below(4) as usize),
            19..=22 => self.commit(),
            23..=25 => self.tell(),
            26..=28 => self.hear(),
            29 => {
                if self.forgets {
                    let numbers: Vec<u64> = self.broker.flight.keys().copied().collect();
                    for number in numbers {
                        if random.below(3) == 0 {
                            self.broker.forget(number);
                        }
                    }
                }
                self.connect();
            }
            30 => self.go_back(true),
            _ => self.go_back(false),
        }
    }

    /// Everybody does his work until nothing is left.
    fn settle(&mut self) -> bool {
        for _ in 0..10_000 {
            self.broker.send(&mut self.down);
            self.deliver();
            self.read(4);
            self.commit();
            self.tell();
            self.hear();
            if self.broker.queue.is_empty() && self.broker.flight.is_empty() && self.under_way.is_empty() {
                return true;
            }
        }
        false
    }
}

fn history(seed: u64, qos_2: bool, hasty: bool, forgets: bool) -> World {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let mut world = World::new(qos_2, hasty);
    world.forgets = forgets;
    for _ in 0..400 {
        world.step(&mut random);
    }
    world.go_back(true);
    assert!(world.settle(), "seed {seed}: it comes to no end");
    world
}

#[test]
fn whatever_happens_a_message_of_qos_2_is_recorded_once() {
    for seed in 0..1_000 {
        let world = history(seed, true, false, false);
        assert!(world.lake.iter().all(|times| *times == 1), "seed {seed}: {:?}", world.lake);
    }
}

#[test]
fn whatever_happens_a_message_of_qos_1_is_recorded() {
    for seed in 0..1_000 {
        let world = history(seed, false, false, false);
        assert!(!world.lake.contains(&0), "seed {seed}: {:?}", world.lake);
    }
}

#[test]
fn a_broker_that_forgets_messages_of_qos_1_costs_no_other_message_of_the_same_content() {
    for seed in 0..2_000 {
        let world = history(seed, false, false, true);
        let forgotten = &world.broker.forgotten;
        let mut lost = (0..world.lake.len()).filter(|n| world.lake[*n] == 0 && !forgotten.contains(n));
        assert_eq!(lost.next(), None, "seed {seed}: {:?}", world.lake);
    }
}

#[test]
fn a_packet_id_that_is_freed_before_the_second_commit_loses_messages() {
    let lost = |seed| {
        let world = history(seed, true, true, false);
        world.lake.iter().sum::<usize>() < world.lake.len()
    };
    assert!((0..1_000).any(lost), "the mistake is not found");
}

//! Frames as they come, as documents and positions.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use datalake_core::{Cut, Document, Error, ErrorKind, Format, Result};

use super::decoder;
use super::frame::HEADER;
use super::lsn::Lsn;
use super::message::{self, Kind, Message};
use super::position::{Log, Part};
use super::relation::{Context, Relation, Transaction, Types};

/// The transaction whose changes come.
#[derive(Debug)]
struct Open {
    transaction: Transaction,
    /// Its first frame, as long as no change has followed.
    begin: Option<Bytes>,
    /// How many of its changes have been read before.
    skip: u64,
}

/// Puts frames together. What is read again after a restart is passed over here.
#[derive(Debug)]
pub(super) struct Assembly {
    locator: Arc<str>,
    id: Arc<str>,
    most: usize,
    /// After everything that was put in.
    log: Log,
    types: Types,
    relations: HashMap<u32, Arc<Relation>>,
    open: Option<Open>,
    bytes: BytesMut,
    start: u64,
    context: Context,
    done: Vec<Document>,
}

impl Assembly {
    /// Goes on after a place, with documents of at most so many bytes.
    pub(super) fn new(locator: Arc<str>, id: impl Into<Arc<str>>, most: usize, log: Log) -> Self {
        Self {
            locator,
            id: id.into(),
            most,
            log,
            types: Types::default(),
            relations: HashMap::new(),
            open: None,
            bytes: BytesMut::new(),
            start: log.offset,
            context: Context::default(),
            done: Vec::new(),
        }
    }

    /// Takes a frame that carries a message.
    pub(super) fn push(&mut self, frame: Bytes) -> Result<()> {
        let message = frame.get(HEADER..).unwrap_or_default();
        match Kind::of(message) {
            Kind::Other => {}
            Kind::Begin => {
                let Ok(Message::Begin(begin)) = Message::parse(message) else {
                    return Err(broken("the start of a transaction cannot be read"));
                };
                let transaction = Transaction::from(begin);
                self.open = Some(match self.log.part {
                    Some(part) if part.commit == transaction.commit => {
                        Open { transaction, begin: None, skip: part.changes }
                    }
                    Some(part) => {
                        let why = "the transaction in which reading stopped does not come again";
                        return Err(Error::new(ErrorKind::PositionInvalid, why).with("commit", part.commit));
                    }
                    None => Open { transaction, begin: Some(frame), skip: 0 },
                });
            }
            Kind::Relation => {
                let Ok(Message::Relation(relation)) = Message::parse(message) else {
                    return Err(broken("the description of a table cannot be read"));
                };
                let (id, relation) = (relation.id, self.types.relation(&relation));
                if self.context.relations.get(&id).is_some_and(|known| **known != relation) {
                    self.cut();
                }
                self.relations.insert(id, Arc::new(relation));
            }
            Kind::Change => {
                let Some(open) = &mut self.open else {
                    return Err(broken("a change comes outside of a transaction"));
                };
                if open.transaction.changes < open.skip {
                    open.transaction.changes += 1;
                    return Ok(());
                }
                let before = open.transaction;
                let begin = open.begin.take();
                open.transaction.changes += 1;
                let part = Part { commit: before.commit, changes: before.changes + 1 };
                if let Some(begin) = begin {
                    self.append(&begin, None);
                }
                for id in message::relations(message) {
                    if let (Some(relation), None) = (self.relations.get(&id), self.context.relations.get(&id))
                    {
                        self.context.relations.insert(id, Arc::clone(relation));
                    }
                }
                self.append(&frame, Some(before));
                self.log.part = Some(part);
                if self.bytes.len() >= self.most {
                    self.cut();
                }
            }
            Kind::Commit => {
                let (Some(open), Ok(Message::Commit(commit))) = (self.open.take(), Message::parse(message))
                else {
                    return Err(broken("the end of a transaction cannot be read"));
                };
                if open.begin.is_none() {
                    self.append(&frame, Some(open.transaction));
                }
                self.log.part = None;
                self.log.lsn = self.log.lsn.max(commit.end);
                if self.bytes.len() >= self.most {
                    self.cut();
                }
            }
        }
        Ok(())
    }

    /// Takes what has become known of types.
    pub(super) fn learn(&mut self, types: Types) {
        self.types.0.extend(types.0);
    }

    /// Moves on to where the server says that it has sent everything. Whether that changed anything.
    pub(super) fn sent(&mut self, lsn: Lsn) -> bool {
        let moves = self.open.is_none() && self.log.part.is_none() && self.log.lsn < lsn;
        if moves {
            self.log.lsn = lsn;
        }
        moves
    }

    /// Whether a transaction has begun and not ended.
    pub(super) fn is_within(&self) -> bool {
        self.open.is_some()
    }

    /// How many bytes lie ready.
    pub(super) fn ready(&self) -> usize {
        self.done.iter().map(Document::len).sum::<usize>() + self.bytes.len()
    }

    /// After everything that was put in.
    pub(super) fn log(&self) -> Log {
        self.log
    }

    /// When the transaction that came last was committed, microseconds since 2000.
    pub(super) fn time(&self) -> Option<i64> {
        self.open.as_ref().map(|open| open.transaction.time)
    }

    /// Gives what lies ready.
    pub(super) fn take(&mut self) -> Vec<Document> {
        self.cut();
        std::mem::take(&mut self.done)
    }

    fn append(&mut self, frame: &[u8], within: Option<Transaction>) {
        if self.bytes.is_empty() {
            self.start = self.log.offset;
            self.context.transaction = within;
        }
        self.bytes.extend_from_slice(frame);
        self.log.offset += frame.len() as u64;
    }

    fn cut(&mut self) {
        let context = std::mem::take(&mut self.context);
        if self.bytes.is_empty() {
            return;
        }
        let bytes = self.bytes.split().freeze();
        let settings = serde_json::to_value(&context).unwrap_or_default();
        let format = Format::Decoded { decoder: decoder::NAME.into(), settings, cut: Cut::Whole };
        let document = Document::new(bytes, Arc::clone(&self.locator), format)
            .at(self.start)
            .with_id(Arc::clone(&self.id));
        self.done.push(document);
    }
}

fn broken(why: &'static str) -> Error {
    Error::unexpected(why)
}

//! Documents of changes as records.

use std::ops::Range;

use datalake_core::split::{Decoder, Piece};
use datalake_core::{Content, Document, RecordError};
use serde::Deserialize;
use serde_json::Value as Json;

use super::frame::frames;
use super::json::{Columns, Object};
use super::lsn::Lsn;
use super::message::{Message, Old, Tuple, Value};
use super::relation::{Context, Relation, Transaction};

pub(super) const NAME: &str = "postgres.pgoutput";
/// Where the list of tables begins in a message that truncates.
const TRUNCATED: usize = 6;

/// Makes a record of every change in frames of `pgoutput`. See the [module](super).
#[derive(Debug, Clone, Copy, Default)]
pub struct PgOutputDecoder;

impl Decoder for PgOutputDecoder {
    fn name(&self) -> &str {
        NAME
    }

    fn decode(&self, document: &Document, settings: &Json, piece: &mut dyn FnMut(Piece)) {
        let context = match Context::deserialize(settings) {
            Ok(context) => context,
            Err(cause) => {
                let why = format!("the settings of the document cannot be read: {cause}");
                return piece(Piece::error(0..document.len(), RecordError::new("pgoutput", why)));
            }
        };
        let mut changes = Changes { context, piece };
        for (range, lsn) in frames(document.bytes()) {
            let message = document.bytes().get(range.clone()).unwrap_or_default();
            let done = match lsn {
                Some(lsn) => changes.message(range.start, lsn, message),
                None => Err(bad("no frame of a stream of changes")),
            };
            if let Err(why) = done {
                (changes.piece)(Piece::error(range, why));
            }
        }
    }
}

/// What is known while a document is read.
struct Changes<'a> {
    context: Context,
    piece: &'a mut dyn FnMut(Piece),
}

impl Changes<'_> {
    fn message(&mut self, start: usize, lsn: Lsn, bytes: &[u8]) -> Result<(), RecordError> {
        let message = Message::parse(bytes);
        let counts = match &message {
            Ok(Message::Begin(begin)) => {
                self.context.transaction = Some((*begin).into());
                false
            }
            Ok(Message::Commit(_)) => {
                self.context.transaction = None;
                false
            }
            Ok(Message::Relation(_) | Message::Other) => false,
            _ => true,
        };
        if !counts {
            return Ok(());
        }
        let transaction =
            self.context.transaction.as_mut().ok_or_else(|| bad("a change outside of a transaction"))?;
        let this = *transaction;
        transaction.changes += 1;
        self.change(start..start + bytes.len(), lsn, &this, message.map_err(bad)?)
    }

    fn change(
        &mut self,
        range: Range<usize>,
        lsn: Lsn,
        transaction: &Transaction,
        message: Message<'_>,
    ) -> Result<(), RecordError> {
        let end = |mut object: Object| {
            object.transaction(transaction);
            object.lsn(lsn);
            object.done()
        };
        let body = match message {
            Message::Insert { relation, new } => {
                let relation = self.relation(relation)?;
                let mut object = Object::new("insert", relation);
                after(&mut object, relation, &new)?;
                end(object)
            }
            Message::Update { relation, old, mut new } => {
                let relation = self.relation(relation)?;
                old.iter().for_each(|old| fill(&mut new, relation, old));
                let mut object = Object::new("update", relation);
                if let Some(old) = &old {
                    before(&mut object, "before", relation, old)?;
                }
                after(&mut object, relation, &new)?;
                end(object)
            }
            Message::Delete { relation, old } => {
                let relation = self.relation(relation)?;
                let mut object = Object::new("delete", relation);
                let name = if matches!(old, Old::Key(_)) { "key" } else { "before" };
                before(&mut object, name, relation, &old)?;
                end(object)
            }
            Message::Truncate { relations, options } => {
                return self.truncate(range.start, relations, options, end);
            }
            _ => return Ok(()),
        };
        (self.piece)(Piece::new(range, body, Content::Json));
        Ok(())
    }

    /// A record for each table, made of its number in the message.
    fn truncate(
        &mut self,
        start: usize,
        relations: Vec<u32>,
        options: u8,
        end: impl Fn(Object) -> Vec<u8>,
    ) -> Result<(), RecordError> {
        let mut unknown = Ok(());
        for (n, id) in relations.into_iter().enumerate() {
            let at = start + TRUNCATED + 4 * n;
            match self.relation(id) {
                Ok(relation) => {
                    let mut object = Object::new("truncate", relation);
                    if options & 1 == 1 {
                        object.json("cascade", &Json::Bool(true));
                    }
                    if options & 2 == 2 {
                        object.json("restart_identity", &Json::Bool(true));
                    }
                    let body = end(object);
                    (self.piece)(Piece::new(at..at + 4, body, Content::Json));
                }
                Err(why) => unknown = Err(why),
            }
        }
        unknown
    }

    fn relation(&self, id: u32) -> Result<&Relation, RecordError> {
        self.context
            .relations
            .get(&id)
            .map(|relation| &**relation)
            .ok_or_else(|| bad("a change of a table that is not described"))
    }
}

/// Takes what was not sent because it did not change from what was sent of before.
fn fill<'a>(new: &mut Tuple<'a>, relation: &Relation, old: &Old<'a>) {
    let (Old::Key(row) | Old::Row(row)) = old;
    let whole = matches!(old, Old::Row(_));
    for ((new, old), column) in new.iter_mut().zip(row).zip(&relation.columns) {
        if *new == Value::Unchanged && (whole || column.key) {
            *new = *old;
        }
    }
}

fn fits(relation: &Relation, row: &Tuple<'_>) -> Result<(), RecordError> {
    match row.len() == relation.columns.len() {
        true => Ok(()),
        false => Err(bad("a row has another number of columns than its table")),
    }
}

fn after(object: &mut Object, relation: &Relation, row: &Tuple<'_>) -> Result<(), RecordError> {
    fits(relation, row)?;
    if relation.has_key() {
        object.row("key", relation, row, Columns::Key)?;
    }
    object.row("after", relation, row, Columns::All)?;
    object.unchanged(relation, row);
    Ok(())
}

fn before(object: &mut Object, name: &str, relation: &Relation, old: &Old<'_>) -> Result<(), RecordError> {
    let (row, columns) = match old {
        Old::Key(row) => (row, Columns::Key),
        Old::Row(row) => (row, Columns::All),
    };
    fits(relation, row)?;
    object.row(name, relation, row, columns)
}

fn bad(why: &'static str) -> RecordError {
    RecordError::new("pgoutput", why)
}

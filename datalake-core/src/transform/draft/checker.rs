use bytes::Bytes;

use super::Draft;
use crate::{Content, Record, RecordError};

/// Checks records that a batch-level transform made, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Checker(Option<Draft>);

impl Checker {
    /// Gives back a record that is what its content says, without the reserved key.
    pub(crate) fn check(&mut self, record: Record) -> Result<Record, RecordError> {
        if record.content() != Content::Json {
            return Ok(record);
        }
        let draft = self.0.get_or_insert_with(|| Draft::new(Bytes::new(), Content::Json));
        let (body, origin, content) = record.into_parts();
        draft.load(body, content, false);
        draft.check()?;
        Ok(Record::new(draft.take_body(), origin, content))
    }
}

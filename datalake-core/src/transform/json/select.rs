use serde_json::{Value, json};

use super::{describe, pointers, texts};
use crate::transform::draft::Keep;
use crate::transform::{Draft, PerRecord, Pointer, RecordTransform, Verdict};
use crate::{RecordError, Result};

/// See [`select`].
#[derive(Debug)]
pub struct Select {
    name: String,
    pointers: Vec<Pointer>,
    keep: Keep,
}

/// Keeps only some parts of each record, in the order of the record. An object or array of which nothing is kept goes
/// too; of an array, the elements named by their index are kept. Parts that are missing stay missing.
///
/// A record that is no object is refused with the reason `not-an-object`, so nothing passes by having another shape.
///
/// # Errors
/// A pointer is wrong, or there is none.
pub fn select<'a>(name: &str, pointers: impl IntoIterator<Item = &'a str>) -> Result<PerRecord<Select>> {
    let pointers = self::pointers(pointers)?;
    let keep = Keep::new(&pointers);
    Ok(PerRecord(Select { name: name.to_owned(), pointers, keep }))
}

impl RecordTransform for Select {
    describe!();

    fn config(&self) -> Value {
        json!({ "step": "select", "pointers": texts(&self.pointers) })
    }

    fn apply(&self, draft: &mut Draft) -> Result<Verdict, RecordError> {
        draft.select(&self.keep)?;
        Ok(Verdict::Keep)
    }
}

use serde_json::{Value, json};

use super::{describe, part, texts};
use crate::transform::{Draft, PerRecord, Pointer, RecordTransform, Verdict};
use crate::{RecordError, Result};

/// See [`drop_fields`].
#[derive(Debug)]
pub struct DropFields {
    name: String,
    pointers: Vec<Pointer>,
}

/// Takes parts out of each record, one pointer after the other. Parts that are missing are no fault.
///
/// # Errors
/// A pointer is wrong or names the whole record.
pub fn drop_fields<'a>(
    name: &str,
    pointers: impl IntoIterator<Item = &'a str>,
) -> Result<PerRecord<DropFields>> {
    let pointers = pointers.into_iter().map(part).collect::<Result<_>>()?;
    Ok(PerRecord(DropFields { name: name.to_owned(), pointers }))
}

impl RecordTransform for DropFields {
    describe!();

    fn config(&self) -> Value {
        json!({ "step": "drop", "pointers": texts(&self.pointers) })
    }

    fn apply(&self, draft: &mut Draft) -> Result<Verdict, RecordError> {
        for pointer in &self.pointers {
            draft.remove(pointer)?;
        }
        Ok(Verdict::Keep)
    }
}

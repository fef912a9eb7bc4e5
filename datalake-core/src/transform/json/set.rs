use serde_json::{Value, json};

use super::{describe, part};
use crate::transform::{Draft, PerRecord, Pointer, RecordTransform, Verdict};
use crate::{RecordError, Result};

/// See [`set`].
#[derive(Debug)]
pub struct Set {
    name: String,
    pointer: Pointer,
    value: Value,
    json: String,
}

/// Puts one value into each record, in the place of what is there; a field that is missing is added, with the objects
/// on its way.
///
/// A record where the place cannot exist is refused with the reason `set`: it is no object, or something on the way
/// is neither an object nor an array that has the element.
///
/// # Errors
/// The pointer is wrong or names the whole record.
pub fn set(name: &str, pointer: &str, value: impl Into<Value>) -> Result<PerRecord<Set>> {
    let value = value.into();
    let json = value.to_string();
    Ok(PerRecord(Set { name: name.to_owned(), pointer: part(pointer)?, value, json }))
}

impl RecordTransform for Set {
    describe!();

    fn config(&self) -> Value {
        json!({ "step": "set", "pointer": self.pointer.as_str(), "value": self.value })
    }

    fn apply(&self, draft: &mut Draft) -> Result<Verdict, RecordError> {
        draft.set(&self.pointer, &self.json)?;
        Ok(Verdict::Keep)
    }
}

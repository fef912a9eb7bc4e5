use serde_json::{Value, json};

use super::describe;
use crate::transform::{Draft, PerRecord, RecordTransform, Verdict};
use crate::{Error, RecordError, Result};

/// See [`flatten`].
#[derive(Debug)]
pub struct Flatten {
    name: String,
    separator: String,
}

/// Puts the members of nested objects into the top level, in their place, under their keys joined by a separator:
/// `{"a":{"b":0.30}}` becomes `{"a.b":0.30}`. Values keep their bytes; arrays and empty objects stay as they are.
///
/// A record in which two fields would get one name is refused with the reason `flatten`, one that is no object with
/// `not-an-object`.
///
/// # Errors
/// The separator is empty.
pub fn flatten(name: &str, separator: &str) -> Result<PerRecord<Flatten>> {
    if separator.is_empty() {
        return Err(Error::config("the separator is empty"));
    }
    Ok(PerRecord(Flatten { name: name.to_owned(), separator: separator.to_owned() }))
}

impl RecordTransform for Flatten {
    describe!();

    fn config(&self) -> Value {
        json!({ "step": "flatten", "separator": self.separator })
    }

    fn apply(&self, draft: &mut Draft) -> Result<Verdict, RecordError> {
        draft.flatten(&self.separator)?;
        Ok(Verdict::Keep)
    }
}

use serde_json::{Value, json};

use super::{describe, part};
use crate::transform::{Draft, PerRecord, Pointer, RecordTransform, Verdict};
use crate::{Error, RecordError, Result};

/// See [`rename`].
#[derive(Debug)]
pub struct Rename {
    name: String,
    from: Pointer,
    to: String,
}

/// Gives the field at a pointer another name, in its place. The new name is a name and no pointer. A field that is
/// missing is no fault.
///
/// A record whose object has a field of the new name already is refused with the reason `rename`.
///
/// # Errors
/// The pointer is wrong or names the whole record, the new name begins with `/`, or it is the reserved `_lake`.
pub fn rename(name: &str, from: &str, to: &str) -> Result<PerRecord<Rename>> {
    if to.starts_with('/') || to == "_lake" {
        return Err(Error::config("the new name is a name, no pointer and not `_lake`").with("name", to));
    }
    Ok(PerRecord(Rename { name: name.to_owned(), from: part(from)?, to: to.to_owned() }))
}

impl RecordTransform for Rename {
    describe!();

    fn config(&self) -> Value {
        json!({ "step": "rename", "from": self.from.as_str(), "to": self.to })
    }

    fn apply(&self, draft: &mut Draft) -> Result<Verdict, RecordError> {
        draft.rename(&self.from, &self.to)?;
        Ok(Verdict::Keep)
    }
}

//! Steps that every lake of JSON needs.
//!
//! Each is a function that gives a [`PerRecord`](super::PerRecord) step, to be put into a pipeline as it is or after
//! some settings; each fails with [`ConfigInvalid`](crate::ErrorKind::ConfigInvalid) if a pointer or setting is
//! wrong. What a step does not name keeps its exact bytes. A field that is missing is left missing unless the step
//! says otherwise. Steps look only into records whose content is JSON; others are refused with the reason `not-json`.
//!
//! ```
//! use datalake_core::transform::json::{Type, cast, drop_fields, mask, rename};
//!
//! let steps = (
//!     drop_fields("no-notes", ["/internal_note"])?,
//!     rename("reference", "/cust_ref", "customer_reference")?,
//!     mask("mask-email", "/customer/email")?,
//!     cast("total", "/total", Type::Number)?.empty_as_null(),
//! );
//! # Ok::<(), datalake_core::Error>(())
//! ```

use super::Pointer;
use crate::{Error, Result};

mod cast;
mod comma;
mod drop_fields;
mod flatten;
mod hash;
mod mask;
mod rename;
#[cfg(feature = "json-schema")]
mod schema;
mod select;
mod set;
#[cfg(test)]
mod tests;
mod timestamp;
mod typed;

pub use cast::{Cast, Type, cast};
pub use drop_fields::{DropFields, drop_fields};
pub use flatten::{Flatten, flatten};
pub use hash::{Hash, hash};
pub use mask::{Mask, mask};
pub use rename::{Rename, rename};
#[cfg(feature = "json-schema")]
pub use schema::{Schema, validate_schema};
pub use select::{Select, select};
pub use set::{Set, set};
pub use typed::validate_as;

fn pointers<'a>(list: impl IntoIterator<Item = &'a str>) -> Result<Vec<Pointer>> {
    let list = list.into_iter().map(Pointer::parse).collect::<Result<Vec<_>>>()?;
    if list.is_empty() { Err(Error::config("at least one pointer is needed")) } else { Ok(list) }
}

/// A pointer to a part, not to the whole record.
fn part(pointer: &str) -> Result<Pointer> {
    if pointer.is_empty() {
        return Err(Error::config("the step works on a part of the record, not on the whole"));
    }
    Pointer::parse(pointer)
}

fn texts(pointers: &[Pointer]) -> Vec<&str> {
    pointers.iter().map(Pointer::as_str).collect()
}

/// Forwards what every step has.
macro_rules! describe {
    () => {
        fn name(&self) -> &str {
            &self.name
        }

        fn version(&self) -> &str {
            "1"
        }
    };
}
use describe;

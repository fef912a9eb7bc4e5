//! How far a source has read.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, ErrorKind, Result};

/// How far a source has read: resume token and acknowledgement token in one.
///
/// A position is plain data, so it can be compared, stored in the ledger and printed. Only the source that made
/// it knows what it means: `schema` names that source and the version of its encoding, `state` is its own JSON.
/// It means *everything up to and including this*; reading goes on after it. It never contains a secret.
///
/// ```
/// use datalake_core::Position;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Page { next: u64 }
///
/// let position = Position::new("shop.orders/1", &Page { next: 4 })?;
/// let page: Page = position.decode("shop.orders/1")?;
/// assert_eq!(page.next, 4);
/// assert!(position.decode::<Page>("crm.contacts/1").is_err());
/// # Ok::<(), datalake_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    schema: String,
    state: Value,
}

impl Position {
    /// Encodes a source's own state under the name and version of its encoding.
    ///
    /// # Errors
    /// [`ErrorKind::Unexpected`] if the state cannot be written as JSON.
    pub fn new(schema: impl Into<String>, state: &impl Serialize) -> Result<Self> {
        let schema = schema.into();
        let state = serde_json::to_value(state).map_err(|cause| {
            Error::unexpected("a position cannot be written as JSON").with("schema", &schema).caused_by(cause)
        })?;
        Ok(Self { schema, state })
    }

    /// The name and version of the encoding.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// The state as JSON, for display.
    #[must_use]
    pub fn state(&self) -> &Value {
        &self.state
    }

    /// Decodes the state, if it was written under this schema.
    ///
    /// # Errors
    /// [`ErrorKind::PositionInvalid`] if another source, or another version, wrote it.
    pub fn decode<T: DeserializeOwned>(&self, schema: &str) -> Result<T> {
        if self.schema != schema {
            let message = "the position was written by another source, or by another version of this one";
            return Err(Error::new(ErrorKind::PositionInvalid, message)
                .with("found", &self.schema)
                .with("expected", schema));
        }
        T::deserialize(&self.state).map_err(|cause| {
            Error::new(ErrorKind::PositionInvalid, "the position cannot be read")
                .with("schema", schema)
                .caused_by(cause)
        })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.schema, self.state)
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Position({self})")
    }
}

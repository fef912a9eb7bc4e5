//! Slots that another worker of the same pipeline takes first.

use crate::id::PipelineId;
use crate::{Error, ErrorKind, Result};

/// How often in a row another worker may take the slot.
const LOST_AT_MOST: u32 = 100;

/// Counts the slots lost in a row.
#[derive(Debug, Default)]
pub(crate) struct LostInARow(u32);

impl LostInARow {
    /// Counts one more.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) if the other worker takes them all.
    pub(crate) fn add(&mut self, pipeline: &PipelineId) -> Result<()> {
        self.0 += 1;
        if self.0 < LOST_AT_MOST {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Conflict, "another worker takes every slot; stop it first")
            .with("pipeline", pipeline))
    }
}

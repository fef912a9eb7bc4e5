//! The cases every sink must pass.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::BoxFuture;

use super::case::CaseResult;
use crate::id::RecordId;
use crate::sink::{Output, Sink};
use crate::{ErrorKind, Result};

mod again;
mod failing;
mod odd;
mod reading;
mod writing;

pub use again::{another_attempt_leaves_every_record, dropped_write_is_harmless, writes_run_side_by_side};
pub use failing::{failures_are_classified, secrets_are_hidden};
pub use odd::{
    children_keep_their_ids, odd_records_are_written_or_refused, refused_records_cost_no_other,
    very_large_record_costs_no_other,
};
pub use writing::{
    close_is_quiet, empty_batch_writes_nothing, info_is_constant, large_batch_is_written, ok_means_durable,
    outputs_name_what_was_written,
};

#[doc(hidden)]
#[macro_export]
macro_rules! __sink_cases {
    ($callback:ident, $($args:tt)*) => {
        $crate::$callback! { ($($args)*) [
            ok_means_durable
            outputs_name_what_was_written
            empty_batch_writes_nothing
            large_batch_is_written
            info_is_constant
            close_is_quiet
            refused_records_cost_no_other
            odd_records_are_written_or_refused
            very_large_record_costs_no_other
            children_keep_their_ids
            writes_run_side_by_side
            another_attempt_leaves_every_record
            dropped_write_is_harmless
            failures_are_classified
            secrets_are_hidden
        ] }
    };
}

/// A case, by its function.
pub type Case = for<'a> fn(&'a dyn SinkHarness) -> BoxFuture<'a, CaseResult>;

/// Every case with its name, in the order of [`sink_suite!`](crate::sink_suite).
pub const CASES: &[(&str, Case)] = crate::__sink_cases!(__table, Case);

/// A place to write to, the sinks that write to it, and a way to read it that is not the sink's own.
///
/// Every case gets a harness of its own, with nothing written yet.
#[async_trait]
pub trait SinkHarness: Send + Sync {
    /// Opens a sink, as a new process would.
    ///
    /// # Errors
    /// The sink could not be built.
    async fn open(&self) -> Result<Arc<dyn Sink>>;

    /// Reads back the records in some outputs, from where they were written: the ids and the bodies as they were
    /// before the sink added anything. JSON may be written in another way, as long as it is the same value.
    ///
    /// # Errors
    /// An output cannot be read.
    async fn read(&self, outputs: &[Output]) -> Result<Vec<(RecordId, Bytes)>>;

    /// Whether outputs lie in a stream, where what was written twice is there twice and
    /// [`read`](Self::read) may give more than the outputs name.
    fn is_stream(&self) -> bool {
        false
    }

    /// The bytes of an output as stored, if it is an object.
    ///
    /// # Errors
    /// The output cannot be read.
    async fn stored(&self, output: &Output) -> Result<Option<Bytes>> {
        let _ = output;
        Ok(None)
    }

    /// The body of a record that the sink takes, another for each number.
    fn body(&self, n: usize) -> Bytes {
        format!(r#"{{"n":{n},"text":"record {n}"}}"#).into()
    }

    /// The body of a record that the sink must refuse, if there is any.
    fn refused(&self) -> Option<Bytes> {
        None
    }

    /// Makes the peer fail until [`mend`](Self::mend), and says with what kind of error the sink must answer. `None` if
    /// it cannot be made to fail. Called again for the next way to fail, until `None`.
    async fn fail(&self) -> Option<ErrorKind> {
        None
    }

    /// Makes the peer work again.
    async fn mend(&self) {}

    /// The secrets the sink was given.
    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }

    /// More texts in which no secret may be seen, for instance the `Debug` of the sink and of its builder.
    fn shown(&self) -> Vec<String> {
        Vec::new()
    }
}

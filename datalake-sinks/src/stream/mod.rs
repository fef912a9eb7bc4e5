//! What sinks that write to a stream have in common: how a record becomes an event, what happens to one that is too
//! large, and how a call that failed in part is carried on.

mod claim;
mod encode;
mod event;
mod send;
#[cfg(test)]
mod tests;
#[cfg(feature = "kinesis")]
mod turns;

pub use claim::Oversized;
pub use event::{EventFormat, content_type};

pub(crate) use claim::deposit;
pub(crate) use encode::{Encoded, Event, encode};
pub(crate) use event::Shape;
pub(crate) use send::{Calls, Entry, Placed, Put, send};
#[cfg(feature = "kinesis")]
pub(crate) use turns::Turns;

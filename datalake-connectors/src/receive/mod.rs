//! What the sources that are sent requests share: a listener that answers when the engine has committed.
//!
//! Bodies, heads, connections and what is under way are bounded. A kind of receiver is an [`Intake`]: it says who may
//! send, and what document a body is.

#[cfg(any(feature = "sap-idoc", feature = "web-collect"))]
mod access;
mod inbox;
mod macros;
mod queue;
mod refusal;
mod request;
pub(crate) mod rotation;
mod server;
mod settings;

use std::pin::Pin;

use datalake_core::Result;

#[cfg(any(feature = "sap-idoc", feature = "web-collect"))]
pub(crate) use access::{Access, basic};
pub(crate) use inbox::Inbox;
pub(crate) use macros::{setters, source};
pub(crate) use refusal::{Refusal, refusal};
pub(crate) use request::{Event, Intake};
pub(crate) use settings::Settings;

/// A source that begins to listen. A box, and not an `async fn`, so that the listener is compiled with this crate and not
/// into every program again.
pub(crate) type Opening<S> = Pin<Box<dyn Future<Output = Result<S>> + Send>>;

#[cfg(all(test, feature = "web-hook"))]
pub(crate) use inbox::PAUSE;
#[cfg(test)]
pub(crate) use request::Receiver;

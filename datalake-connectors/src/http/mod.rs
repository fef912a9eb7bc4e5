//! What the sources that ask over HTTP share: a client of one origin, and what goes with it.

mod auth;
pub(crate) mod client;
pub(crate) mod link;
mod meaning;
pub(crate) mod origin;
pub(crate) mod pace;
pub(crate) mod percent;
mod reach;

pub use auth::{Auth, OAuth2};
pub use meaning::Refusals;
pub(crate) use reach::{Reach, setters};

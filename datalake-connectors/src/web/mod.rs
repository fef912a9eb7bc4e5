//! The web: HTTP interfaces polled for documents.

#[cfg(feature = "web-poll")]
mod auth;
#[cfg(feature = "web-poll")]
mod client;
#[cfg(feature = "web-poll")]
mod link;
#[cfg(feature = "web-poll")]
mod origin;
#[cfg(feature = "web-poll")]
mod pace;
#[cfg(feature = "web-poll")]
mod percent;
#[cfg(feature = "web-poll")]
mod poll;

#[cfg(feature = "web-poll")]
pub use auth::{Auth, OAuth2};
#[cfg(feature = "web-poll")]
pub use poll::{Incremental, Pagination, PollBuilder, PollSource, TimeFormat};

//! Web sites, apps and services that speak HTTP.

#[cfg(feature = "web-hook")]
pub mod hook;
#[cfg(feature = "web-poll")]
pub mod poll;

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
pub use auth::{Auth, OAuth2};

//! Web sites, apps and services that speak HTTP.

#[cfg(feature = "web-collect")]
pub mod collect;
#[cfg(feature = "web-hook")]
pub mod hook;
#[cfg(feature = "web-poll")]
pub mod poll;
#[cfg(feature = "web-presets")]
pub mod presets;

#[cfg(feature = "web-poll")]
pub use crate::http::{Auth, OAuth2, Refusals};

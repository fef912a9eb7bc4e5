//! Web sites, apps and services that speak HTTP.

#[cfg(feature = "web-hook")]
pub mod hook;

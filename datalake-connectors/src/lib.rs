//! Sources for `datalake`, each in its own feature.

#[cfg(feature = "files")]
pub mod files;
#[cfg(feature = "_http")]
mod http;
#[cfg(feature = "kinesis")]
pub mod kinesis;
#[cfg(feature = "lake")]
pub mod lake;
#[cfg(any(feature = "web-hook", feature = "web-poll"))]
pub mod web;

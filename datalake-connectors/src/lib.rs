//! Sources for `datalake`, each in its own feature.

#[cfg(feature = "files")]
pub mod files;
pub mod web;

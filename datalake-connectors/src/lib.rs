//! Sources for `datalake`, each in its own feature.

pub mod web;

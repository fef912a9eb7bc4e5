#![doc = "Sources for `datalake`, one feature each."]

#[cfg(feature = "web-poll")]
pub mod web;

//! Secrets are given to every component, whose runs succeed and fail; then every byte they have left behind is searched
//! for them: logs at TRACE, errors, `Debug`, reports, objects with their metadata, records on streams, panics.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod aws;
mod binary;
mod can_fail;
mod crm;
mod door;
mod front;
mod iot;
mod peer;
mod presets;
mod receive;
mod sap;
mod silo;
#[cfg(unix)]
mod sql;
mod stores;
mod watch;
mod web;

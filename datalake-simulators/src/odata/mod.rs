//! What the simulated services that speak OData have in common: entities and rows, faults, and the requests that came.
//!
//! Each service uses a part of it.

#![cfg_attr(not(all(feature = "dataverse", feature = "sap")), allow(dead_code, unused_imports))]

use std::sync::{Mutex, MutexGuard, PoisonError};

use server::{Answer, Request};
use sha2::{Digest, Sha256};

pub(crate) mod changes;
pub(crate) mod edmx;
mod entity;
pub(crate) mod error;
mod fault;
pub(crate) mod feed;
pub(crate) mod filter;
pub(crate) mod literal;
pub(crate) mod query;
pub(crate) mod server;
mod system;
mod value;
#[cfg(test)]
pub(crate) mod wire;
pub(crate) mod write;

pub use entity::{Entity, Kind, Property};
pub use fault::{Fault, Faults, Rule};
pub use server::Seen;
pub use system::System;
pub use value::{Key, Row, Value};

pub(crate) use system::{Table, Values};

/// The versions of OData that differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V2,
    V4,
}

/// The answer with a document of metadata, which has an ETag, or that it is still the same.
pub(crate) fn metadata(request: &Request, xml: String) -> Answer {
    let digest: String = Sha256::digest(&xml).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("W/\"{digest}\"");
    let known =
        request.header("if-none-match").is_some_and(|tags| tags.split(',').any(|known| known.trim() == tag));
    let answer =
        if known { Answer::empty(304) } else { Answer::new(200, "application/xml;charset=utf-8", xml) };
    answer.with("etag", tag)
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

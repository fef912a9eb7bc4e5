//! What the simulated services that speak REST have in common: faults by plan or by seed, and a record of every request.
//!
//! A [`Rule`] says which requests meet a [`Fault`]; [`Faults::one_in`] lets one request in so many meet one, by a seed.
//! [`Faults::meanwhile`] does something to the service before a certain request is answered: data that changes while
//! it is read, a session that ends between two pages.
//!
//! Services run in threads of their own, so that they serve tests that block as well as tests that do not.

mod answer;
mod fault;
mod plan;
mod request;
mod server;
#[cfg(test)]
pub(crate) mod tests;

pub use fault::{Fault, Refusal, Rule};
pub use plan::{Faults, Seen};

pub(crate) use answer::Answer;
pub(crate) use request::Request;
#[cfg(feature = "salesforce")]
pub(crate) use request::form;
pub(crate) use server::{Server, Service};

use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A number that looks random and is the same for the same input.
pub(crate) fn mix(seed: u64, n: u64) -> u64 {
    let mut z = seed.wrapping_add(n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

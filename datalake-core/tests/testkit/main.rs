//! The suites of the testkit on good components, and every case on a broken one.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod broken;
mod fakes;
mod faulty;
mod sinks;
mod stores;
mod vec_source;

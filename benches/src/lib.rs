//! Workloads and measuring for the benches, shared so that every bench means the same by a record and a second.

#![allow(clippy::print_stdout, reason = "a bench prints what it measured")]

mod measure;
mod workload;

pub use measure::{Sample, compare, median};
pub use workload::{MALFORMED_PER_MILLE, Records, reference_file};

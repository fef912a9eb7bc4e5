//! Workloads and measuring for the benches, shared so that every bench means the same by a record and a second.

mod drain;
mod measure;
mod workload;

pub use drain::drain;
pub use measure::{Sample, compare, directory, median, peak_mebibytes, records};
pub use workload::{Records, reference_file};

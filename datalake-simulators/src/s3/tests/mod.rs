//! The simulator by itself, spoken to without an SDK.

mod client;
mod faults;
mod objects;
mod uploads;

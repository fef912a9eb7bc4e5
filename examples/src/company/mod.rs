//! A pretend company in this process, on loopback: a shop with an interface for its orders, an app that sends events,
//! and a folder into which warehouses put their stock counts.
//!
//! What it says is always the same, but for the events, of which every run has new ones.

mod app;
mod shop;
mod warehouses;

pub use app::{App, Posted};
pub use shop::Shop;
pub use warehouses::write_reports;

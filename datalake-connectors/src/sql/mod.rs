//! Sources that read databases.

mod catalog;
#[cfg(feature = "sql-cdc")]
pub mod cdc;
mod connection;
mod error;
mod url;
mod value;

//! Sources that read databases.

mod catalog;
#[cfg(feature = "sql-cdc")]
pub mod cdc;
mod connection;
mod error;
#[cfg(feature = "sql-postgres")]
pub mod postgres;
mod url;
mod value;

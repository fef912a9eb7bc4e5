//! Sources that read databases.

mod catalog;
mod connection;
mod error;
mod url;
mod value;

//! The curated zone as Parquet.

mod column;
mod contract;
mod encode;
mod file;
mod fit;
mod format;
mod join;
mod json;
mod kind;
mod line;
mod number;
mod schema;
mod settings;
mod shape;
mod sink;
mod time;

#[cfg(test)]
mod tests;

pub use contract::Contract;
pub use format::ParquetFormat;
pub use schema::Schema;
pub use settings::ParquetSettings;
pub use sink::ParquetSink;

//! A zone of a lake as a source: `lake.zone`.
//!
//! [`LakeSource`] follows the ledger of a lake and gives what its commits name: the documents of the raw zone, or the
//! records of the curated zone as lines of JSON. With it, raw to curated is a pipeline of its own, which can begin again
//! under another name without touching the silo, and one lake can feed another.
//!
//! ```
//! use datalake_connectors::lake::LakeSource;
//! use datalake_core::lake::{Lake, Zone};
//! use datalake_core::store::MemoryStore;
//! use datalake_core::{Dataset, Pipeline, Result};
//! # use datalake_sinks::lake::LakeSink;
//!
//! # fn example(lake: &Lake, marts: &Lake) -> Result<Pipeline> {
//! let orders = LakeSource::builder(lake, Zone::Raw, Dataset::new("orders")?).build()?;
//! Pipeline::builder("curate-orders").source(orders).lake(&LakeSink::builder(marts).build()).build()
//! # }
//! # let lake = Lake::new(std::sync::Arc::new(MemoryStore::new()));
//! # example(&lake, &lake).unwrap();
//! ```
//!
//! # What it gives
//!
//! Every pipeline that has ever committed to the dataset is a lane. Each is read commit by commit; where several have
//! something new they take turns. Lanes that appear later are found.
//!
//! * **Raw**: the documents of each commit of new data, byte for byte, with their format and the id by which the silo
//!   knows them. The raw zone never changes, so neither does what is read.
//! * **Curated**: what each commit of new data, and each replay, has written, cut at ends of lines. A line ends with the
//!   [stamp](datalake_core::lake::stamp) of its record; drop it with `drop_fields` on `/_lake` where the record is written
//!   again, or keep it to have both.
//!
//! # What is superseded
//!
//! A rebuild or a compaction writes records again that were given before: they are not given again. To take a rebuilt
//! dataset anew, give the pipeline that reads it another name.
//!
//! An object that was superseded before it was read is read all the same, as its commit wrote it, for as long as it is
//! there: `clean` keeps it for a day. If it is gone, the lane is read as it stands now, from that batch on: every
//! record once, as the last commit left it. A replay whose object is gone and whose batch was read before cannot be told
//! from the rest of the batch: that is a [`PositionInvalid`](datalake_core::ErrorKind::PositionInvalid), not a guess.
//!
//! What was made from this very zone is not read again, so a pipeline may write back into the dataset it reads.
//!
//! # Lineage
//!
//! The locator of a document is the key of its object, its offset the place in the object's content, and the batch's
//! [`derived_from`](datalake_core::Envelope::derived_from) names each object with its commit, digest and length.
//! [`upstream`] leads from the trace of a record to the record of this lake it was made from.

mod builder;
mod cut;
mod plan;
mod position;
mod reading;
#[cfg(test)]
mod tests;
mod upstream;

pub use builder::LakeSourceBuilder;
pub use reading::LakeSource;
pub use upstream::upstream;

const SYSTEM: &str = "lake.zone";
const SCHEMA: &str = "lake.zone/1";

//! What proves a component: suites of cases for sources, sinks and stores, fakes, and a store with faults.
//!
//! A suite is a macro that makes one test of each case. Give it a name and a harness; every test gets a harness of
//! its own:
//!
//! ```
//! use datalake_core::testkit::{SourceHarness, VecSource};
//! use datalake_core::{Result, Source, async_trait};
//!
//! struct Orders(VecSource);
//!
//! impl Orders {
//!     fn new() -> Self {
//!         Self(VecSource::lines(["a", "b", "c"]))
//!     }
//! }
//!
//! #[async_trait]
//! impl SourceHarness for Orders {
//!     async fn open(&self) -> Result<Box<dyn Source>> {
//!         Ok(Box::new(self.0.reopen()))
//!     }
//!
//!     fn expected(&self) -> Vec<bytes::Bytes> {
//!         ["a", "b", "c"].map(Into::into).to_vec()
//!     }
//! }
//!
//! datalake_core::source_suite!(orders, Orders::new());
//! # fn main() {}
//! ```
//!
//! The cases are ordinary functions, in [`source`], [`sink`] and [`store`], that give a [`Failure`] instead of a panic.

mod build;
mod case;
mod clock;
mod faulty;
mod flaky;
mod memory_sink;
mod rng;
mod suite;
mod vec_source;

pub mod sink;
pub mod source;
pub mod store;

pub use build::{BatchBuilder, Transformed, batch, records, transformed};
pub use case::{CaseResult, Failure, Outcome};
pub use clock::{ManualClock, VirtualClock};
pub use faulty::{Event, Fault, FaultyStore, Op};
pub use flaky::{Call, FlakySource};
pub use memory_sink::{FailingSink, MemorySink};
pub use rng::{Rng, SeededEntropy};
pub use sink::SinkHarness;
pub use source::{Fed, SourceHarness};
pub use store::StoreHarness;
pub use vec_source::{VecSilo, VecSource};

#[doc(hidden)]
pub mod __private {
    pub use super::case::run;
}

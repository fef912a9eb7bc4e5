//! A small world in which everything goes wrong, and which can be made again from one number.

mod bug;
mod check;
mod lake;
mod ledger;
mod scenario;
mod schedule;
mod source;
mod store;
mod world;

pub(crate) use bug::Bug;
pub(crate) use scenario::Scenario;
pub(crate) use schedule::run;

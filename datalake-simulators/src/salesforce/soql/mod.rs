//! As much of SOQL as sources use.

mod bind;
mod filter;
mod parse;
mod token;

pub(super) use bind::{Order, Query, Selected, bind};
pub(super) use filter::compare;
pub(super) use parse::parse;

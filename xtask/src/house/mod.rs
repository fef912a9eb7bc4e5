//! Is the house in order?

mod documents;
mod licence;
mod tree;

pub(crate) use documents::documents;
pub(crate) use tree::{deny, licences, msrv};

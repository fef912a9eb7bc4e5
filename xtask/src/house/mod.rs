//! Is the house in order?

mod documents;
mod licence;
mod slim;
mod tree;

pub(crate) use documents::documents;
pub(crate) use slim::slim;
pub(crate) use tree::{deny, licences, msrv};

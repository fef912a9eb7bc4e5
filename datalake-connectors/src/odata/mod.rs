//! What the sources that speak OData share: pages, their links, errors, `$metadata`, values and literals.
//!
//! Versions 2, 4 and the names of 4.01. Nothing here asks a server but [`fetch`], and nothing builds a tree of a page:
//! rows are slices of it.

pub(crate) mod change;
pub(crate) mod fetch;
pub(crate) mod literal;
pub(crate) mod metadata;
pub(crate) mod page;
pub(crate) mod query;
mod refusal;
mod scan;

use serde::{Deserialize, Serialize};

/// A version of the protocol, as far as pages and requests differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Version {
    /// 2.0, as SAP Gateway speaks it.
    V2,
    /// 4.0 and 4.01.
    V4,
}

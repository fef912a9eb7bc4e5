//! The guide: how to use the library, in a few pages.
//!
//! The code in it uses the other crates too and is therefore compiled with the examples.

#[cfg_attr(not(doctest), doc = include_str!("getting_started.md"))]
pub mod getting_started {}

#[cfg_attr(not(doctest), doc = include_str!("writing_a_source.md"))]
pub mod writing_a_source {}

#[cfg_attr(not(doctest), doc = include_str!("lineage.md"))]
pub mod lineage {}

#[cfg_attr(not(doctest), doc = include_str!("operations.md"))]
pub mod operations {}

#[cfg_attr(not(doctest), doc = include_str!("testing.md"))]
pub mod testing {}

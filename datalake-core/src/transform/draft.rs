//! One record being changed.

/// One record being changed.
#[derive(Debug)]
pub struct Draft;

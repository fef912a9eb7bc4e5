//! What other hands make of our bytes: AWS's own client, its de-aggregation, and readers of Parquet.

use super::{Peer, pypi};

pub(crate) const PEER: Peer = Peer {
    name: "python for aws",
    version: "tools.txt",
    variable: "DATALAKE_PYTHON_AWS",
    fetch: || pypi::environment("tools", &[]),
};

//! What other hands make of our bytes and of the simulated services: AWS's own client, its de-aggregation, readers of
//! Parquet, clients of Salesforce and HubSpot.

use super::{Peer, pypi};

pub(crate) const PEER: Peer = Peer {
    name: "python for aws",
    version: "tools.txt",
    variable: "DATALAKE_PYTHON_AWS",
    fetch: || pypi::environment("tools", &[]),
};

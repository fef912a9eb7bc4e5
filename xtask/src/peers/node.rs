//! What other hands make of the simulated services: clients for Node.js.

use super::{Peer, npm};

pub(crate) const PEER: Peer =
    Peer { name: "node", version: "package-lock.json", variable: "DATALAKE_NODE", fetch: npm::environment };

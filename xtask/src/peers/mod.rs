//! What tests need from outside: fetched by package name at a fixed version, never committed.

use std::path::PathBuf;

use crate::Result;

mod apt;
mod chromium;
mod libreoffice;
pub(crate) mod mosquitto;
mod nginx;
mod node;
pub(crate) mod npm;
mod postgres;
pub(crate) mod pypi;
mod python;
mod vega;

/// A peer, and the variable through which a test learns where it is.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) variable: &'static str,
    /// Fetches it, unless it is there, and says where it is.
    pub(crate) fetch: fn() -> Result<PathBuf>,
}

/// All peers.
pub(crate) const ALL: &[Peer] = &[
    vega::PEER,
    python::PEER,
    node::PEER,
    chromium::PEER,
    libreoffice::PEER,
    mosquitto::PEER,
    nginx::PEER,
    postgres::PEER,
];

/// Fetches all peers and prints their variables, for use with `cargo test`.
pub(crate) fn print() -> Result<()> {
    for peer in ALL {
        println!("{}={}", peer.variable, (peer.fetch)()?.display());
    }
    Ok(())
}

//! PostgreSQL, as Debian has it.

use std::path::{Path, PathBuf};

use super::{Peer, apt};
use crate::Result;

pub(crate) const PEER: Peer =
    Peer { name: "postgresql", version: "15", variable: "DATALAKE_POSTGRES", fetch: programs };

/// The folder with `initdb`, `postgres` and `psql`. Installs them unless they are there.
fn programs() -> Result<PathBuf> {
    let folder = Path::new("/usr/lib/postgresql/15/bin");
    let there = || ["initdb", "postgres", "psql"].iter().all(|program| folder.join(program).is_file());
    if there() || apt::install(&["postgresql-15=15.*", "postgresql-client-15=15.*"]) && there() {
        Ok(folder.into())
    } else {
        Err("PostgreSQL 15 is not here, and neither is apt-get as root to get it".into())
    }
}

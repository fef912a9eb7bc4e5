//! A browser without a window, which opens the pages of examples.

use std::path::PathBuf;

use super::{Peer, apt};

/// Debian keeps the last version alone, so none can be pinned.
pub(crate) const PEER: Peer = Peer {
    name: "chromium",
    version: "Debian's",
    variable: "DATALAKE_CHROMIUM",
    fetch: || {
        let program = PathBuf::from("/usr/bin/chromium");
        if program.is_file() || apt::install(&["chromium"]) {
            Ok(program)
        } else {
            Err("Chromium is not here, and neither is apt-get as root to get it".into())
        }
    },
};

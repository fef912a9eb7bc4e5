//! A web server that writes access logs, as Debian has it.

use std::path::{Path, PathBuf};

use super::{Peer, apt};
use crate::Result;

pub(crate) const PEER: Peer =
    Peer { name: "nginx", version: "1.22", variable: "DATALAKE_NGINX", fetch: program };

/// The server. Installs it unless it is there.
fn program() -> Result<PathBuf> {
    let server = Path::new("/usr/sbin/nginx");
    if server.is_file() || apt::install(&["nginx-light=1.22.*"]) && server.is_file() {
        Ok(server.into())
    } else {
        Err("nginx is not here, and neither is apt-get as root to get it".into())
    }
}

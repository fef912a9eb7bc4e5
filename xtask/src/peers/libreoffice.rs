//! LibreOffice Calc, as Debian has it: another reader and writer of workbooks.

use std::path::{Path, PathBuf};

use super::{Peer, apt};
use crate::Result;

pub(crate) const PEER: Peer =
    Peer { name: "libreoffice", version: "7.4.7", variable: "DATALAKE_SOFFICE", fetch: program };

/// The program. Installs it, without a desktop, unless it is there.
fn program() -> Result<PathBuf> {
    let program = Path::new("/usr/bin/soffice");
    if program.is_file() || apt::install(&["libreoffice-calc-nogui=4:7.4.7*"]) && program.is_file() {
        Ok(program.into())
    } else {
        Err("LibreOffice is not here, and neither is apt-get as root to get it".into())
    }
}

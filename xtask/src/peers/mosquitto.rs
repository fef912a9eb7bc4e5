//! A broker for MQTT, as Debian has it.

use std::path::{Path, PathBuf};

use super::{Peer, apt};
use crate::Result;

pub(crate) const PEER: Peer =
    Peer { name: "mosquitto", version: "2.0.11", variable: "DATALAKE_MOSQUITTO", fetch: program };

/// The broker. Installs it, and its clients beside it, unless they are there.
pub(crate) fn program() -> Result<PathBuf> {
    let broker = Path::new("/usr/sbin/mosquitto");
    let clients = ["/usr/bin/mosquitto_pub", "/usr/bin/mosquitto_sub"];
    let there = || broker.is_file() && clients.iter().all(|client| Path::new(client).is_file());
    if there() || apt::install(&["mosquitto=2.0.11*", "mosquitto-clients=2.0.11*"]) && there() {
        Ok(broker.into())
    } else {
        Err("mosquitto is not here, and neither is apt-get as root to get it".into())
    }
}

//! Settings of a cluster.

use std::io::Write;
use std::path::PathBuf;

use super::Cluster;
use super::process::Server;

/// Settings of a [`Cluster`].
#[derive(Debug, Clone)]
pub struct Builder {
    programs: PathBuf,
    settings: Vec<(String, String)>,
    certificate: Option<(String, String)>,
}

impl Builder {
    pub(super) fn find(variable: &str, left_out: &str) -> Option<Self> {
        if let Some(programs) = std::env::var_os(variable).filter(|programs| !programs.is_empty()) {
            return Some(Self { programs: programs.into(), settings: Vec::new(), certificate: None });
        }
        let line = format!("left out: {left_out}, since {variable} is not set; `cargo xtask test` sets it\n");
        std::io::stderr().write_all(line.as_bytes()).ok();
        None
    }

    /// A parameter of the server, for instance `max_connections`.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// Speaks TLS too, with a certificate and its key (PEM).
    #[must_use]
    pub fn tls(mut self, certificate: &str, key: &str) -> Self {
        self.certificate = Some((certificate.into(), key.into()));
        self
    }

    /// Makes the cluster and starts it.
    ///
    /// # Panics
    /// If it does not start, with what it says.
    #[must_use]
    pub fn start(self) -> Cluster {
        let certificate = self.certificate.as_ref().map(|(certificate, key)| (&**certificate, &**key));
        let server = Server::start(&self.programs, &self.settings, certificate);
        Cluster { programs: self.programs, server: server.expect("PostgreSQL starts") }
    }
}

//! Emulators of AWS. Each runs from its Python package, at a pinned version, on a free port of loopback.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::peers::pypi;
use crate::{Result, run};

mod container;
mod health;
mod localstack;
mod ministack;
mod process;
mod running;

use container::Image;
use running::{Running, Started};

/// So long may an emulator take until it answers, on a machine that has much else to do.
const READY_WITHIN: Duration = Duration::from_secs(240);

/// All emulators.
pub(crate) const ALL: [Emulator; 2] = [localstack::EMULATOR, ministack::EMULATOR];

/// What every client of an emulator needs beside its endpoint.
pub(crate) const CLIENT: [(&str, &str); 5] = [
    ("AWS_ACCESS_KEY_ID", "test"),
    ("AWS_SECRET_ACCESS_KEY", "test"),
    ("AWS_REGION", "eu-central-1"),
    ("AWS_DEFAULT_REGION", "eu-central-1"),
    ("AWS_EC2_METADATA_DISABLED", "true"),
];

/// All that a client of an emulator at an endpoint needs.
pub(crate) fn client(endpoint: &str) -> Vec<(String, String)> {
    let endpoint = [("AWS_ENDPOINT_URL", endpoint)];
    let all = CLIENT.into_iter().chain(endpoint);
    all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Those variables of an environment that send clients of AWS elsewhere. An emulator would hand them to its functions, for
/// which they count more than what a function is configured with.
pub(crate) fn elsewhere(names: impl Iterator<Item = OsString>) -> impl Iterator<Item = OsString> {
    names.filter(|name| name.to_string_lossy().starts_with("AWS_ENDPOINT_URL"))
}

/// An emulator, and how it is started.
pub(crate) struct Emulator {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// The variable through which a test learns its endpoint.
    pub(crate) variable: &'static str,
    /// The list of its packages and our own projects beside them.
    list: &'static str,
    projects: &'static [&'static str],
    /// The module that is its program.
    module: &'static str,
    /// The path that answers once it is ready.
    health: &'static str,
    /// What it runs in where a container engine answers.
    image: Option<Image>,
    /// Its settings, given the port and the folder for everything that it writes.
    settings: fn(u16, &str) -> Vec<(&'static str, String)>,
    /// Gets what it needs beside Python.
    prepare: fn() -> Result<()>,
}

impl Emulator {
    /// `up` starts it, unless it runs, and prints the variables to export; `down` stops it.
    pub(crate) fn command(&self, args: &[String]) -> Result<()> {
        match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["up"] => self.up(),
            ["down"] => {
                let stopped = Running::stop(&self.folder("up")?)?;
                eprintln!("{} {}", self.name, if stopped { "has been stopped" } else { "was not running" });
                Ok(())
            }
            _ => Err(format!("usage: cargo xtask {} up|down", self.name).into()),
        }
    }

    fn up(&self) -> Result<()> {
        let folder = self.folder("up")?;
        let endpoint = match Running::find(&folder, self.health)? {
            Some(endpoint) => endpoint,
            None => match self.image.as_ref().filter(|_| container::engine()) {
                Some(image) => image.start(&folder, self.health)?,
                None => self.process(&folder)?.keep(),
            },
        };
        println!("export {}={endpoint}", self.variable);
        println!("export AWS_ENDPOINT_URL={endpoint}");
        for (variable, value) in CLIENT {
            println!("export {variable}={value}");
        }
        Ok(())
    }

    /// Gets everything that it needs to be started.
    pub(crate) fn install(&self) -> Result<PathBuf> {
        (self.prepare)()?;
        pypi::environment(self.list, self.projects)
    }

    /// Starts one for a run of the tests. It is stopped when the value is dropped; one that an earlier run has left behind
    /// is stopped now.
    pub(crate) fn start(&self) -> Result<Started> {
        let folder = self.folder("test")?;
        Running::stop(&folder)?;
        self.process(&folder)
    }

    fn process(&self, folder: &PathBuf) -> Result<Started> {
        let python = self.install()?;
        let port = health::free_port()?;
        let settings = (self.settings)(port, &folder.display().to_string());
        process::start(&python, self.module, &settings, folder, port, self.health)
    }

    fn folder(&self, purpose: &str) -> Result<PathBuf> {
        Ok(run::target()?.join("emulators").join(format!("{}-{purpose}", self.name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_of_all_services_or_of_one_leads_elsewhere() {
        let names = ["AWS_ENDPOINT_URL", "AWS_CA_BUNDLE", "AWS_ENDPOINT_URL_S3", "PATH"];
        let found: Vec<_> = elsewhere(names.into_iter().map(OsString::from)).collect();
        assert_eq!(found, ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"]);
    }
}

//! The real broker, in a process of its own.

use std::fs;
use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a broker may take to begin.
const BOUND: Duration = Duration::from_secs(20);

/// How to run a mosquitto.
#[derive(Debug, Clone)]
#[must_use]
pub struct Mosquitto {
    program: PathBuf,
    settings: String,
}

/// A mosquitto that runs, on a free port of loopback and with a folder of its own for what it keeps. It is stopped, and
/// its folder removed, when it is dropped.
#[derive(Debug)]
pub struct Running {
    program: PathBuf,
    folder: PathBuf,
    address: SocketAddr,
    child: Option<Child>,
}

impl Mosquitto {
    /// The program that `DATALAKE_MOSQUITTO` names. `None` if that is not set; then `left_out`, which says what is not
    /// tested, goes to standard error.
    pub fn find(left_out: &str) -> Option<Self> {
        let program = std::env::var_os("DATALAKE_MOSQUITTO").filter(|program| !program.is_empty());
        if program.is_none() {
            let line = format!(
                "left out: {left_out}, since DATALAKE_MOSQUITTO is not set; `cargo xtask test` sets it\n"
            );
            io::stderr().write_all(line.as_bytes()).ok();
        }
        program.map(Self::at)
    }

    /// The program at a path. It takes anybody without a password, writes its sessions down after every change, and
    /// queues without a bound, until [`setting`](Self::setting) says otherwise.
    pub fn at(program: impl Into<PathBuf>) -> Self {
        let settings = "user root\npersistence true\nautosave_on_changes true\nautosave_interval 1\nmax_queued_messages 0\n";
        Self { program: program.into(), settings: settings.into() }
    }

    /// Adds a line to its configuration. Lines about the listener hold for the one that it has.
    pub fn setting(mut self, line: &str) -> Self {
        self.settings.push_str(line);
        self.settings.push('\n');
        self
    }

    /// Starts it, and waits until it takes connections.
    ///
    /// # Errors
    /// It does not begin.
    pub fn start(self) -> io::Result<Running> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("mosquitto-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder)?;
        let anybody = if self.settings.contains("allow_anonymous") { "" } else { "allow_anonymous true\n" };
        let folder_of = folder.display();
        let settings = format!(
            "{anybody}persistence_location {folder_of}/\nlog_dest file {folder_of}/log\n{}",
            self.settings
        );
        let mut running = Running { program: self.program, folder, address: free()?, child: None };
        let begun = Instant::now();
        loop {
            let listener = format!("listener {} 127.0.0.1\n", running.address.port());
            fs::write(running.folder.join("conf"), listener + &settings)?;
            if running.begin()? {
                return Ok(running);
            }
            if begun.elapsed() > BOUND {
                return Err(taken());
            }
            running.address = free()?;
        }
    }
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, as `mqtt://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("mqtt://{}", self.address)
    }

    /// The folder with its configuration, its log and what it keeps.
    #[must_use]
    pub fn folder(&self) -> &std::path::Path {
        &self.folder
    }

    /// Starts it again on its port, with what it has kept.
    ///
    /// # Errors
    /// It does not begin.
    pub fn start(&mut self) -> io::Result<()> {
        let begun = Instant::now();
        while !self.begin()? {
            if begun.elapsed() > BOUND {
                return Err(taken());
            }
            sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Starts it, and waits until it says itself that it runs: who takes a connection at its port can be somebody else,
    /// who took the port meanwhile. Then this is `false`.
    fn begin(&mut self) -> io::Result<bool> {
        let log = self.folder.join("log");
        let before = fs::metadata(&log).map_or(0, |log| log.len() as usize);
        let mut command = Command::new(&self.program);
        command.arg("-c").arg(self.folder.join("conf"));
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let begun = Instant::now();
        loop {
            let ended = child.try_wait()?;
            let log = fs::read(&log).unwrap_or_default();
            let said = String::from_utf8_lossy(log.get(before..).unwrap_or_default());
            match ended {
                Some(_) if said.contains("Address already in use") => return Ok(false),
                Some(status) => {
                    return Err(io::Error::other(format!("mosquitto ended by itself: {status}\n{said}")));
                }
                None if said.contains(" running") => {
                    self.child = Some(child);
                    return Ok(true);
                }
                None if begun.elapsed() > BOUND => {
                    child.kill()?;
                    child.wait()?;
                    return Err(io::Error::other(format!("mosquitto does not begin\n{said}")));
                }
                None => sleep(Duration::from_millis(2)),
            }
        }
    }

    /// Ends it as its service does, by SIGTERM: it keeps everything.
    ///
    /// # Errors
    /// It cannot be told, or does not end.
    pub fn stop(&mut self) -> io::Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        let begun = Instant::now();
        while told.as_ref().is_ok_and(|status| status.success()) && begun.elapsed() < BOUND {
            if child.try_wait()?.is_some() {
                return Ok(());
            }
            sleep(Duration::from_millis(5));
        }
        child.kill()?;
        child.wait()?;
        Err(told.err().unwrap_or_else(|| io::Error::other("mosquitto does not end")))
    }

    /// Kills it as `kill -9` does.
    ///
    /// # Errors
    /// It is gone already.
    pub fn kill(&mut self) -> io::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }
}

/// A port of loopback that is free now.
fn free() -> io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}

fn taken() -> io::Error {
    io::Error::new(io::ErrorKind::AddrInUse, "somebody else listens where mosquitto is to")
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill().ok();
        fs::remove_dir_all(&self.folder).ok();
    }
}

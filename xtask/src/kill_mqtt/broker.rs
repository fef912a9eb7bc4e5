//! A mosquitto that is killed.

use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::{Result, process};

/// How long it may take to begin.
const BOUND: Duration = Duration::from_secs(20);

pub(super) struct Broker {
    program: PathBuf,
    settings: PathBuf,
    port: u16,
    child: Child,
}

impl Broker {
    /// Starts one on a free port, which writes its sessions down after every change.
    pub(super) fn start(program: &Path, folder: &Path) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let settings = folder.join("mosquitto.conf");
        fs::write(
            &settings,
            format!(
                "listener {port} 127.0.0.1\nallow_anonymous true\nuser root\npersistence true\nautosave_on_changes true\n\
                 autosave_interval 1\nmax_queued_messages 0\npersistence_location {0}/\nlog_dest file {0}/mosquitto.log\n",
                folder.display()
            ),
        )?;
        let child = begin(program, &settings, port)?;
        Ok(Self { program: program.into(), settings, port, child })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Publishes messages with the numbers as ids. They are written down by the broker when this returns.
    pub(super) fn publish(&self, qos: u64, ids: Range<u64>) -> Result<()> {
        let text: String = ids.map(|id| format!("{{\"id\":{id},\"qos\":{qos}}}\n")).collect();
        let (level, topic) = (qos.to_string(), format!("kill/{qos}"));
        self.client(&["-q", &level, "-t", &topic, "-l"], &text)?;
        // One packet at a time is taken, and changes are written before the next: this one comes after the last of those.
        self.client(&["-q", "1", "-t", "written", "-n"], "")
    }

    fn client(&self, args: &[&str], input: &str) -> Result<()> {
        let mut client = Command::new("mosquitto_pub");
        client.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]).args(args);
        let mut client = client.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        if let Some(mut stdin) = client.stdin.take() {
            stdin.write_all(input.as_bytes())?;
        }
        let status = client.wait()?;
        if status.success() { Ok(()) } else { Err(format!("mosquitto_pub: {status}").into()) }
    }

    pub(super) fn kill_and_start(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        self.child = begin(&self.program, &self.settings, self.port)?;
        Ok(())
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn begin(program: &Path, settings: &Path, port: u16) -> Result<Child> {
    let mut mosquitto = Command::new(program);
    mosquitto.arg("-c").arg(settings).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = mosquitto.spawn()?;
    if !process::within(BOUND, || TcpStream::connect(("127.0.0.1", port)).is_ok()) {
        child.kill()?;
        child.wait()?;
        return Err("mosquitto does not begin".into());
    }
    Ok(child)
}

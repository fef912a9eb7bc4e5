//! The server as a process, and the folder it works in.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

/// Longer than this, no server takes to start.
const BOUND: Duration = Duration::from_secs(60);

/// Starts the server, passes signals on, and stops it when standard input ends, which is also when we are killed. Then
/// nothing is left, unless the last word was to keep the folder.
const KEEPER: &str = r#"
"$0" -D "$1" <&- &
server=$!
while read -r signal; do kill "-$signal" "$server"; done
kill -INT "$server" 2>/dev/null
wait "$server"
case "$signal" in KEEP) ;; *) rm -rf "$1" ;; esac
"#;

/// To stop and leave the folder.
const KEEP: &[u8] = b"KEEP";

/// What a server says that ends before it has begun: another has the port, or is not quite gone.
const NEVER: [&str; 3] = ["could not create any TCP/IP sockets", "lock file", "shared memory block"];

/// A server, and whoever stops it.
#[derive(Debug)]
pub(super) struct Server {
    program: PathBuf,
    data: PathBuf,
    port: u16,
    user: Option<(u32, u32)>,
    keeper: Option<Child>,
    log: Arc<Mutex<String>>,
}

impl Server {
    pub(super) fn start(
        programs: &Path,
        settings: &[(String, String)],
        certificate: Option<(&str, &str)>,
    ) -> io::Result<Self> {
        let (user, data) = (unprivileged()?, folder()?);
        let mut server = Self {
            program: programs.join("postgres"),
            port: 0,
            user,
            keeper: None,
            log: Arc::default(),
            data,
        };
        if let Some((user, group)) = server.user {
            chown(&server.data, Some(user), Some(group))?;
        }
        let mut init = server.command(&programs.join("initdb"));
        init.args([
            "--no-sync",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--auth=trust",
        ]);
        let output = init.arg("-D").arg(&server.data).output()?;
        if !output.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        server.write("pg_hba.conf", &access())?;
        if let Some((certificate, key)) = certificate {
            server.write("server.crt", certificate)?;
            server.write("server.key", key)?;
        }
        // Between our look for a free port and the start of the server, somebody else may take it.
        let mut tries = 0;
        loop {
            server.port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
            let text = configuration(server.port, settings, certificate.is_some());
            server.write("postgresql.auto.conf", &text)?;
            tries += 1;
            match server.run() {
                Err(_) if tries < 5 && server.log().contains("could not bind") => {}
                done => return done.map(|()| server),
            }
        }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn crash(&mut self) {
        self.stop(b"KILL\nKEEP");
        // The new server does not start before the last child of the old one is gone.
        let back = (0..600).any(|_| {
            let run = self.run();
            run.inspect_err(|_| thread::sleep(Duration::from_millis(100))).is_ok()
        });
        assert!(back, "PostgreSQL comes back: {}", self.log());
    }

    /// Stops the server, if it runs, by what the keeper is told.
    fn stop(&mut self, words: &[u8]) {
        if let Some(mut keeper) = self.keeper.take() {
            keeper.stdin.take().map(|mut pipe| pipe.write_all(words)).transpose().ok();
            keeper.wait().ok();
        }
    }

    /// Starts the server and waits until it takes connections.
    fn run(&mut self) -> io::Result<()> {
        let mut keeper = self.command(Path::new("sh"));
        keeper.args(["-c", KEEPER]).arg(&self.program).arg(&self.data);
        keeper.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut keeper = keeper.spawn()?;
        let lines = keeper.stderr.take();
        self.keeper = Some(keeper);
        let (ready, waiting) = mpsc::channel();
        let log = Arc::clone(&self.log);
        thread::spawn(move || follow(lines, &log, ready));
        match waiting.recv_timeout(BOUND) {
            Ok(()) => Ok(()),
            Err(_) => {
                self.stop(KEEP);
                Err(io::Error::other(format!("the server does not start: {}", self.log())))
            }
        }
    }

    /// A program that runs as the user of the server, in its folder.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.data).env("TZ", "UTC").env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }

    fn write(&self, name: &str, text: &str) -> io::Result<()> {
        let path = self.data.join(name);
        fs::write(&path, text)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        match self.user {
            Some((user, group)) => chown(&path, Some(user), Some(group)),
            None => Ok(()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop(KEEP);
        fs::remove_dir_all(&self.data).ok();
    }
}

/// Keeps what the server says, and tells when it takes connections. It lets go of `ready` when the server says that it
/// will not.
fn follow(lines: Option<impl Read>, log: &Mutex<String>, ready: mpsc::Sender<()>) {
    let Some(lines) = lines else { return };
    let mut ready = Some(ready);
    for line in BufReader::new(lines).lines().map_while(Result::ok) {
        if line.contains("database system is ready to accept connections") {
            ready.take().map(|ready| ready.send(()));
        }
        if line.contains("FATAL:") && NEVER.iter().any(|why| line.contains(why)) {
            ready = None;
        }
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push_str(&line);
        log.push('\n');
    }
}

/// Runs statements by `psql`.
pub(super) fn psql(programs: &Path, url: &str, statements: &str) -> Output {
    let mut psql = Command::new(programs.join("psql"));
    psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", statements]);
    psql.stdin(Stdio::null()).output().expect("psql runs")
}

/// Who may come in how.
fn access() -> String {
    let local = "127.0.0.1/32";
    format!(
        "host all postgres {local} trust\nhost replication postgres {local} trust\n\
         host all all {local} scram-sha-256\nhost replication all {local} scram-sha-256\n"
    )
}

fn configuration(port: u16, settings: &[(String, String)], tls: bool) -> String {
    let mut all = format!(
        "port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\n\
         fsync = off\nfull_page_writes = off\nsynchronous_commit = off\nautovacuum = off\n\
         shared_buffers = '32MB'\nmax_connections = 100\nwal_level = logical\nmax_wal_senders = 20\n\
         max_replication_slots = 20\nlogging_collector = off\nlog_destination = 'stderr'\ntimezone = 'UTC'\n"
    );
    if tls {
        all.push_str("ssl = on\nssl_cert_file = 'server.crt'\nssl_key_file = 'server.key'\n");
    }
    for (name, value) in settings {
        all.push_str(&format!("{name} = '{}'\n", value.replace('\'', "''")));
    }
    all
}

/// A new folder that no other user can look into.
fn folder() -> io::Result<PathBuf> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = format!("datalake-postgres-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let path = std::env::temp_dir().join(name);
    fs::create_dir(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700))?;
    Ok(path)
}

/// Whom the server runs as if we are root, since it refuses root: `postgres` if there is one, otherwise `nobody`.
fn unprivileged() -> io::Result<Option<(u32, u32)>> {
    if fs::metadata("/proc/self").map(|process| owner(&process)).unwrap_or(1) != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")?;
    let of = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2).map(|field| field.parse().ok());
        Some((fields.next()??, fields.next()??))
    };
    let user = of("postgres").or_else(|| of("nobody"));
    user.map(Some).ok_or_else(|| io::Error::other("there is neither a user postgres nor nobody"))
}

fn owner(file: &fs::Metadata) -> u32 {
    std::os::unix::fs::MetadataExt::uid(file)
}

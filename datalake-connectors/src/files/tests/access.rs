use std::sync::Arc;

use datalake_core::codec::Compression;
use datalake_core::split::Decoders;
use serde_json::{Value, json};

use super::*;

const FIRST: &str = "#Version: 1.0\n#Fields: c-ip sc-status\n";
const SECOND: &str = "#Fields: sc-status cs-method\n";

fn of(files: &Files, name: &str, log: AccessLog) -> FilesSourceBuilder {
    files.builder(name).format(FileFormat::AccessLog(log))
}

fn split(document: &Document) -> Vec<Value> {
    let mut found = Vec::new();
    let decoders = Decoders::default().with(Arc::new(AccessLogs));
    decoders.split(document, |piece| {
        assert_eq!(piece.error.map(|error| error.to_string()), None);
        found.push(serde_json::from_slice(&piece.body).unwrap());
        // Each can be read again alone.
        let alone = document.bytes().slice(piece.range);
        let alone = Document::new(alone, "alone", Arc::clone(document.format())).at(7);
        decoders.split(&alone, |piece| {
            assert_eq!(serde_json::from_slice(&piece.body).ok().as_ref(), found.last())
        });
    });
    found
}

async fn lines(source: &mut FilesSource) -> Vec<Value> {
    documents(source).await.iter().flat_map(split).collect()
}

#[tokio::test]
async fn fields_that_change_are_known_wherever_the_file_is_cut() {
    let files = Files::new();
    let row = |n: u32| format!("192.0.2.{n} 20{n}\n");
    let rows = |from: u32, to: u32| (from..to).map(row).collect::<String>();
    let later = "404 GET\n500 PUT\n";
    let text = format!("{FIRST}{}{SECOND}{later}{FIRST}{}", rows(0, 5), rows(5, 9));
    files.write("a.log", &text);
    files.write("b.log.gz", Compression::Gzip.frame(6, &[Bytes::from(text.clone())]).unwrap());
    let row = |n: u32| json!({ "c-ip": format!("192.0.2.{n}"), "sc-status": 200 + n });
    let mut expected: Vec<Value> = (0..5).map(row).collect();
    expected.extend([
        json!({"sc-status": 404, "cs-method": "GET"}),
        json!({"sc-status": 500, "cs-method": "PUT"}),
    ]);
    expected.extend((5..9).map(row));
    for batch in [1, 20, 40, 1000] {
        for name in ["a.log", "b.log.gz"] {
            let mut source = of(&files, name, AccessLog::W3c).batch_bytes(batch).build().unwrap();
            let found = documents(&mut source).await;
            let bytes: Vec<u8> = found.iter().flat_map(|document| document.bytes().to_vec()).collect();
            assert_eq!(bytes, text.as_bytes());
            assert_eq!(found.iter().flat_map(split).collect::<Vec<_>>(), expected, "{batch} {name}");
        }
    }
}

#[tokio::test]
async fn a_log_that_grows_and_is_rotated_keeps_its_fields() {
    let files = Files::new();
    files.write("u.log", format!("{FIRST}192.0.2.1 200\n{SECOND}"));
    let following = || of(&files, "u.log*", AccessLog::W3c).follow(true).build().unwrap();
    let mut source = following();
    let (found, position) = drain(&mut source).await;
    assert_eq!(found.iter().flat_map(split).count(), 1);
    files.append("u.log", "404 GET\n50");
    for mut source in [source, following()] {
        source.seek(position.as_ref()).await.unwrap();
        assert_eq!(lines(&mut source).await, [json!({"sc-status": 404, "cs-method": "GET"})]);
    }
    let mut source = following();
    source.seek(position.as_ref()).await.unwrap();
    let (_, position) = drain(&mut source).await;
    files.append("u.log", "0 PUT\n");
    files.rename("u.log", "u.log.1");
    files.write("u.log", format!("{FIRST}192.0.2.9 204\n"));
    let mut source = following();
    source.seek(position.as_ref()).await.unwrap();
    assert_eq!(
        lines(&mut source).await,
        [json!({"sc-status": 500, "cs-method": "PUT"}), json!({"c-ip": "192.0.2.9", "sc-status": 204})]
    );
}

/// A real web server, on a socket of its own, that is stopped at the end.
#[cfg(unix)]
mod nginx {
    use std::io::Read;
    use std::os::unix::net::UnixStream;
    use std::process::{Child, Command};

    use super::*;

    struct Nginx<'a> {
        server: Child,
        files: &'a Files,
    }

    impl<'a> Nginx<'a> {
        /// `None` if `DATALAKE_NGINX` names no server; what is left out is said on stderr.
        fn start(files: &'a Files) -> Option<Self> {
            let Some(program) = std::env::var_os("DATALAKE_NGINX") else {
                eprintln!("left out: no nginx in DATALAKE_NGINX");
                return None;
            };
            let at = |name: &str| files.path(name).display().to_string();
            let settings = format!(
                "daemon off; master_process off; pid {pid}; error_log {error};\nevents {{}}\nhttp {{\n\
                 access_log {log} combined;\nserver {{ listen unix:{socket}; location / {{ return 200 ok; }} }}\n}}\n",
                pid = at("pid"),
                error = at("error.txt"),
                log = at("access.log"),
                socket = at("socket"),
            );
            let settings = files.write("nginx.conf", settings);
            let server = Command::new(program).arg("-c").arg(settings).spawn().unwrap();
            let nginx = Self { server, files };
            nginx.wait(|| UnixStream::connect(files.path("socket")).is_ok());
            Some(nginx)
        }

        /// There is no event for what another process does.
        fn wait(&self, mut until: impl FnMut() -> bool) {
            for _ in 0..1_000 {
                if until() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            panic!("nginx does not come as far");
        }

        /// Sends bytes and waits until the server has closed the connection, after which the line is written.
        fn send(&self, bytes: &[u8]) {
            let mut stream = UnixStream::connect(self.files.path("socket")).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            stream.write_all(bytes).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            stream.read_to_end(&mut Vec::new()).unwrap();
        }

        fn get(&self, target: &str, agent: &str) {
            let request = format!(
                "GET {target} HTTP/1.1\r\nHost: shop\r\nUser-Agent: {agent}\r\nConnection: close\r\n\r\n"
            );
            self.send(request.as_bytes());
        }

        fn lines(&self, name: &str) -> usize {
            fs::read_to_string(self.files.path(name)).unwrap_or_default().lines().count()
        }

        /// Has the server open its log again, as log rotation does.
        fn reopen(&self) {
            let kill = Command::new("kill").arg("-USR1").arg(self.server.id().to_string()).status();
            assert!(kill.unwrap().success());
            self.wait(|| self.files.path("access.log").exists());
        }
    }

    impl Drop for Nginx<'_> {
        fn drop(&mut self) {
            drop(self.server.kill());
            drop(self.server.wait());
        }
    }

    #[tokio::test]
    async fn the_log_of_a_real_server_is_followed_through_garbage_and_rotation() {
        let files = Files::new();
        let Some(nginx) = Nginx::start(&files) else { return };
        let mut source = of(&files, "access.log", AccessLog::Combined).follow(true).build().unwrap();
        let mut found = Vec::new();
        nginx.get("/a?q=%22", "curl/8 \"quoted\" \\ é");
        nginx.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\xff\"\r\n\r\n");
        nginx.wait(|| nginx.lines("access.log") >= 2);
        found.extend(lines(&mut source).await);
        for n in 0..20 {
            nginx.get(&format!("/{n}"), "-");
        }
        nginx.wait(|| nginx.lines("access.log") >= 22);
        files.rename("access.log", "access.log.1");
        nginx.reopen();
        for n in 20..40 {
            nginx.get(&format!("/{n}"), "x");
        }
        nginx.wait(|| nginx.lines("access.log") >= 20);
        found.extend(lines(&mut source).await);
        assert_eq!(found.len(), 42, "{found:?}");
        assert_eq!(found[0]["target"], "/a?q=%22");
        assert_eq!(found[0]["user_agent"], "curl/8 \"quoted\" \\ é");
        assert_eq!((&found[0]["status"], &found[0]["bytes"]), (&json!(200), &json!(2)));
        assert_eq!(found[1]["parse_error"], "the request is none");
        assert!(found[1]["request"].as_str().unwrap().starts_with(r"\x16\x03\x01"), "{}", found[1]);
        assert_eq!(found[1]["status"], 400);
        for (n, record) in found[2..].iter().enumerate() {
            assert_eq!(record["target"], format!("/{n}"));
            assert_eq!(record["user_agent"], if n < 20 { Value::Null } else { json!("x") });
        }
    }
}

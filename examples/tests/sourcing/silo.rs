//! A silo with many records, page by page, at its own pace.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// A silo on a port of its own, until it is dropped.
#[derive(Debug)]
pub(crate) struct Silo {
    address: SocketAddr,
    closed: Arc<AtomicBool>,
}

#[derive(Debug, Clone)]
struct Pages {
    records: usize,
    page: usize,
    pace: Duration,
    token: &'static str,
}

impl Silo {
    /// Opens a silo of so many records, with so many on a page, that takes so long for a page and knows those who have
    /// the token.
    pub(crate) fn open(records: usize, page: usize, pace: Duration, token: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let closed = Arc::new(AtomicBool::new(false));
        let (pages, over) = (Pages { records, page, pace, token }, Arc::clone(&closed));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let pages = pages.clone();
                // A client that hangs up is no business of the silo.
                thread::spawn(move || drop(pages.serve(stream)));
            }
        });
        Self { address, closed }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/orders", self.address)
    }
}

impl Drop for Silo {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Relaxed);
        // Wakes the listener, which then ends.
        drop(TcpStream::connect(self.address));
    }
}

impl Pages {
    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        while let Some(request) = lines.next().transpose()? {
            let (mut known, mut welcome) = (String::new(), false);
            while let Some(line) = lines.next().transpose()?.filter(|line| !line.is_empty()) {
                let Some((name, value)) = line.split_once(": ") else { continue };
                match name.to_ascii_lowercase().as_str() {
                    "if-none-match" => value.clone_into(&mut known),
                    "authorization" => welcome = value.strip_prefix("Bearer ") == Some(self.token),
                    _ => {}
                }
            }
            let page = request.split(['=', ' ']).find_map(|word| word.parse().ok()).unwrap_or(0);
            stream.write_all(&self.answer(page, &known, welcome))?;
        }
        Ok(())
    }

    fn answer(&self, page: usize, known: &str, welcome: bool) -> Vec<u8> {
        if !welcome {
            return b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n".to_vec();
        }
        let first = page * self.page;
        let end = (first + self.page).min(self.records);
        let tag = format!("\"{page}\"");
        let link = match end < self.records {
            true => format!("Link: </orders?page={}>; rel=\"next\"\r\n", page + 1),
            false => String::new(),
        };
        if known == tag {
            let head = format!("HTTP/1.1 304 Not Modified\r\nETag: {tag}\r\n{link}Content-Length: 0\r\n\r\n");
            return head.into_bytes();
        }
        thread::sleep(self.pace);
        let records: Vec<_> = (first..end).map(|n| format!(r#"{{"n":{n},"colour":"red"}}"#)).collect();
        let body = format!("[{}]", records.join(","));
        let length = body.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nETag: {tag}\r\n{link}Content-Length: {length}\r\n\r\n"
        );
        [head.into_bytes(), body.into_bytes()].concat()
    }
}

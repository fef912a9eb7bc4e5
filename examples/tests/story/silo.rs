//! The silo: orders behind a token, ten on a page.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::{Value, json};

const PAGE: usize = 10;

/// Answers at an address of its own, until it is dropped.
pub(crate) struct Silo {
    address: SocketAddr,
    closed: Arc<AtomicBool>,
}

impl Silo {
    /// Opens a silo of so many orders for those who know the token.
    pub(crate) fn open(orders: usize, token: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let closed = Arc::new(AtomicBool::new(false));
        let (over, welcome) = (Arc::clone(&closed), format!("Bearer {token}"));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let welcome = welcome.clone();
                // A client that hangs up is no business of the silo.
                thread::spawn(move || drop(serve(stream, &welcome, orders)));
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

/// An order as the silo has it.
pub(crate) fn order(number: usize) -> Value {
    json!({
        "id": number,
        "customer": {"name": format!("customer {number}"), "email": format!("c{number}@cargo.example")},
        "total": format!("{}.5", number * 3),
        "state": if number % 5 == 4 { "cancelled" } else { "placed" },
        "internal_note": format!("ring twice, {number}"),
        "placed_at": format!("2026-11-{:02}T08:00:00Z", 1 + number % 28),
    })
}

fn serve(mut stream: TcpStream, welcome: &str, orders: usize) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    while let Some(request) = lines.next().transpose()? {
        let mut known = false;
        while let Some(line) = lines.next().transpose()?.filter(|line| !line.is_empty()) {
            let header = line.split_once(": ");
            known |= header
                .is_some_and(|(name, value)| name.eq_ignore_ascii_case("authorization") && value == welcome);
        }
        let page: usize = request.split(['=', ' ']).find_map(|word| word.parse().ok()).unwrap_or(0);
        let (status, link, body) = if known {
            let numbers = page * PAGE..orders.min((page + 1) * PAGE);
            let link = if numbers.end < orders {
                format!("Link: </orders?page={}>; rel=\"next\"\r\n", page + 1)
            } else {
                String::new()
            };
            ("200 OK", link, Value::from(numbers.map(order).collect::<Vec<_>>()).to_string())
        } else {
            ("401 Unauthorized", String::new(), String::new())
        };
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{link}Content-Length: {length}\r\n\r\n{body}"
        )?;
    }
    Ok(())
}

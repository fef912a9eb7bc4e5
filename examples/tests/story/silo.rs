//! The silo: orders behind a token, ten on a page.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

const PAGE: usize = 10;

/// Answers at an address of its own, until it is dropped.
pub(crate) struct Silo {
    address: SocketAddr,
    closed: Arc<AtomicBool>,
    state: Arc<Mutex<State>>,
}

struct State {
    orders: usize,
    token: String,
    /// The token before, and the first page that it no longer opens.
    old: Option<(String, usize)>,
    refused: usize,
}

impl Silo {
    /// Opens a silo of so many orders for those who know the token.
    pub(crate) fn open(orders: usize, token: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let closed = Arc::new(AtomicBool::new(false));
        let state = Arc::new(Mutex::new(State { orders, token: token.to_owned(), old: None, refused: 0 }));
        let (over, shared) = (Arc::clone(&closed), Arc::clone(&state));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let shared = Arc::clone(&shared);
                // A client that hangs up is no business of the silo.
                thread::spawn(move || drop(serve(stream, &shared)));
            }
        });
        Self { address, closed, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/orders", self.address)
    }

    /// Has so many orders from now on, and another token: the one before opens no page from this one on.
    pub(crate) fn rotate(&self, orders: usize, token: &str, page: usize) {
        let mut state = self.state.lock().unwrap();
        let old = std::mem::replace(&mut state.token, token.to_owned());
        (state.orders, state.old) = (orders, Some((old, page)));
    }

    /// How many requests came with a token that was not, or no longer, good.
    pub(crate) fn refused(&self) -> usize {
        self.state.lock().unwrap().refused
    }
}

impl State {
    fn knows(&self, authorization: &str, page: usize) -> bool {
        let Some(token) = authorization.strip_prefix("Bearer ") else { return false };
        token == self.token || self.old.as_ref().is_some_and(|(old, until)| token == old && page < *until)
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

fn serve(mut stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    while let Some(request) = lines.next().transpose()? {
        let mut authorization = String::new();
        while let Some(line) = lines.next().transpose()?.filter(|line| !line.is_empty()) {
            if let Some((name, value)) = line.split_once(": ")
                && name.eq_ignore_ascii_case("authorization")
            {
                value.clone_into(&mut authorization);
            }
        }
        let page: usize = request.split(['=', ' ']).find_map(|word| word.parse().ok()).unwrap_or(0);
        let answer = answer(&mut state.lock().unwrap(), &authorization, page);
        stream.write_all(answer.as_bytes())?;
    }
    Ok(())
}

fn answer(state: &mut State, authorization: &str, page: usize) -> String {
    if !state.knows(authorization, page) {
        state.refused += 1;
        return "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n".to_owned();
    }
    let numbers = page * PAGE..state.orders.min((page + 1) * PAGE);
    let link = match numbers.end < state.orders {
        true => format!("Link: </orders?page={}>; rel=\"next\"\r\n", page + 1),
        false => String::new(),
    };
    let body = Value::from(numbers.map(order).collect::<Vec<_>>()).to_string();
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{link}Content-Length: {length}\r\n\r\n{body}"
    )
}

//! Whether an emulator answers.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use crate::Result;

const BOUND: Duration = Duration::from_secs(5);

/// A port of loopback that nothing listens on.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// The endpoint at a port.
pub(crate) fn endpoint(port: u16) -> String {
    format!("http://{}:{port}", Ipv4Addr::LOCALHOST)
}

/// Whether a GET of the path is answered with 200.
pub(crate) fn answers(port: u16, path: &str) -> bool {
    status(port, path).is_some_and(|line| line.split(' ').nth(1) == Some("200"))
}

fn status(port: u16, path: &str) -> Option<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, BOUND).ok()?;
    stream.set_read_timeout(Some(BOUND)).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut head = [0; 15];
    stream.read_exact(&mut head).ok()?;
    Some(String::from_utf8_lossy(&head).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(answer: &'static [u8]) -> bool {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let peer = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_exact(&mut [0; 20]).unwrap();
            stream.write_all(answer).unwrap();
        });
        let found = answers(port, "/health");
        peer.join().unwrap();
        found
    }

    #[test]
    fn only_200_is_an_answer() {
        assert!(answered(b"HTTP/1.1 200 OK\r\n\r\n"));
        assert!(!answered(b"HTTP/1.1 503 Service Unavailable\r\n\r\n"));
        assert!(!answered(b"HTTP/1.1 20"));
        assert!(!answers(free_port().unwrap(), "/health"));
    }
}

//! `health`: ask a running worker how it is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use datalake_core::{Error, ErrorKind, Result};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::out::{Out, plain};

/// The longest answer that is read, bytes.
const ANSWER: u64 = 1 << 20;

/// Asks, and ends with 0 if the worker is well and with 1 if not, as container engines want it.
pub(super) async fn run(args: &args::Health, out: &mut Out) -> Result<Exit> {
    let address = reachable(args.health);
    let path = if args.live { "/livez" } else { "/readyz" };
    let asked = timeout(args.timeout, ask(address, path)).await;
    let (code, report) = match asked.unwrap_or_else(|_| Err(silent("the worker does not answer", address))) {
        Ok(answer) => answer,
        Err(error) => {
            crate::cli::fail("health", &error, out.is_json());
            return Ok(Exit::Failed);
        }
    };
    if out.is_json() {
        out.value(&report)?;
    } else {
        show(&report, out);
    }
    Ok(if code == 200 { Exit::Done } else { Exit::Failed })
}

/// An endpoint that listens on all addresses is asked on the loopback.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

async fn ask(address: SocketAddr, path: &str) -> Result<(u16, Value)> {
    let failed = |cause: std::io::Error| silent("the worker cannot be asked", address).caused_by(cause);
    let mut stream = TcpStream::connect(address).await.map_err(failed)?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.map_err(failed)?;
    let mut answer = String::new();
    stream.take(ANSWER).read_to_string(&mut answer).await.map_err(failed)?;
    let odd = || silent("what answers is no worker", address);
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(odd)?;
    let code = head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(odd)?;
    Ok((code, serde_json::from_str(body).map_err(|_| odd())?))
}

fn silent(message: &'static str, address: SocketAddr) -> Error {
    Error::new(ErrorKind::Unavailable, message).with("health", address)
}

fn show(report: &Value, out: &mut Out) {
    let text = |value: &Value| plain(value.as_str().unwrap_or("unknown"));
    out.line(text(&report["status"]));
    for one in report["pipelines"].as_array().into_iter().flatten() {
        let name = out.bold(text(&one["pipeline"]));
        let (commits, lag) = (&one["commits"], one["lag_seconds"].as_f64().unwrap_or_default());
        let status = text(&one["status"]);
        out.line(format_args!("{name}  {status}, {commits} commits, {lag:.1} s behind"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_on_all_addresses_is_asked_on_the_loopback() {
        for (listens, asked) in [
            ("0.0.0.0:8081", "127.0.0.1:8081"),
            ("[::]:8081", "[::1]:8081"),
            ("10.0.0.7:8081", "10.0.0.7:8081"),
        ] {
            assert_eq!(reachable(listens.parse().unwrap()).to_string(), asked);
        }
    }
}

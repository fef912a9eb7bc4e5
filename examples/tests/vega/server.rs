//! A web server of a few lines for files on loopback.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread;

/// Serves files by their names, for as long as the process lives. Gives the origin.
pub(crate) fn serve(files: Vec<PathBuf>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that hangs up in the middle is no business of ours.
            drop(answer(stream, &files));
        }
    });
    origin
}

fn answer(mut stream: TcpStream, files: &[PathBuf]) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().unwrap_or(Ok(String::new()))?;
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let name =
        request.split(' ').nth(1).unwrap_or("").trim_start_matches('/').split('?').next().unwrap_or("");
    let Some(file) = files.iter().find(|file| file.file_name().is_some_and(|n| n == name)) else {
        return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    };
    let kind = match file.extension().and_then(|extension| extension.to_str()) {
        Some("json") => "application/json",
        Some("tsv") => "text/tab-separated-values; charset=utf-8",
        _ => "text/csv; charset=utf-8",
    };
    let body = fs::read(file)?;
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    stream.write_all(&body)
}

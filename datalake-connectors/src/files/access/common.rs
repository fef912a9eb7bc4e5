//! The common and the combined form.

use chrono::{DateTime, SecondsFormat};

use super::line::Line;
use super::object::Object;

/// Reads `host ident user [time] "request" status bytes`, and after it `"referer" "user agent"` and whatever follows.
pub(super) fn read(bytes: &[u8], object: &mut Object) -> Result<(), &'static str> {
    let mut line = Line::new(bytes);
    let host = line.word().ok_or("no host")?;
    let ident = line.word().ok_or("no ident")?;
    // A user may have spaces in the name.
    let user = line.before(b" [").ok_or("no time in brackets")?;
    let time = line.before(b"]").ok_or("the brackets of the time are not closed")?;
    let time = time_of(time).ok_or("the time is not as in 10/Oct/2000:13:55:36 -0700")?;
    line.space().ok_or("no space after the time")?;
    let request = line.quoted().ok_or("the request is not in quotes")?;
    let status = line.word().filter(|status| is_status(status)).ok_or("no status after the request")?;
    let size = line.word().filter(|size| is_size(size)).ok_or("no size after the status")?;
    object.text("host", host);
    object.text("ident", ident);
    object.text("user", user);
    object.string("time", Some(&time));
    object.request(["request", "method", "target", "protocol"], request);
    object.number("status", status);
    object.number("bytes", size);
    if !line.is_over() {
        object.text("referer", line.part().ok_or("the referer is not in quotes")?);
    }
    if !line.is_over() {
        object.text("user_agent", line.part().ok_or("the user agent is not in quotes")?);
    }
    let mut extra = Vec::new();
    while !line.is_over() {
        extra.push(line.part().ok_or("a quote is not closed")?);
    }
    object.texts("extra", extra);
    Ok(())
}

fn time_of(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let time = DateTime::parse_from_str(text, "%d/%b/%Y:%H:%M:%S %z").ok()?;
    Some(time.to_rfc3339_opts(SecondsFormat::Secs, true))
}

fn is_status(bytes: &[u8]) -> bool {
    bytes == b"-" || bytes.len() == 3 && bytes.iter().all(u8::is_ascii_digit)
}

fn is_size(bytes: &[u8]) -> bool {
    bytes == b"-" || !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit)
}

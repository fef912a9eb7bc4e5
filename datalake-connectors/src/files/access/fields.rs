//! Forms whose `#Fields` line says what is on the others.

use super::line::{Line, decoded};
use super::object::Object;

/// Fields that are numbers, of CloudFront and of IIS.
const NUMBERS: [&str; 16] = [
    "sc-status",
    "sc-substatus",
    "sc-win32-status",
    "sc-bytes",
    "cs-bytes",
    "c-port",
    "s-port",
    "sc-content-len",
    "sc-range-start",
    "sc-range-end",
    "time-taken",
    "time-to-first-byte",
    "asn",
    "bytes",
    "sc-port",
    "cs-port",
];

/// Fields in URL encoding that are no URLs.
const ENCODED: [&str; 3] = ["cs(User-Agent)", "cs(Referer)", "cs(Cookie)"];

/// The names of the fields.
#[derive(Debug)]
pub(super) struct Fields(Vec<String>);

/// The names in a `#Fields` line, parted by spaces, if it is one.
pub(super) fn header(line: &[u8]) -> Option<String> {
    let names = line.strip_prefix(b"#Fields:")?;
    let names = String::from_utf8_lossy(names);
    Some(names.split_whitespace().collect::<Vec<_>>().join(" "))
}

impl Fields {
    pub(super) fn parse(names: &str) -> Self {
        Self(names.split(' ').filter(|name| !name.is_empty()).map(str::to_owned).collect())
    }

    pub(super) fn read(&self, bytes: &[u8], separator: u8, object: &mut Object) -> Result<(), &'static str> {
        let values: Vec<&[u8]> = match separator {
            b' ' if !bytes.contains(&b'\t') => {
                let mut line = Line::new(bytes.trim_ascii_end());
                let mut values = Vec::new();
                while !line.is_over() {
                    values.push(line.plain().ok_or("a quote is not closed")?);
                }
                values
            }
            _ => bytes.split(|byte| *byte == b'\t').collect(),
        };
        if values.len() < self.0.len() {
            return Err("fewer fields than the #Fields line has");
        }
        let value = |name: &str| self.0.iter().position(|known| known == name).map(|at| values[at]);
        if let Some(time) = timestamp(value("date"), value("time")) {
            object.string("timestamp", Some(&time));
        }
        for (name, value) in self.0.iter().zip(&values) {
            if NUMBERS.contains(&&**name) {
                object.number(name, value);
            } else if separator == b'\t' && ENCODED.contains(&&**name) && *value != b"-" {
                object.string(name, Some(&*decoded(&String::from_utf8_lossy(value))));
            } else {
                object.text(name, value);
            }
        }
        object.texts("extra", values[self.0.len()..].iter().copied());
        Ok(())
    }
}

/// `2026-11-26` and `18:04:07` as one time, in UTC as both forms have it.
fn timestamp(date: Option<&[u8]>, time: Option<&[u8]>) -> Option<String> {
    let (date, time) = (std::str::from_utf8(date?).ok()?, std::str::from_utf8(time?).ok()?);
    let text = format!("{date}T{time}Z");
    chrono::DateTime::parse_from_rfc3339(&text).ok()?;
    Some(text)
}

//! Access logs of web servers and load balancers.

use std::sync::Arc;

use bytes::Bytes;
use datalake_core::split::{Decoder, Piece};
use datalake_core::{Content, Cut, Document, Format, RecordError};
use memchr::memchr;
use serde_json::{Value, json};

mod alb;
mod common;
mod fields;
mod line;
mod object;
#[cfg(test)]
mod tests;

use object::Object;

/// The name of the decoder, kept in the format of documents.
const NAME: &str = "files.access-log";

/// How the lines of an access log are written.
///
/// A line becomes a JSON object. Numbers are numbers, `-` is `null`, and times are in the form of RFC 3339. What a client
/// sent and what is no request (the first bytes of TLS on a port without it) is kept as it stands in the log, beside a
/// `parse_error`. A line that is none of the log goes to quarantine with the reason `access-log`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccessLog {
    /// The common and the combined form of Apache and nginx, which may be mixed: `host`, `ident`, `user`, `time`, `request`
    /// and out of it `method`, `target`, `protocol`; `status`, `bytes`, `referer`, `user_agent`. What follows on the line
    /// is an array of texts, `extra`.
    Combined,
    /// One JSON object a line, as it stands.
    Json,
    /// Standard logs of CloudFront: fields of the names in the `#Fields` line, parted by tabs. Those that CloudFront writes in
    /// URL encoding without their being URLs (user agent, referer, cookie) are decoded; `timestamp` is made of `date` and
    /// `time`.
    CloudFront,
    /// The extended form of the W3C, as of IIS: fields of the names in the last `#Fields` line, parted by spaces; `timestamp`
    /// is made of `date` and `time`.
    W3c,
    /// Access logs of an Application Load Balancer, by the names in its documentation, and `request_verb`, `request_url` and
    /// `request_proto`. Fields that were added since are an array of texts, `extra`.
    Alb,
}

impl AccessLog {
    const ALL: [Self; 5] = [Self::Combined, Self::Json, Self::CloudFront, Self::W3c, Self::Alb];

    /// A short name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Combined => "combined",
            Self::Json => "json",
            Self::CloudFront => "cloudfront",
            Self::W3c => "w3c",
            Self::Alb => "alb",
        }
    }

    /// The format of documents of such a log.
    ///
    /// ```
    /// use datalake_connectors::files::{AccessLog, AccessLogs};
    /// use datalake_core::Document;
    /// use datalake_core::split::{Decoder, Decoders};
    ///
    /// let line = r#"192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.0" 200 -"#;
    /// let document = Document::new(line, "log", AccessLog::Combined.format());
    /// let mut found = Vec::new();
    /// Decoders::default().with(std::sync::Arc::new(AccessLogs)).split(&document, |piece| found.push(piece.body));
    /// assert_eq!(found.len(), 1);
    /// ```
    #[must_use]
    pub fn format(self) -> Format {
        self.under(None)
    }

    /// The format of documents whose lines are under a `#Fields` line.
    fn under(self, fields: Option<&str>) -> Format {
        let mut settings = json!({ "form": self.name() });
        if let Some(fields) = fields {
            settings["fields"] = json!(fields);
        }
        Format::Decoded { decoder: NAME.to_owned(), settings, cut: Cut::Lines }
    }

    /// The log of a format and its fields, if it is one.
    fn of(settings: &Value) -> Option<(Self, Option<&str>)> {
        let form = settings["form"].as_str()?;
        let log = Self::ALL.into_iter().find(|log| log.name() == form)?;
        Some((log, settings["fields"].as_str()))
    }
}

/// Makes records of [`AccessLog`]s. A [`FilesSource`](super::FilesSource) that reads some names it by itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct AccessLogs;

impl Decoder for AccessLogs {
    fn name(&self) -> &str {
        NAME
    }

    fn decode(&self, document: &Document, settings: &Value, piece: &mut dyn FnMut(Piece)) {
        let bytes = document.bytes();
        let Some((log, fields)) = AccessLog::of(settings) else {
            piece(refused(bytes, 0..bytes.len(), "no such form of access logs"));
            return;
        };
        let mut fields = fields.map(fields::Fields::parse);
        let headed = matches!(log, AccessLog::CloudFront | AccessLog::W3c);
        let mut at = if document.offset() == 0 && bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        while at < bytes.len() {
            let end = memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |n| at + n);
            let line = bytes[at..end].strip_suffix(b"\r").unwrap_or(&bytes[at..end]);
            let range = at..at + line.len();
            at = end + 1;
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            if headed && line[0] == b'#' {
                if let Some(names) = fields::header(line) {
                    fields = Some(fields::Fields::parse(&names));
                }
                continue;
            }
            let mut object = Object::new(!headed);
            let read = match (log, &fields) {
                (AccessLog::Combined, _) => common::read(line, &mut object),
                (AccessLog::Alb, _) => alb::read(line, &mut object),
                (AccessLog::Json, _) => {
                    piece(json(bytes, range));
                    continue;
                }
                (AccessLog::CloudFront, Some(fields)) => fields.read(line, b'\t', &mut object),
                (AccessLog::W3c, Some(fields)) => fields.read(line, b' ', &mut object),
                (AccessLog::CloudFront | AccessLog::W3c, None) => {
                    Err("no #Fields line says what the fields are")
                }
            };
            piece(match read {
                Ok(()) => Piece::new(range, object.finish(), Content::Json),
                Err(why) => refused(bytes, range, why),
            });
        }
    }
}

fn json(bytes: &Bytes, range: std::ops::Range<usize>) -> Piece {
    let line = bytes[range.clone()].trim_ascii_start();
    match serde_json::from_slice::<serde::de::IgnoredAny>(line) {
        Ok(_) if line.starts_with(b"{") => Piece::new(range.clone(), bytes.slice(range), Content::Json),
        _ => refused(bytes, range, "no JSON object"),
    }
}

fn refused(bytes: &Bytes, range: std::ops::Range<usize>, why: &str) -> Piece {
    let mut piece = Piece::error(range.clone(), RecordError::new("access-log", why));
    piece.body = bytes.slice(range);
    piece
}

/// The format of a document of a log at its beginning, and where it ends at the latest: no `#Fields` line comes after a
/// record, so that each record can be read with the format of its document alone. `None` if the format knows no such lines.
pub(super) fn divide(format: &Format, bytes: &[u8]) -> Option<(Arc<Format>, usize)> {
    let Format::Decoded { decoder, settings, .. } = format else { return None };
    let (log, fields) = AccessLog::of(settings).filter(|_| decoder == NAME)?;
    if !matches!(log, AccessLog::CloudFront | AccessLog::W3c) {
        return None;
    }
    let mut at = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let mut records = false;
    let mut fields = fields.map(str::to_owned);
    while at < bytes.len() {
        let end = memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |n| at + n + 1);
        match fields::header(bytes[at..end].trim_ascii_end()) {
            Some(_) if records => break,
            Some(names) => fields = Some(names),
            None => records |= !bytes[at..end].starts_with(b"#"),
        }
        at = end;
    }
    Some((Arc::new(log.under(fields.as_deref())), at))
}

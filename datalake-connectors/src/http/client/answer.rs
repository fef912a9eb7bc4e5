//! What a server answered.

use bytes::Bytes;
use http::StatusCode;
use http::header::{self, AsHeaderName, HeaderMap};

use datalake_core::codec::{Compression, Expansion};
use datalake_core::{Error, ErrorKind, Result};

/// The headers in which servers name a request, the most usual first.
const REQUEST_IDS: [&str; 5] =
    ["x-request-id", "request-id", "x-correlation-id", "x-ms-request-id", "x-amzn-requestid"];

/// An answer with its whole body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// As it came, perhaps compressed.
    pub(super) body: Bytes,
}

impl Answer {
    /// A header, if it is plain text and not absurdly long.
    pub(crate) fn header(&self, name: impl AsHeaderName) -> Option<&str> {
        let value = self.headers.get(name)?.to_str().ok()?.trim();
        (!value.is_empty() && value.len() <= 1024).then_some(value)
    }

    /// The id the server gave the request.
    pub(crate) fn request_id(&self) -> Option<&str> {
        REQUEST_IDS.into_iter().find_map(|name| self.header(name))
    }

    /// The bytes of the body as it came.
    pub(crate) fn size(&self) -> usize {
        self.body.len()
    }

    /// The body, decompressed. Keeps a processor busy.
    ///
    /// # Errors
    /// `RecordTooLarge` beyond `limit` bytes or an absurd ratio; `Corrupt`, and worth another try, if it is damaged;
    /// `Unsupported` for another coding than gzip and zstd.
    pub(crate) fn content(&self, limit: usize) -> Result<Bytes> {
        let coding = self.header(header::CONTENT_ENCODING).unwrap_or("identity").to_ascii_lowercase();
        let compression = match coding.as_str() {
            "identity" => Compression::None,
            "gzip" | "x-gzip" => Compression::Gzip,
            "zstd" => Compression::Zstd,
            _ => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "the answer has a coding that was not asked for",
                )
                .with("content-encoding", format_args!("{coding:?}")));
            }
        };
        if self.body.is_empty() {
            return Ok(Bytes::new());
        }
        let bounds = Expansion { total: limit as u64, ..Expansion::default() };
        compression.decompress(&self.body, bounds).map_err(|error| match error.kind() {
            ErrorKind::Corrupt => error.retryable(),
            _ => error,
        })
    }
}

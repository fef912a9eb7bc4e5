//! What is kept of an object.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::checksum::Algorithm;
use super::request::Request;

/// An object as it is kept.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Object {
    /// Its bytes.
    pub bytes: Bytes,
    /// Its entity tag, in quotation marks.
    pub etag: String,
    /// When it was written.
    pub modified: DateTime<Utc>,
    /// What goes with it.
    pub about: About,
    pub(super) checksums: Vec<(Algorithm, String)>,
    /// Whether the checksums are of the bytes, and not of the checksums of parts.
    pub(super) full: bool,
}

impl Object {
    /// A checksum of it in Base64 by the name that S3 has for it, such as `SHA256`, if it was put with that. One of an
    /// upload in parts that is made of the parts' ends in a dash and their number.
    #[must_use]
    pub fn checksum(&self, name: &str) -> Option<&str> {
        let wanted = Algorithm::named(name)?;
        self.checksums.iter().find(|(algorithm, _)| *algorithm == wanted).map(|(_, value)| value.as_str())
    }
}

/// What goes with an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct About {
    /// The media type.
    pub content_type: Option<String>,
    /// User metadata, by names without `x-amz-meta-`.
    pub metadata: BTreeMap<String, String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// The encryption that was asked for, for instance `aws:kms`.
    pub encryption: Option<String>,
    /// The key of the encryption.
    pub kms_key: Option<String>,
    /// The encryption context: JSON in Base64.
    pub encryption_context: Option<String>,
    /// Whether one data key of the bucket was to serve many objects.
    pub bucket_key: bool,
}

impl About {
    pub(super) fn of(request: &Request) -> Self {
        let text = |name| request.header(name).map(str::to_owned);
        let metadata = request.headers.iter().filter_map(|(name, value)| {
            let name = name.as_str().strip_prefix("x-amz-meta-")?;
            Some((name.to_owned(), value.to_str().ok()?.to_owned()))
        });
        Self {
            content_type: text("content-type"),
            metadata: metadata.collect(),
            tags: tags(request.header("x-amz-tagging").unwrap_or_default()),
            encryption: text("x-amz-server-side-encryption"),
            kms_key: text("x-amz-server-side-encryption-aws-kms-key-id"),
            encryption_context: text("x-amz-server-side-encryption-context"),
            bucket_key: request.header("x-amz-server-side-encryption-bucket-key-enabled") == Some("true"),
        }
    }

    /// The bytes of its metadata as S3 counts them.
    pub(super) fn metadata_bytes(&self) -> usize {
        self.metadata.iter().map(|(name, value)| name.len() + value.len()).sum()
    }

    /// The headers by which it is told back of an encryption.
    pub(super) fn encryption_headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = Vec::new();
        headers.extend(self.encryption.clone().map(|value| ("x-amz-server-side-encryption", value)));
        headers
            .extend(self.kms_key.clone().map(|value| ("x-amz-server-side-encryption-aws-kms-key-id", value)));
        if self.bucket_key {
            headers.push(("x-amz-server-side-encryption-bucket-key-enabled", "true".to_owned()));
        }
        headers
    }
}

fn tags(query: &str) -> BTreeMap<String, String> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(k, v)| (decode(k), decode(v)))
        .collect()
}

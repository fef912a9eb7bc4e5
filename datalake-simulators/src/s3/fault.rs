//! What can go wrong, and for which requests it does.

use std::time::Duration;

/// An operation of S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Op {
    /// `CreateBucket`
    CreateBucket,
    /// `HeadBucket`
    HeadBucket,
    /// `ListObjectsV2`
    ListObjects,
    /// `PutObject`
    PutObject,
    /// `GetObject`
    GetObject,
    /// `HeadObject`
    HeadObject,
    /// `DeleteObject`
    DeleteObject,
    /// `GetObjectTagging`
    GetTags,
    /// `CreateMultipartUpload`
    CreateUpload,
    /// `UploadPart`
    UploadPart,
    /// `CompleteMultipartUpload`
    CompleteUpload,
    /// `AbortMultipartUpload`
    AbortUpload,
    /// Anything else: refused as not implemented.
    Other,
}

/// An answer that says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The status of the answer.
    pub status: u16,
    /// The code in its body.
    pub code: &'static str,
}

impl Refusal {
    /// `503 SlowDown`
    pub const SLOW_DOWN: Self = Self { status: 503, code: "SlowDown" };
    /// `503 ServiceUnavailable`
    pub const UNAVAILABLE: Self = Self { status: 503, code: "ServiceUnavailable" };
    /// `500 InternalError`
    pub const INTERNAL: Self = Self { status: 500, code: "InternalError" };
    /// `400 RequestTimeout`: the client was too slow with its body.
    pub const TIMEOUT: Self = Self { status: 400, code: "RequestTimeout" };
    /// `409 ConditionalRequestConflict`: another conditional write of the key is under way.
    pub const CONFLICT: Self = Self { status: 409, code: "ConditionalRequestConflict" };
    /// `412 PreconditionFailed`
    pub const PRECONDITION: Self = Self { status: 412, code: "PreconditionFailed" };
    /// `403 AccessDenied`
    pub const DENIED: Self = Self { status: 403, code: "AccessDenied" };
    /// `404 NoSuchKey`
    pub const MISSING: Self = Self { status: 404, code: "NoSuchKey" };
    /// `404 NoSuchUpload`
    pub const NO_UPLOAD: Self = Self { status: 404, code: "NoSuchUpload" };
    /// `400 BadDigest`: what arrived is not what was sent.
    pub const BAD_DIGEST: Self = Self { status: 400, code: "BadDigest" };
}

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It does not happen, and the client is told so.
    Refused(Refusal),
    /// It happens, and the client is told that it did not.
    RefusedAfter(Refusal),
    /// The status is 200, and the body is an error, as for `CompleteMultipartUpload`. It does not happen.
    ErrorIn200(&'static str),
    /// The same, and it happens.
    ErrorIn200After(&'static str),
    /// The connection is reset when half of the body has come, and nothing happens.
    Reset,
    /// It happens, and the connection is closed without an answer.
    Lost,
    /// The connection is closed without an answer, and it happens when so many more requests have begun.
    Late {
        /// How many requests begin before it.
        after: u64,
    },
    /// It happens, and the answer comes after a time.
    Slow(Duration),
    /// It happens, and no answer ever comes.
    Silent,
    /// It happens, and the answer ends in the middle. One without a body ends in its head.
    Truncated,
    /// It happens, and the last bytes of the answer's body are missing without a sign of it.
    Short,
    /// It happens, and one bit of the answer's body is another.
    Flipped,
    /// It happens, and the answer is a page that is not of S3, as from a proxy on the way.
    Foreign,
}

/// Which requests have a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Rule {
    pub(super) op: Op,
    pub(super) part: String,
    pub(super) conditional: Option<bool>,
    pub(super) after: u64,
    pub(super) times: u64,
    pub(super) fault: Fault,
}

impl Rule {
    /// The next request of a kind has a fault.
    pub fn new(op: Op, fault: Fault) -> Self {
        Self { op, part: String::new(), conditional: None, after: 0, times: 1, fault }
    }

    /// Only requests whose key, or prefix of a list, has this in it.
    pub fn key(mut self, part: impl Into<String>) -> Self {
        self.part = part.into();
        self
    }

    /// Only writes with a condition, or only those without.
    pub fn conditional(mut self, conditional: bool) -> Self {
        self.conditional = Some(conditional);
        self
    }

    /// Lets so many requests that fit go by first.
    pub fn after(mut self, requests: u64) -> Self {
        self.after = requests;
        self
    }

    /// So many requests, one after the other, in place of one.
    pub fn times(mut self, requests: u64) -> Self {
        self.times = requests;
        self
    }

    /// Every request from then on.
    pub fn always(self) -> Self {
        self.times(u64::MAX)
    }
}

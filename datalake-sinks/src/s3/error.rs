//! What the failures of S3 mean.

use std::error::Error as StdError;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use datalake_aws::error::{classify, code, status};
use datalake_core::{Error, ErrorKind};

use super::Inner;

impl Inner {
    /// A failed request.
    pub(super) fn failed<E>(&self, what: &'static str, key: &str, error: &SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        self.named(understood(what, error), key)
    }

    /// An answer that is not what S3 answers. What was asked for may or may not have happened.
    pub(super) fn unclear(&self, what: &'static str, key: &str) -> Error {
        self.named(Error::new(ErrorKind::Unavailable, what), key)
    }

    fn named(&self, error: Error, key: &str) -> Error {
        error.component("store.s3").with("store", &self.uri).with("key", key)
    }
}

fn understood<E>(what: &'static str, error: &SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    let classified = classify(what, error);
    match code(error) {
        // Somebody has aborted it, a lifecycle rule perhaps: another upload can succeed.
        Some("NoSuchUpload") => classified.retryable(),
        // 200, and a body that is none: whoever answered, S3 has said nothing.
        None if status(error).is_some_and(|status| status < 300) => Error::new(ErrorKind::Unavailable, what),
        _ => classified,
    }
}

/// Whether a precondition has failed. That can come with any status.
pub(super) fn taken<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    match code(error) {
        Some(code) => code == "PreconditionFailed",
        None => status(error) == Some(412),
    }
}

//! What a failure of an AWS service means to the caller.

use std::error::Error as StdError;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use datalake_core::{Error, ErrorKind};

/// The longest message of a service that is repeated, characters.
const LONGEST: usize = 400;

/// Classifies a failed call. `what` says what was tried, for instance "the object was not read".
///
/// Temporary failures come out retryable, with the delay the service asked for. What the service says is repeated,
/// except where it refused the signature: such a message can hold the request with its session token.
pub fn classify<E>(what: &'static str, error: &SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    let SdkError::ServiceError(refused) = error else {
        let cause = StdError::source(error);
        let error = Error::new(unanswered(error, cause), what);
        return match cause {
            Some(cause) => error.with("because", chain(cause)),
            None => error,
        };
    };
    let (meta, answer) = (refused.err().meta(), refused.raw());
    let status = answer.status().as_u16();
    let code = meta.code().unwrap_or_default();
    let refusal = of_code(code, status);
    let mut error = Error::new(refusal.kind, what);
    if refusal.again {
        error = error.retryable();
    }
    if let Some(seconds) = answer.headers().get("retry-after").and_then(|text| text.parse().ok()) {
        error = error.after(Duration::from_secs(seconds));
    }
    error = error.with("status", status);
    if !code.is_empty() {
        error = error.with("code", code);
    }
    if let Some(message) = meta.message().filter(|_| refusal.kind != ErrorKind::Unauthenticated) {
        error = error.with("message", message.chars().take(LONGEST).collect::<String>());
    }
    match meta.extra("aws_request_id") {
        Some(id) => error.with("request", id),
        None => error,
    }
}

/// The code that a service gave with its refusal, if it answered at all.
pub fn code<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<&str> {
    error.as_service_error()?.meta().code()
}

/// The status of the answer, if there was one.
pub fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    Some(error.raw_response()?.status().as_u16())
}

fn unanswered<E>(error: &SdkError<E, HttpResponse>, cause: Option<&(dyn StdError + 'static)>) -> ErrorKind {
    match (error, credentials(cause)) {
        (_, Some(CredentialsError::ProviderTimedOut(_) | CredentialsError::ProviderError(_))) => {
            ErrorKind::Unavailable
        }
        (_, Some(_)) => ErrorKind::Unauthenticated,
        (SdkError::ConstructionFailure(_), None) => ErrorKind::ConfigInvalid,
        (SdkError::DispatchFailure(failure), None) if failure.is_user() => ErrorKind::ConfigInvalid,
        _ => ErrorKind::Unavailable,
    }
}

fn credentials<'a>(mut cause: Option<&'a (dyn StdError + 'static)>) -> Option<&'a CredentialsError> {
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text.push_str(": ");
        text.push_str(&error.to_string());
        next = error.source();
    }
    text
}

/// What a refusal means, and whether another try can help.
struct Refusal {
    kind: ErrorKind,
    again: bool,
}

/// What a code means, whichever service gave it; what the status means if the code is not known. Services give the
/// same code with several spellings, and a code counts more than a status: a failed precondition can come with 200.
fn of_code(code: &str, status: u16) -> Refusal {
    use ErrorKind::{
        ConfigInvalid, Conflict, NotFound, PermissionDenied, RateLimited, RecordTooLarge, Unauthenticated,
        Unavailable, Unexpected,
    };
    let name = code.rsplit(['#', '.']).next().unwrap_or_default();
    let name = name.strip_suffix("Exception").unwrap_or(name);
    let (kind, again) = match name {
        "BandwidthLimitExceeded"
        | "EC2Throttled"
        | "KMSThrottling"
        | "LimitExceeded"
        | "PriorRequestNotComplete"
        | "ProvisionedThroughputExceeded"
        | "RequestLimitExceeded"
        | "RequestThrottled"
        | "SlowDown"
        | "Throttled"
        | "Throttling"
        | "ThrottledRequests"
        | "TooManyRequests" => (RateLimited, true),
        "AuthFailure"
        | "ExpiredToken"
        | "IncompleteSignature"
        | "InvalidAccessKeyId"
        | "InvalidClientTokenId"
        | "InvalidSignature"
        | "InvalidToken"
        | "MissingAuthenticationToken"
        | "RequestExpired"
        | "RequestTimeTooSkewed"
        | "SignatureDoesNotMatch"
        | "TokenRefreshRequired"
        | "UnrecognizedClient" => (Unauthenticated, false),
        "AccessDenied"
        | "AllAccessDisabled"
        | "KMSAccessDenied"
        | "KMSDisabled"
        | "KMSInvalidState"
        | "KMSOptInRequired"
        | "UnauthorizedOperation" => (PermissionDenied, false),
        "KMSNotFound" | "NoSuchBucket" => (ConfigInvalid, false),
        "NoSuchKey" | "NoSuchUpload" | "NotFound" | "ParameterNotFound" | "ResourceNotFound" => {
            (NotFound, false)
        }
        "ConditionalRequestConflict" | "OperationAborted" => (Conflict, true),
        "PreconditionFailed" => (Conflict, false),
        "BadDigest"
        | "InternalError"
        | "InternalFailure"
        | "InternalServerError"
        | "InvalidDigest"
        | "RequestTimeout"
        | "ServiceUnavailable"
        | "XAmzContentChecksumMismatch"
        | "XAmzContentSHA256Mismatch" => (Unavailable, true),
        "EntityTooLarge" => (RecordTooLarge, false),
        "InvalidArgument" | "InvalidBucketName" | "InvalidParameter" | "InvalidRequest" | "MalformedXML"
        | "PermanentRedirect" | "Validation" => (ConfigInvalid, false),
        _ => match status {
            401 => (Unauthenticated, false),
            403 => (PermissionDenied, false),
            404 => (NotFound, false),
            408 => (Unavailable, true),
            409 => (Conflict, true),
            412 => (Conflict, false),
            429 => (RateLimited, true),
            500..=599 => (Unavailable, true),
            _ => (Unexpected, false),
        },
    };
    Refusal { kind, again }
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    use super::*;

    fn refused(code: &str, message: &str, status: u16) -> Error {
        let meta = ErrorMetadata::builder().code(code).message(message).build();
        let answer = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::empty());
        classify("it was not done", &SdkError::service_error(meta, answer))
    }

    #[test]
    fn a_code_counts_more_than_a_status() {
        for (code, status, kind, again) in [
            ("ProvisionedThroughputExceededException", 400, ErrorKind::RateLimited, true),
            ("SlowDown", 503, ErrorKind::RateLimited, true),
            ("com.amazonaws.kinesis#KMSThrottlingException", 400, ErrorKind::RateLimited, true),
            ("PreconditionFailed", 200, ErrorKind::Conflict, false),
            ("ConditionalRequestConflict", 409, ErrorKind::Conflict, true),
            ("InternalError", 200, ErrorKind::Unavailable, true),
            ("ExpiredTokenException", 400, ErrorKind::Unauthenticated, false),
            ("AccessDeniedException", 400, ErrorKind::PermissionDenied, false),
            ("NoSuchKey", 404, ErrorKind::NotFound, false),
            ("", 503, ErrorKind::Unavailable, true),
            ("", 403, ErrorKind::PermissionDenied, false),
            ("SomethingNew", 418, ErrorKind::Unexpected, false),
        ] {
            let error = refused(code, "", status);
            assert_eq!((error.kind(), error.is_retryable()), (kind, again), "{code} {status}");
        }
    }

    #[test]
    fn what_was_refused_for_its_signature_is_not_repeated() {
        let message = "The Canonical String should have been 'x-amz-security-token:CANARY'";
        let error = refused("InvalidSignatureException", message, 403);
        assert!(!format!("{error} {error:?}").contains("CANARY"), "{error}");
        assert!(refused("AccessDenied", "no grant on arn:aws:s3:::b", 403).to_string().contains("no grant"));
    }

    #[test]
    fn no_answer_is_worth_another_try() {
        let late = SdkError::<ErrorMetadata, HttpResponse>::timeout_error("too slow");
        assert_eq!(classify("it was not done", &late).kind(), ErrorKind::Unavailable);
        let cause = CredentialsError::not_loaded("no role");
        let none = SdkError::<ErrorMetadata, HttpResponse>::dispatch_failure(
            aws_smithy_runtime_api::client::result::ConnectorError::other(cause.into(), None),
        );
        let error = classify("it was not done", &none);
        assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error}");
    }
}

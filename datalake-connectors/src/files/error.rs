//! Errors of one file, and errors of the moment.

use std::io;
use std::path::Path;

use datalake_core::codec::TooLarge;
use datalake_core::{Error, ErrorKind};

/// Too many open files, in the process and in the system.
const NO_HANDLES: [i32; 2] = [23, 24];

/// An error while reading a file, at an offset of its content.
pub(super) fn reading(cause: io::Error, path: &Path, at: u64, packed: bool) -> Error {
    let cause = match cause.downcast::<Error>() {
        // What a store has said of it already.
        Ok(error) => return error.with("offset", at),
        Err(cause) => cause,
    };
    let passes = cause.kind() == io::ErrorKind::StaleNetworkFileHandle
        || cause.raw_os_error().is_some_and(|code| NO_HANDLES.contains(&code));
    let error = if passes {
        Error::new(ErrorKind::Unavailable, "the file cannot be read now").caused_by(cause)
    } else if cause.get_ref().is_some_and(|inner| inner.is::<TooLarge>()) {
        Error::new(ErrorKind::RecordTooLarge, "the file expands too far").caused_by(cause)
    } else if packed && cause.raw_os_error().is_none() {
        Error::new(ErrorKind::Corrupt, "the compressed file is damaged").caused_by(cause)
    } else {
        Error::io("the file cannot be read", cause)
    };
    error.with("path", path.display()).with("offset", at)
}

/// Whether an error is of compressed content, and not of the store or the disk it comes from.
pub(super) fn is_of_the_content(cause: &io::Error) -> bool {
    cause.raw_os_error().is_none() && !cause.get_ref().is_some_and(|inner| inner.is::<Error>())
}

/// Whether an error is of the one file, so that the others can be read, and not of the moment.
pub(super) fn is_of_the_file(error: &Error) -> bool {
    !error.is_retryable()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_open_files_pass_and_a_refused_file_does_not() {
        let of = |cause| reading(cause, Path::new("a"), 7, false);
        assert!(!is_of_the_file(&of(io::Error::from_raw_os_error(24))));
        assert!(!is_of_the_file(&of(io::ErrorKind::TimedOut.into())));
        let refused = of(io::ErrorKind::PermissionDenied.into());
        assert!(is_of_the_file(&refused));
        assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
        assert!(refused.to_string().contains("path: a, offset: 7"), "{refused}");
    }

    #[test]
    fn a_broken_stream_is_damage_only_where_there_is_compression() {
        let broken = || io::Error::new(io::ErrorKind::InvalidInput, "corrupt deflate stream");
        assert_eq!(reading(broken(), Path::new("a"), 0, true).kind(), ErrorKind::Corrupt);
        assert_eq!(reading(broken(), Path::new("a"), 0, false).kind(), ErrorKind::ConfigInvalid);
    }
}

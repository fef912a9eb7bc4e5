//! Bodies in the coding `aws-chunked`.

use bytes::{Bytes, BytesMut};
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

/// A body out of its chunks, with the headers that came after it.
pub(super) struct Unwrapped {
    pub(super) body: Bytes,
    pub(super) trailers: HeaderMap,
}

/// `None` if it ends early or is no such coding.
pub(super) fn unwrap(coded: &[u8]) -> Option<Unwrapped> {
    let mut body = BytesMut::new();
    let mut rest = coded;
    loop {
        let (head, after) = line(rest)?;
        let size = head.split(';').next()?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        if size == 0 {
            return Some(Unwrapped { body: body.freeze(), trailers: trailers(after) });
        }
        body.extend_from_slice(after.get(..size)?);
        rest = after.get(size..)?.strip_prefix(b"\r\n")?;
    }
}

fn trailers(mut rest: &[u8]) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    while let Some((text, after)) = line(rest) {
        rest = after;
        let Some((name, value)) = text.split_once(':') else { continue };
        if let (Ok(name), Ok(value)) =
            (name.trim().parse::<HeaderName>(), HeaderValue::from_str(value.trim()))
        {
            trailers.insert(name, value);
        }
    }
    trailers
}

fn line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    Some((std::str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 2..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_comes_out_of_its_chunks_with_what_follows_it() {
        let coded = b"4;chunk-signature=ab\r\nwild\r\n3\r\nest\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n";
        let whole = unwrap(coded).unwrap();
        assert_eq!(whole.body, "wildest");
        assert_eq!(whole.trailers["x-amz-checksum-crc32"], "AAAAAA==");
    }

    #[test]
    fn a_body_that_ends_early_is_none() {
        for coded in [&b"4\r\nwi"[..], b"4\r\nwild\r\n", b"x\r\n", b""] {
            assert!(unwrap(coded).is_none(), "{coded:?}");
        }
    }
}

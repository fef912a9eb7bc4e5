//! Frames: what the server sends while it streams.

use std::ops::Range;

use super::lsn::Lsn;

/// The tag of a frame and its length.
const OUTER: usize = 5;
/// The tag, two places in the log and the time of sending.
const INNER: usize = 25;
/// Where the message of `pgoutput` begins in a frame.
pub(super) const HEADER: usize = OUTER + INNER;

/// What one frame of the stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frame {
    /// A message, which follows the header.
    Data {
        /// Where it is in the log.
        at: Lsn,
    },
    /// The server has sent everything up to here.
    KeepAlive { sent: Lsn, reply: bool },
}

impl Frame {
    /// Reads the header of a whole frame; `None` if it is no frame of a stream.
    pub(super) fn of(frame: &[u8]) -> Option<Self> {
        let lsn = |range: Range<usize>| {
            let bytes: [u8; 8] = frame.get(range)?.try_into().ok()?;
            Some(Lsn(u64::from_be_bytes(bytes)))
        };
        match frame.get(OUTER)? {
            b'w' if frame.len() > HEADER => Some(Self::Data { at: lsn(6..14)? }),
            b'k' if frame.len() == 23 => Some(Self::KeepAlive { sent: lsn(6..14)?, reply: frame[22] == 1 }),
            _ => None,
        }
    }
}

/// The length of the frame at the start of some bytes; `None` if they are not the start of one.
pub(super) fn length(bytes: &[u8]) -> Option<usize> {
    let (tag, length) = bytes.get(..OUTER)?.split_first_chunk::<1>()?;
    let length = u32::from_be_bytes(length.try_into().ok()?) as usize;
    (tag == b"d" && length >= 4).then_some(length + 1)
}

/// The frames of a document, one after the other; the last may be an error that covers the rest.
pub(super) fn frames(document: &[u8]) -> impl Iterator<Item = (Range<usize>, Option<Lsn>)> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = document.get(at..).filter(|rest| !rest.is_empty())?;
        let start = at;
        let whole = length(rest).and_then(|length| rest.get(..length));
        at += whole.map_or(rest.len(), <[u8]>::len);
        match whole.map(Frame::of) {
            Some(Some(Frame::Data { at: lsn })) => Some((start + HEADER..at, Some(lsn))),
            _ => Some((start..at, None)),
        }
    })
}

//! The seal of an entry: a digest of its own text as its last member, so that a change to any entry shows, even to
//! the last one, which no later entry vouches for yet.

use bytes::Bytes;

use crate::digest::Sha256;

const LABEL: &[u8] = br#","sha256":""#;
const END: &[u8] = br#""}"#;
const LENGTH: usize = LABEL.len() + 64 + END.len();

/// The JSON object with its digest added.
pub(super) fn close(json: &[u8]) -> Bytes {
    let digest = Sha256::of(json).to_string();
    [&json[..json.len() - 1], LABEL, digest.as_bytes(), END].concat().into()
}

/// The JSON object without its digest, or `None` if the digest is not its own.
pub(super) fn open(sealed: &[u8]) -> Option<Vec<u8>> {
    let (body, seal) = sealed.split_at_checked(sealed.len().checked_sub(LENGTH)?)?;
    let digest = seal.strip_prefix(LABEL)?.strip_suffix(END)?;
    let json = [body, b"}"].concat();
    (Sha256::of(&json).to_string().as_bytes() == digest).then_some(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_changed_byte_breaks_the_seal() {
        let sealed = close(br#"{"seq":1,"x":"y"}"#);
        assert_eq!(open(&sealed).unwrap(), br#"{"seq":1,"x":"y"}"#);
        for at in 0..sealed.len() {
            let mut changed = sealed.to_vec();
            changed[at] ^= 1;
            assert!(open(&changed).is_none(), "byte {at}");
            assert!(open(&sealed[..at]).is_none(), "cut at {at}");
        }
    }
}

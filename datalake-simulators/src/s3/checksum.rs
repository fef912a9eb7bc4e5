//! The checksums of S3.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha2::{Digest, Sha256};

use super::fault::Refusal;
use super::request::Request;

/// A checksum that S3 keeps with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha256,
}

impl Algorithm {
    pub(super) const ALL: [Self; 4] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha256];

    /// The header it comes in.
    pub(super) fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// The element it has in XML.
    pub(super) fn element(self) -> &'static str {
        match self {
            Self::Crc32 => "ChecksumCRC32",
            Self::Crc32c => "ChecksumCRC32C",
            Self::Crc64Nvme => "ChecksumCRC64NVME",
            Self::Sha256 => "ChecksumSHA256",
        }
    }

    /// The one of a name such as `CRC32`.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.element()["Checksum".len()..] == *name)
    }

    /// The checksum, in Base64.
    pub(super) fn of(self, bytes: &[u8]) -> String {
        match self {
            Self::Crc32 => STANDARD.encode((crc(bytes, 0xEDB8_8320, 32) as u32).to_be_bytes()),
            Self::Crc32c => STANDARD.encode((crc(bytes, 0x82F6_3B78, 32) as u32).to_be_bytes()),
            Self::Crc64Nvme => STANDARD.encode(crc(bytes, 0x9A6C_9329_AC4B_C9B5, 64).to_be_bytes()),
            Self::Sha256 => STANDARD.encode(Sha256::digest(bytes)),
        }
    }

    /// The checksum of checksums that an upload in parts has.
    pub(super) fn of_parts<'a>(self, parts: impl Iterator<Item = &'a str>) -> String {
        let mut joined = Vec::new();
        let mut n = 0;
        for part in parts {
            joined.extend(STANDARD.decode(part).unwrap_or_default());
            n += 1;
        }
        format!("{}-{n}", self.of(&joined))
    }
}

/// A reflected CRC with all bits set before and inverted after.
fn crc(bytes: &[u8], polynomial: u64, width: u32) -> u64 {
    let mut table = [0_u64; 256];
    for (n, entry) in table.iter_mut().enumerate() {
        let mut value = n as u64;
        for _ in 0..8 {
            value = if value & 1 == 1 { (value >> 1) ^ polynomial } else { value >> 1 };
        }
        *entry = value;
    }
    let ones = u64::MAX >> (64 - width);
    let sum =
        bytes.iter().fold(ones, |sum, byte| (sum >> 8) ^ table[((sum ^ u64::from(*byte)) & 0xFF) as usize]);
    sum ^ ones
}

/// The checksums that a request says its body has, each with its value, once they were found to be right.
pub(super) fn verified(request: &Request) -> Result<Vec<(Algorithm, String)>, Refusal> {
    let body = &request.body;
    if let Some(sha256) = request.header("x-amz-content-sha256").filter(|hash| hash.len() == 64) {
        let found: String = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
        if found != sha256 {
            return Err(Refusal { status: 400, code: "XAmzContentSHA256Mismatch" });
        }
    }
    if request.header("content-md5").is_some_and(|given| given != STANDARD.encode(Md5::digest(body))) {
        return Err(Refusal::BAD_DIGEST);
    }
    let mut checksums = Vec::new();
    for algorithm in Algorithm::ALL {
        let Some(given) = request.header(algorithm.header()) else { continue };
        let found = algorithm.of(body);
        if found != given {
            return Err(Refusal::BAD_DIGEST);
        }
        checksums.push((algorithm, found));
    }
    Ok(checksums)
}

/// The entity tag of an object that was put in one piece, and of a part.
pub(super) fn etag(bytes: &[u8]) -> String {
    let hex: String = Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksums_of_a_known_text_are_the_known_ones() {
        let sum = |algorithm: Algorithm| STANDARD.decode(algorithm.of(b"123456789")).unwrap();
        assert_eq!(sum(Algorithm::Crc32), 0xCBF4_3926_u32.to_be_bytes());
        assert_eq!(sum(Algorithm::Crc32c), 0xE306_9283_u32.to_be_bytes());
        assert_eq!(sum(Algorithm::Crc64Nvme), 0xAE8B_1486_0A79_9888_u64.to_be_bytes());
        assert_eq!(etag(b""), "\"d41d8cd98f00b204e9800998ecf8427e\"");
    }
}

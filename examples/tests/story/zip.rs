//! A program as the archive that Lambda takes.

/// An archive with one file, `bootstrap`, which may be run.
pub(crate) fn bootstrap(program: &[u8]) -> Vec<u8> {
    const NAME: &[u8] = b"bootstrap";
    let length = u32::try_from(program.len()).unwrap().to_le_bytes();
    // Version, flags, stored, no time, a date, checksum, both sizes, length of the name, nothing extra.
    let mut facts = vec![10, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
    facts.extend(checksum(program).to_le_bytes());
    facts.extend([length, length].concat());
    facts.extend([u8::try_from(NAME.len()).unwrap(), 0, 0, 0]);

    let mut archive = b"PK\x03\x04".to_vec();
    archive.extend(&facts);
    archive.extend(NAME);
    archive.extend(program);
    let directory = archive.len();
    // Made by Unix; the mode is in the attributes.
    archive.extend(b"PK\x01\x02\x14\x03");
    archive.extend(&facts);
    archive.extend([0; 6]);
    archive.extend((0o100_755_u32 << 16).to_le_bytes());
    archive.extend([0; 4]);
    archive.extend(NAME);
    let size = archive.len() - directory;
    archive.extend(b"PK\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00");
    archive.extend(u32::try_from(size).unwrap().to_le_bytes());
    archive.extend(u32::try_from(directory).unwrap().to_le_bytes());
    archive.extend([0, 0]);
    archive
}

/// CRC-32.
fn checksum(bytes: &[u8]) -> u32 {
    let table: Vec<u32> = (0..256_u32)
        .map(|byte| {
            (0..8).fold(byte, |rest, _| if rest & 1 == 1 { 0xEDB8_8320 ^ (rest >> 1) } else { rest >> 1 })
        })
        .collect();
    !bytes.iter().fold(!0_u32, |rest, byte| table[usize::from(rest as u8 ^ byte)] ^ (rest >> 8))
}

#[test]
fn the_checksum_is_the_known_one() {
    assert_eq!(checksum(b"123456789"), 0xCBF4_3926);
}

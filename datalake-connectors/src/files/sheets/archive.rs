//! The zip archive that a workbook is.

use std::io::{Cursor, Read};

use bytes::Bytes;
use zip::ZipArchive;

use super::Fault;
use super::book::broken;

/// Unpacks every part once and throws it away, so that nothing that expands too far or is damaged is met when it is read
/// into memory. Gives the names of the parts.
pub(super) fn check(bytes: &Bytes, max: u64) -> Result<Vec<String>, Fault> {
    let mut archive = ZipArchive::new(Cursor::new(bytes.clone())).map_err(broken)?;
    let mut left = max;
    let mut names = Vec::with_capacity(archive.len());
    let mut buffer = vec![0; 64 << 10];
    for n in 0..archive.len() {
        let mut part = archive.by_index(n).map_err(broken)?;
        let name = part.name().map_err(broken)?.into_owned();
        if !is_called_so(bytes, part.header_start(), part.name_raw()) {
            return Err(Fault::new(
                "workbook",
                format!("the part {name} of the workbook has another name too"),
            ));
        }
        loop {
            let read = part.read(&mut buffer).map_err(|error| {
                Fault::new("workbook", format!("the part {name} of the workbook is damaged: {error}"))
            })?;
            if read == 0 {
                break;
            }
            left = left.checked_sub(read as u64).ok_or_else(|| {
                Fault::new("too-large", format!("the workbook unpacks to more than {max} bytes"))
            })?;
        }
        names.push(name);
    }
    Ok(names)
}

/// Whether a part has the name in its own header that it has in the directory, of which there is no checksum.
fn is_called_so(bytes: &Bytes, header: u64, name: &[u8]) -> bool {
    let at = |n: u64| bytes.get(usize::try_from(header + n).ok()?).copied();
    let (Some(low), Some(high)) = (at(26), at(27)) else { return false };
    let start = usize::try_from(header + 30).unwrap_or(usize::MAX);
    let length = usize::from(u16::from_le_bytes([low, high]));
    bytes.get(start..start.saturating_add(length)) == Some(name)
}

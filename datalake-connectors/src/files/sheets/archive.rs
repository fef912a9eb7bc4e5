//! The zip archive that a workbook is.

use std::io::{BufReader, Cursor, Read};

use bytes::Bytes;
use memchr::memmem::Finder;
use quick_xml::Reader;
use quick_xml::events::Event;
use zip::ZipArchive;

use super::Fault;
use super::book::{Formulas, broken};

/// A number up to here costs little memory, if a place is made for each number below it.
const FEW: u64 = 1 << 20;
/// The longest piece of a tag that is looked at.
const OVERLAP: usize = 64;

/// What is known of an archive.
pub(super) struct Checked {
    /// The names of the parts.
    pub(super) names: Vec<String>,
    pub(super) formulas: Formulas,
}

/// Unpacks every part once and throws it away, so that nothing that expands too far or is damaged is met when it is read
/// into memory.
pub(super) fn check(bytes: &Bytes, max: u64) -> Result<Checked, Fault> {
    let mut archive = ZipArchive::new(Cursor::new(bytes.clone())).map_err(broken)?;
    let mut left = max;
    let mut names = Vec::with_capacity(archive.len());
    let mut formulas = Formulas::Sane;
    let shared = Finder::new("si");
    let mut buffer = vec![0; OVERLAP + (64 << 10)];
    for n in 0..archive.len() {
        let mut part = archive.by_index(n).map_err(broken)?;
        let name = part.name().map_err(broken)?.into_owned();
        if !is_called_so(bytes, part.header_start(), part.name_raw()) {
            return Err(Fault::new(
                "workbook",
                format!("the part {name} of the workbook has another name too"),
            ));
        }
        // The end of what was read before is in front of what is read.
        let mut kept = 0;
        loop {
            let read = part.read(&mut buffer[kept..]).map_err(|error| {
                Fault::new("workbook", format!("the part {name} of the workbook is damaged: {error}"))
            })?;
            if read == 0 {
                break;
            }
            left = left.checked_sub(read as u64).ok_or_else(|| {
                Fault::new("too-large", format!("the workbook unpacks to more than {max} bytes"))
            })?;
            let seen = &buffer[..kept + read];
            if shared.find_iter(seen).any(|at| number(&seen[at + 2..]).is_some_and(|number| number > FEW)) {
                formulas = Formulas::Absurd;
            }
            let from = seen.len().saturating_sub(OVERLAP);
            kept = seen.len() - from;
            buffer.copy_within(from..from + kept, 0);
        }
        names.push(name);
    }
    Ok(Checked { names, formulas })
}

/// The number that is the value of an attribute, from behind its name.
fn number(rest: &[u8]) -> Option<u64> {
    let rest = rest[..rest.len().min(OVERLAP)].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let digits = rest.strip_prefix(b"\"").or_else(|| rest.strip_prefix(b"'"))?;
    let digits = digits.strip_prefix(b"+").unwrap_or(digits);
    let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    let digits = std::str::from_utf8(&digits[..end]).ok().filter(|digits| !digits.is_empty())?;
    Some(digits.parse().unwrap_or(u64::MAX))
}

/// Refuses a workbook that says it has more shared strings than there is room for in the part that holds them: place is
/// made for as many before they are read.
pub(super) fn check_strings(bytes: &Bytes, names: &[String]) -> Result<(), Fault> {
    let mut archive = ZipArchive::new(Cursor::new(bytes.clone())).map_err(broken)?;
    let strings = names.iter().filter(|name| name.to_ascii_lowercase().ends_with("sharedstrings.xml"));
    for name in strings {
        let part = archive.by_name(name).map_err(broken)?;
        let size = part.size();
        let mut reader = Reader::from_reader(BufReader::new(part));
        reader.config_mut().check_end_names = false;
        let mut buffer = Vec::new();
        let said = loop {
            buffer.clear();
            match reader.read_event_into(&mut buffer) {
                Ok(Event::Start(tag) | Event::Empty(tag)) if tag.local_name().as_ref() == "sst" => {
                    let count = tag.try_get_attribute("uniqueCount").map_err(broken)?;
                    break count.map_or(0, |count| count.value.trim().parse().unwrap_or(u64::MAX));
                }
                Ok(Event::Eof) | Err(_) => break 0,
                Ok(_) => {}
            }
        };
        if said > size.max(FEW) {
            return Err(Fault::new(
                "workbook",
                format!("the part {name} of the workbook says that it has {said} texts in {size} bytes"),
            ));
        }
    }
    Ok(())
}

/// Whether a part has the name in its own header that it has in the directory, of which there is no checksum.
fn is_called_so(bytes: &Bytes, header: u64, name: &[u8]) -> bool {
    let at = |n: u64| bytes.get(usize::try_from(header + n).ok()?).copied();
    let (Some(low), Some(high)) = (at(26), at(27)) else { return false };
    let start = usize::try_from(header + 30).unwrap_or(usize::MAX);
    let length = usize::from(u16::from_le_bytes([low, high]));
    bytes.get(start..start.saturating_add(length)) == Some(name)
}

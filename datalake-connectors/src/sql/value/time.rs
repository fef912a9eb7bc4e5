//! Times, from the ISO style of PostgreSQL to RFC 3339.

use super::string;

/// Writes a time with or without an offset. What is no date and time, `infinity` for one, stays as it is.
pub(super) fn timestamp(text: &str, out: &mut Vec<u8>) {
    let Some((date, rest)) = text.split_once(' ') else { return string(text, out) };
    if !rest.starts_with(|c: char| c.is_ascii_digit()) || text.contains(['"', '\\']) {
        return string(text, out);
    }
    let (time, era) = rest.split_once(' ').map_or((rest, None), |(time, era)| (time, Some(era)));
    let (time, offset) = time.find(['+', '-']).map_or((time, ""), |at| time.split_at(at));
    out.push(b'"');
    for part in [date, "T", time] {
        out.extend_from_slice(part.as_bytes());
    }
    match offset {
        "+00" | "+00:00" => out.push(b'Z'),
        "" => {}
        whole if whole.len() == 3 => out.extend_from_slice(format!("{whole}:00").as_bytes()),
        other => out.extend_from_slice(other.as_bytes()),
    }
    if let Some(era) = era {
        out.push(b' ');
        out.extend_from_slice(era.as_bytes());
    }
    out.push(b'"');
}

//! A request's XML: whether it may be taken, and which IDocs are in it.

use hyper::StatusCode;
use quick_xml::Reader;
use quick_xml::events::Event;

use super::control::Control;
use crate::receive::{Refusal, refusal};

/// The element that is an IDoc, below the root.
pub(super) const ELEMENT: &str = "IDOC";

const BROKEN: Refusal = refusal(StatusCode::BAD_REQUEST, "the body is no well-formed XML");
const TYPED: Refusal =
    refusal(StatusCode::BAD_REQUEST, "the body declares a document type, which is not read");
const EXPANDS: Refusal =
    refusal(StatusCode::BAD_REQUEST, "the body uses an entity of its own, which is not read");
const DEEP: Refusal = refusal(StatusCode::BAD_REQUEST, "the elements of the body are nested too deeply");
const EMPTY: Refusal = refusal(StatusCode::BAD_REQUEST, "there is no IDoc in the body");
const ENCODED: Refusal = refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body is not in UTF-8");

/// The ids of the IDocs of a body, in their order; `None` for one that has none. Reads the body once, and builds nothing of
/// it.
pub(super) fn ids(body: &[u8], max_depth: usize) -> Result<Vec<Option<String>>, Refusal> {
    let text = std::str::from_utf8(body).map_err(|_| ENCODED)?;
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = Reader::from_str(text);
    let (mut depth, mut roots, mut start) = (0_usize, 0_u32, None);
    let mut ids = Vec::new();
    loop {
        let before = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let event = reader.read_event().map_err(|_| BROKEN)?;
        let after = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        match event {
            Event::Start(tag) => {
                if tag.attributes().any(|attribute| attribute.is_err()) {
                    return Err(BROKEN);
                }
                roots += u32::from(depth == 0);
                if depth == 1 && tag.name().as_ref() == ELEMENT {
                    start = Some(before);
                }
                depth += 1;
            }
            Event::Empty(tag) => {
                roots += u32::from(depth == 0);
                if depth == 1 && tag.name().as_ref() == ELEMENT {
                    ids.push(None);
                }
                if depth + 1 > max_depth {
                    return Err(DEEP);
                }
            }
            Event::End(_) => {
                depth = depth.checked_sub(1).ok_or(BROKEN)?;
                if let Some(from) = start.take_if(|_| depth == 1) {
                    let idoc = text.get(from..after).unwrap_or_default();
                    ids.push(Control::of(idoc.as_bytes()).ok().and_then(|control| control.id()));
                }
            }
            Event::DocType(_) => return Err(TYPED),
            Event::GeneralRef(reference) if !is_plain(&reference) => return Err(EXPANDS),
            Event::Decl(declaration) => {
                let encoding = declaration.encoding().transpose().map_err(|_| BROKEN)?;
                if encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case("utf-8")) {
                    return Err(ENCODED);
                }
            }
            Event::Text(text) if depth == 0 && !text.trim().is_empty() => return Err(BROKEN),
            Event::Eof => break,
            _ => {}
        }
        if depth > max_depth {
            return Err(DEEP);
        }
    }
    match (depth, roots, ids.is_empty()) {
        (0, 1, false) => Ok(ids),
        (0, 0 | 1, _) => Err(EMPTY),
        _ => Err(BROKEN),
    }
}

/// Whether a reference is to a character or to one of the five entities that XML has.
fn is_plain(reference: &quick_xml::events::BytesRef<'_>) -> bool {
    if reference.is_char_ref() {
        return matches!(reference.resolve_char_ref(), Ok(Some(_)));
    }
    ["amp", "lt", "gt", "quot", "apos"].contains(&&**reference)
}

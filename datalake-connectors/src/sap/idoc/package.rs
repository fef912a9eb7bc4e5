//! A request's XML: whether it may be taken, and which IDocs are in it.

use datalake_core::Document;
use datalake_core::split::split;
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

/// The ids of the records that the engine will cut from a document; `None` for an IDoc that has none.
pub(super) fn ids(document: &Document) -> Result<Vec<Option<String>>, Refusal> {
    let (mut ids, mut whole) = (Vec::new(), true);
    split(document, |piece| {
        whole &= piece.error.is_none();
        ids.push(Control::of(&piece.body).ok().and_then(|control| control.id()));
    });
    match (whole, ids.is_empty()) {
        (false, _) => Err(BROKEN),
        (true, true) => Err(EMPTY),
        (true, false) => Ok(ids),
    }
}

/// Whether a body is well-formed XML in UTF-8 without a document type, entities of its own and deep nesting. Builds nothing.
pub(super) fn check(body: &[u8], max_depth: usize) -> Result<(), Refusal> {
    let text = std::str::from_utf8(body).map_err(|_| ENCODED)?;
    let mut reader = Reader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    let (mut depth, mut roots) = (0_usize, 0_u32);
    loop {
        match reader.read_event().map_err(|_| BROKEN)? {
            Event::Start(tag) | Event::Empty(tag) if tag.attributes().any(|attribute| attribute.is_err()) => {
                return Err(BROKEN);
            }
            Event::Start(_) => {
                roots += u32::from(depth == 0);
                depth += 1;
                if depth > max_depth {
                    return Err(DEEP);
                }
            }
            Event::Empty(_) => {
                roots += u32::from(depth == 0);
                if depth >= max_depth {
                    return Err(DEEP);
                }
            }
            Event::End(_) => depth = depth.checked_sub(1).ok_or(BROKEN)?,
            Event::DocType(_) => return Err(TYPED),
            Event::GeneralRef(reference) if !is_plain(&reference) => return Err(EXPANDS),
            Event::GeneralRef(_) | Event::CData(_) if depth == 0 => return Err(BROKEN),
            Event::Text(text) if depth == 0 && !text.trim().is_empty() => return Err(BROKEN),
            Event::Decl(declaration) => {
                let encoding = declaration.encoding().transpose().map_err(|_| BROKEN)?;
                if encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case("utf-8")) {
                    return Err(ENCODED);
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    match (depth, roots) {
        (0, 1) => Ok(()),
        (0, 0) => Err(EMPTY),
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

#[cfg(test)]
mod tests {
    use datalake_core::Format;

    use super::*;

    const SEEDS: u64 = 4000;

    /// Pieces of which XML is made, and of which it is broken.
    const PIECES: &[&str] = &[
        "<IDOC>",
        "</IDOC>",
        "<IDOC/>",
        "<IDOC a='>'>",
        "<IDOC\n>",
        "</IDOC >",
        "<O>",
        "</O>",
        "<x>",
        "</x>",
        "<IDOCS/>",
        "<IDOC/ >",
        "<!-- <IDOC> -->",
        "<!-->",
        "<![CDATA[<IDOC>]]>",
        "<?IDOC?>",
        "&amp;",
        "text",
        "\"",
        "'",
        ">",
        "é",
        "<EDI_DC40><MANDT>1</MANDT><SNDPRN>A</SNDPRN><DOCNUM>1</DOCNUM></EDI_DC40>",
    ];

    fn document(text: &str) -> Document {
        Document::new(text.to_owned(), "/", Format::Xml { element: ELEMENT.into() })
    }

    #[test]
    fn what_is_taken_is_cut_into_idocs_that_are_whole() {
        let (mut taken, mut records) = (0, 0);
        for seed in 0..SEEDS {
            let mut state = seed;
            let mut draw = |below: usize| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) as usize % below
            };
            let mut text = String::from("<O>");
            for _ in 0..draw(7) {
                // Often something whole, so that more than nothing is taken.
                match draw(3) {
                    0 => text.push_str(PIECES[draw(PIECES.len())]),
                    1 => text += &format!("<IDOC>{}</IDOC>", PIECES[draw(PIECES.len())]),
                    _ => text += &format!("<x>{}</x>", PIECES[draw(PIECES.len())]),
                }
            }
            text.push_str("</O>");
            if check(text.as_bytes(), 8).is_err() {
                continue;
            }
            let Ok(ids) = ids(&document(&text)) else { continue };
            let mut pieces = Vec::new();
            split(&document(&text), |piece| pieces.push(piece));
            assert_eq!(pieces.len(), ids.len());
            for piece in pieces {
                assert_eq!(check(&piece.body, 8), Ok(()), "seed {seed}: {text}");
            }
            taken += 1;
            records += ids.len();
        }
        assert!(taken > SEEDS / 20 && records > taken as usize, "{taken} of {SEEDS} were taken");
    }
}

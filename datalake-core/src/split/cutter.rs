//! Where a stream of bytes may be cut into documents.

use super::csv::Cutting;
use super::json::Elements;
use super::{BOM, bom};
use crate::format::{Cut, Format};

/// Says where a growing buffer may be cut, so that the documents made of the pieces have the records of the whole.
///
/// Every byte is looked at once, however often the buffer grows.
///
/// ```
/// use datalake_core::Format;
/// use datalake_core::split::Cutter;
///
/// let mut buffer = b"one\ntwo\nthr".to_vec();
/// let mut cutter = Cutter::new(&Format::Lines, 0);
/// assert_eq!(cutter.find(&buffer), 8);
///
/// buffer.drain(..8);
/// cutter.taken(8);
/// buffer.extend_from_slice(b"ee\n");
/// assert_eq!(cutter.find(&buffer), 6);
/// ```
#[derive(Debug, Clone)]
pub struct Cutter(Kind);

#[derive(Debug, Clone)]
enum Kind {
    /// Only at the end.
    Never,
    /// After a line end.
    Line { seen: usize, cut: usize },
    /// After a row.
    Row(Box<Cutting>),
    /// After the comma of an element. Not begun before the buffer is long enough to tell a byte order mark.
    Element { elements: Elements, begun: bool },
}

impl Cutter {
    /// For a buffer that begins at an offset of the whole, where a record begins.
    #[must_use]
    pub fn new(format: &Format, offset: u64) -> Self {
        let begun = offset > 0;
        Self(match format {
            Format::Lines | Format::Ndjson | Format::Decoded { cut: Cut::Lines, .. } => {
                Kind::Line { seen: 0, cut: 0 }
            }
            Format::Csv(csv) => Kind::Row(Box::new(Cutting::new(csv, offset))),
            Format::JsonArray { pointer } if pointer.is_empty() => {
                Kind::Element { elements: Elements::new(0, !begun), begun }
            }
            Format::Whole
            | Format::Json
            | Format::JsonArray { .. }
            | Format::Xml { .. }
            | Format::Decoded { .. } => Kind::Never,
        })
    }

    /// Whether the whole can be cut at all. If not, it is one document.
    #[must_use]
    pub fn cuts(&self) -> bool {
        !matches!(self.0, Kind::Never)
    }

    /// The end of the last whole record of the buffer, so far; 0 if there is none. The buffer begins where it
    /// began before, less what was [taken](Self::taken), and has only grown.
    pub fn find(&mut self, buffer: &[u8]) -> usize {
        match &mut self.0 {
            Kind::Never => 0,
            Kind::Line { seen, cut } => {
                if let Some(n) = memchr::memrchr(b'\n', &buffer[*seen..]) {
                    *cut = *seen + n + 1;
                }
                *seen = buffer.len();
                *cut
            }
            Kind::Row(rows) => rows.find(buffer),
            Kind::Element { elements, begun } => {
                if !*begun {
                    if buffer.len() < BOM.len() {
                        return 0;
                    }
                    *elements = Elements::new(bom(buffer), true);
                    *begun = true;
                }
                while elements.next(buffer, false).is_some() {}
                elements.cut()
            }
        }
    }

    /// Says that as many bytes were taken off the start of the buffer: at most what [`find`](Self::find) said.
    pub fn taken(&mut self, bytes: usize) {
        match &mut self.0 {
            Kind::Never => {}
            Kind::Line { seen, cut } => {
                *seen -= bytes;
                *cut -= bytes;
            }
            Kind::Row(rows) => rows.taken(bytes),
            Kind::Element { elements, .. } => elements.taken(bytes),
        }
    }
}

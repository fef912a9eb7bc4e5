//! The cells of a row.

use std::collections::HashMap;

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::super::Fault;
use super::super::book::{COLUMNS, ROW, too_long};
use super::super::kind::Kind;
use super::super::value::Value;
use super::styles::Styles;
use super::{attribute, attributes, broken, time};

/// Merged cells that begin in a row.
pub(super) struct Span {
    pub(super) rows: u32,
    pub(super) columns: (u32, u32),
}

/// What is in a row.
#[derive(Default)]
pub(super) struct Cells {
    pub(super) found: Vec<(u32, Value)>,
    pub(super) merged: Vec<Span>,
    pub(super) broken: Option<String>,
}

/// Reads the cells of a row to its end. `columns` says what dates are in cells that do not say it.
pub(super) fn cells(reader: &mut Reader<&[u8]>, styles: &Styles, columns: &[Kind]) -> Result<Cells, Fault> {
    let mut cells = Cells::default();
    let (mut column, mut bytes) = (0_u32, 0_usize);
    loop {
        let (tag, content) = match reader.read_event().map_err(broken)? {
            Event::Start(tag) if is_cell(&tag) => {
                let content = content(reader)?;
                (tag, content)
            }
            Event::Empty(tag) if is_cell(&tag) => (tag, String::new()),
            Event::End(tag) if tag.name().as_ref() == "table:table-row" => return Ok(cells),
            Event::Eof => return Err(broken("a row does not end")),
            _ => continue,
        };
        let mut found = attributes(&tag)?;
        let number =
            |name: &str| found.get(name).and_then(|text| text.parse::<u32>().ok()).unwrap_or(1).max(1);
        let repeats = number("table:number-columns-repeated").min(COLUMNS.saturating_sub(column));
        let spans =
            (number("table:number-rows-spanned"), number("table:number-columns-spanned").min(COLUMNS));
        if spans != (1, 1) && column < COLUMNS {
            cells.merged.push(Span { rows: spans.0, columns: (column, column + spans.1 - 1) });
        }
        let default = columns.get(column as usize).copied().unwrap_or(Kind::Unknown);
        let kind = found.get("table:style-name").map_or(default, |style| styles.kind(style));
        match value(&mut found, content, kind) {
            Ok(Value::Empty) => {}
            Ok(_) if bytes > ROW => {}
            Ok(Value::Text(text)) if text.len().saturating_mul(repeats as usize) > ROW => {
                cells.broken = Some(format!("a text of {} bytes is in {repeats} cells", text.len()));
            }
            Ok(value) => {
                bytes = bytes.saturating_add(value.bytes().saturating_mul(repeats as usize));
                if bytes > ROW {
                    cells.found = Vec::new();
                    cells.broken = Some(too_long());
                    continue;
                }
                cells.found.extend((column..column + repeats).map(|column| (column, value.clone())));
            }
            Err(why) => cells.broken = Some(why),
        }
        column = column.saturating_add(repeats);
    }
}

fn is_cell(tag: &BytesStart<'_>) -> bool {
    matches!(tag.name().as_ref(), "table:table-cell" | "table:covered-table-cell")
}

/// The value of a cell, by its attributes and its text.
fn value(found: &mut HashMap<String, String>, content: String, kind: Kind) -> Result<Value, String> {
    if found.get("calcext:value-type").is_some_and(|kind| kind == "error") {
        return Ok(Value::Fault(content));
    }
    // LibreOffice writes a truth value of a workbook of Excel so, as a number.
    match found.get("table:formula").map(String::as_str) {
        Some("of:=TRUE()") => return Ok(Value::Bool(true)),
        Some("of:=FALSE()") => return Ok(Value::Bool(false)),
        _ => {}
    }
    let mut take = |name: &str| found.remove(name);
    let text = |text: String| if text.is_empty() { Value::Empty } else { Value::Text(text) };
    match take("office:value-type").as_deref() {
        Some("float" | "percentage" | "currency") => match take("office:value") {
            Some(number) => match number.trim().parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(Value::Number(number)),
                _ => Err(format!("{number:?} is no number")),
            },
            None => Ok(text(content)),
        },
        Some("boolean") => match take("office:boolean-value").as_deref() {
            Some("true" | "TRUE") => Ok(Value::Bool(true)),
            Some("false" | "FALSE") => Ok(Value::Bool(false)),
            other => Err(format!("{other:?} is neither true nor false")),
        },
        Some("date") => Ok(take("office:date-value").map_or(text(content), |date| time::date(&date, kind))),
        Some("time") => {
            Ok(take("office:time-value").map_or(text(content), |length| time::time(&length, kind)))
        }
        _ => Ok(text(take("office:string-value").unwrap_or(content))),
    }
}

/// The text of a cell to its end: its paragraphs, with a line end between them. What comes to more than a row may have is
/// left out beyond that.
fn content(reader: &mut Reader<&[u8]>) -> Result<String, Fault> {
    let mut out = String::new();
    let (mut inside, mut paragraphs) = (false, 0);
    loop {
        if let Some(end) = (ROW..out.len()).find(|end| out.is_char_boundary(*end)) {
            out.truncate(end);
        }
        match reader.read_event().map_err(broken)? {
            Event::Start(tag) => match tag.name().as_ref() {
                "text:p" | "text:h" => {
                    if paragraphs > 0 {
                        out.push('\n');
                    }
                    (inside, paragraphs) = (true, paragraphs + 1);
                }
                "office:annotation" | "draw:frame" | "draw:g" | "draw:custom-shape" | "table:table"
                | "text:note" | "text:ruby-text" => {
                    reader.read_to_end(tag.name()).map_err(broken)?;
                }
                _ => {}
            },
            Event::Empty(tag) => match tag.name().as_ref() {
                "text:p" => {
                    if paragraphs > 0 {
                        out.push('\n');
                    }
                    paragraphs += 1;
                }
                "text:s" => {
                    let count =
                        attribute(&tag, "text:c")?.and_then(|count| count.parse().ok()).unwrap_or(1_usize);
                    out.extend(std::iter::repeat_n(' ', count.min(32_767)));
                }
                "text:tab" => out.push('\t'),
                "text:line-break" => out.push('\n'),
                _ => {}
            },
            // White space is kept: LibreOffice writes it as it is, and reads it so.
            Event::Text(text) if inside => out.push_str(&text.xml10_content()),
            Event::CData(text) if inside => out.push_str(&text),
            Event::GeneralRef(reference) if inside => {
                let letter = character(&reference).ok_or_else(|| broken("it uses an entity of its own"))?;
                out.push(letter);
            }
            Event::End(tag) => match tag.name().as_ref() {
                "text:p" | "text:h" => inside = false,
                "table:table-cell" | "table:covered-table-cell" => return Ok(out),
                _ => {}
            },
            Event::Eof => return Err(broken("a cell does not end")),
            _ => {}
        }
    }
}

fn character(reference: &BytesRef<'_>) -> Option<char> {
    if reference.is_char_ref() {
        return reference.resolve_char_ref().ok().flatten();
    }
    Some(match &**reference {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

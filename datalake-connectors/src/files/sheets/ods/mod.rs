//! OpenDocument spreadsheets. Read here: sheets are gone through row by row, with merged cells and the formats of dates.

use std::collections::HashMap;

use bytes::Bytes;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::Fault;
use super::book::{COLUMNS, Each, Merged, Rows, Sheet, part};
use super::kind::Kind;

mod cell;
mod styles;
mod time;

use styles::Styles;

/// The most rows of a sheet.
const ROWS: u32 = 1 << 20;

/// An open workbook: its content, and where each sheet begins in it.
pub(super) struct Ods {
    content: String,
    styles: Styles,
    sheets: Vec<(Sheet, usize)>,
}

fn broken(error: impl std::fmt::Display) -> Fault {
    Fault::new("workbook", format!("the workbook cannot be read: {error}"))
}

fn text(bytes: &Bytes, name: &str) -> Result<String, Fault> {
    String::from_utf8(part(bytes, name)?).map_err(broken)
}

impl Ods {
    pub(super) fn open(bytes: &Bytes) -> Result<Self, Fault> {
        if text(bytes, "META-INF/manifest.xml").is_ok_and(|manifest| manifest.contains("encryption-data")) {
            return Err(Fault::new("encrypted", "the workbook has a password"));
        }
        let content = text(bytes, "content.xml")?;
        let mut styles = Styles::default();
        if let Ok(common) = text(bytes, "styles.xml") {
            styles.read(&common)?;
        }
        styles.read(&content)?;
        let mut sheets = Vec::new();
        let mut reader = Reader::from_str(&content);
        loop {
            match reader.read_event().map_err(broken)? {
                Event::Start(tag) => match tag.name().as_ref() {
                    "table:table" => {
                        let name = attribute(&tag, "table:name")?.unwrap_or_default();
                        let hidden =
                            attribute(&tag, "table:style-name")?.is_some_and(|style| styles.hides(&style));
                        // Copies of the sheets of other workbooks are kept under the address of those.
                        if !name.starts_with("'file:") {
                            sheets.push((Sheet { name, hidden }, reader.buffer_position() as usize));
                        }
                        reader.read_to_end(tag.name()).map_err(broken)?;
                    }
                    "table:dde-links" | "table:tracked-changes" | "office:automatic-styles" => {
                        reader.read_to_end(tag.name()).map_err(broken)?;
                    }
                    _ => {}
                },
                Event::Eof => break,
                _ => {}
            }
        }
        Ok(Self { content, styles, sheets })
    }

    pub(super) fn sheets(&self) -> Vec<Sheet> {
        self.sheets.iter().map(|(sheet, _)| sheet.clone()).collect()
    }

    fn reader(&self, name: &str) -> Result<Reader<&[u8]>, Fault> {
        let found = self.sheets.iter().find(|(sheet, _)| sheet.name == name);
        let (_, start) = found.ok_or_else(|| broken("there is no such sheet"))?;
        let mut reader = Reader::from_str(&self.content[*start..]);
        reader.config_mut().check_end_names = false;
        reader.config_mut().allow_unmatched_ends = true;
        Ok(reader)
    }

    pub(super) fn merged(&self, name: &str) -> Result<Vec<Merged>, Fault> {
        let mut merged = Vec::new();
        self.scan(name, None, &mut |found| merged.push(found))?;
        Ok(merged)
    }

    pub(super) fn rows(&self, name: &str, each: Each<'_>) -> Result<(), Fault> {
        let mut rows = Rows::new(each);
        if self.scan(name, Some(&mut rows), &mut |_| {})? {
            rows.end();
        }
        Ok(())
    }

    /// Goes through a sheet, with its rows if they are wanted. Whether its end was reached.
    fn scan(
        &self,
        name: &str,
        mut rows: Option<&mut Rows<'_>>,
        merged: &mut dyn FnMut(Merged),
    ) -> Result<bool, Fault> {
        let mut reader = self.reader(name)?;
        let mut columns = Vec::new();
        let mut row = 0;
        loop {
            match reader.read_event().map_err(broken)? {
                Event::Start(tag) | Event::Empty(tag) if tag.name().as_ref() == "table:table-column" => {
                    let style = attribute(&tag, "table:default-cell-style-name")?;
                    let kind = style.map_or(Kind::Unknown, |style| self.styles.kind(&style));
                    let repeats = repeats(&tag, "table:number-columns-repeated")?.min(COLUMNS);
                    let room = (COLUMNS as usize).saturating_sub(columns.len());
                    columns.extend(std::iter::repeat_n(kind, room.min(repeats as usize)));
                }
                Event::Start(tag) if tag.name().as_ref() == "table:table-row" => {
                    let repeats = repeats(&tag, "table:number-rows-repeated")?.min(ROWS - row);
                    let cells = cell::cells(&mut reader, &self.styles, &columns)?;
                    cells.merged.into_iter().for_each(|found| {
                        merged(Merged {
                            rows: (row, row.saturating_add(found.rows - 1)),
                            columns: found.columns,
                        });
                    });
                    let empty = cells.found.is_empty() && cells.broken.is_none();
                    if let Some(rows) = rows.as_deref_mut().filter(|_| !empty) {
                        for row in row..row + repeats {
                            let mut more = true;
                            for (column, value) in &cells.found {
                                more = more && rows.cell((row, *column), value.clone());
                            }
                            if let Some(why) = &cells.broken {
                                let why = format!("the row {} cannot be read: {why}", row + 1);
                                more = more && rows.broken(row, why);
                            }
                            if !more {
                                return Ok(false);
                            }
                        }
                    }
                    row += repeats;
                }
                Event::Empty(tag) if tag.name().as_ref() == "table:table-row" => {
                    row += repeats(&tag, "table:number-rows-repeated")?.min(ROWS - row);
                }
                Event::Start(tag) if matches!(tag.name().as_ref(), "table:shapes" | "office:forms") => {
                    reader.read_to_end(tag.name()).map_err(broken)?;
                }
                Event::End(tag) if tag.name().as_ref() == "table:table" => return Ok(true),
                Event::Eof => return Err(broken("a sheet does not end")),
                _ => {}
            }
        }
    }
}

/// An attribute, without the references in it.
fn attribute(tag: &BytesStart<'_>, name: &str) -> Result<Option<String>, Fault> {
    let Some(found) = tag.try_get_attribute(name).map_err(broken)? else { return Ok(None) };
    Ok(Some(found.normalized_value(XmlVersion::Implicit1_0).map_err(broken)?.into_owned()))
}

/// All attributes.
fn attributes(tag: &BytesStart<'_>) -> Result<HashMap<String, String>, Fault> {
    let mut found = HashMap::new();
    for attribute in tag.attributes().with_checks(false) {
        let attribute = attribute.map_err(broken)?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(broken)?.into_owned();
        found.insert(attribute.key.as_ref().to_owned(), value);
    }
    Ok(found)
}

fn repeats(tag: &BytesStart<'_>, name: &str) -> Result<u32, Fault> {
    Ok(attribute(tag, name)?.and_then(|number| number.parse().ok()).unwrap_or(1).max(1))
}

//! How cells are shown, as far as it says what is in them.

use std::collections::{HashMap, HashSet};

use quick_xml::Reader;
use quick_xml::events::Event;

use super::super::Fault;
use super::super::kind::Kind;
use super::{attribute, broken};

/// The styles of a workbook.
#[derive(Debug, Default)]
pub(super) struct Styles {
    /// What the styles of dates and times show, by their names.
    data: HashMap<String, Kind>,
    /// Which of them a style of cells uses.
    cells: HashMap<String, String>,
    /// The style that a style of cells is made from.
    parents: HashMap<String, String>,
    /// The styles of sheets that are not shown.
    hidden: HashSet<String>,
}

impl Styles {
    /// Takes the styles of a part.
    pub(super) fn read(&mut self, text: &str) -> Result<(), Fault> {
        let mut reader = Reader::from_str(text);
        let mut style = None::<String>;
        let mut data = None::<(String, bool, bool, bool)>;
        loop {
            match reader.read_event().map_err(broken)? {
                Event::Start(tag) | Event::Empty(tag) => match tag.name().as_ref() {
                    "office:body" => return Ok(()),
                    "style:style" => {
                        style = attribute(&tag, "style:name")?;
                        if let Some(name) = &style {
                            if let Some(data) = attribute(&tag, "style:data-style-name")? {
                                self.cells.insert(name.clone(), data);
                            }
                            if let Some(parent) = attribute(&tag, "style:parent-style-name")? {
                                self.parents.insert(name.clone(), parent);
                            }
                        }
                    }
                    "style:table-properties" => {
                        if let Some(name) = &style
                            && attribute(&tag, "table:display")?.as_deref() == Some("false")
                        {
                            self.hidden.insert(name.clone());
                        }
                    }
                    "number:date-style" | "number:time-style" => {
                        let elapsed =
                            attribute(&tag, "number:truncate-on-overflow")?.as_deref() == Some("false");
                        data = attribute(&tag, "style:name")?.map(|name| (name, elapsed, false, false));
                    }
                    "number:year"
                    | "number:month"
                    | "number:day"
                    | "number:day-of-week"
                    | "number:quarter"
                    | "number:week-of-year"
                    | "number:era" => {
                        if let Some((_, _, day, _)) = &mut data {
                            *day = true;
                        }
                    }
                    "number:hours" | "number:minutes" | "number:seconds" | "number:am-pm" => {
                        if let Some((_, _, _, time)) = &mut data {
                            *time = true;
                        }
                    }
                    _ => {}
                },
                Event::End(tag)
                    if matches!(tag.name().as_ref(), "number:date-style" | "number:time-style") =>
                {
                    if let Some((name, elapsed, day, time)) = data.take() {
                        let kind = match (elapsed, day, time) {
                            (true, ..) => Kind::Duration,
                            (_, true, true) => Kind::Moment,
                            (_, true, false) => Kind::Day,
                            (_, false, true) => Kind::Time,
                            _ => Kind::Unknown,
                        };
                        self.data.insert(name, kind);
                    }
                }
                Event::Eof => return Ok(()),
                _ => {}
            }
        }
    }

    /// Whether a sheet of this style is not shown.
    pub(super) fn hides(&self, style: &str) -> bool {
        self.hidden.contains(style)
    }

    /// What the dates and times in a cell of this style are.
    pub(super) fn kind(&self, style: &str) -> Kind {
        let mut style = style;
        // A chain of styles is short, unless it is a ring.
        for _ in 0..32 {
            if let Some(kind) = self.cells.get(style).and_then(|data| self.data.get(data)) {
                return *kind;
            }
            match self.parents.get(style) {
                Some(parent) => style = parent,
                None => break,
            }
        }
        Kind::Unknown
    }
}

//! From one page to the next.

use http::uri::PathAndQuery;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::incremental::Mark;
use super::page::Facts;
use super::probe::is_pointer;
use datalake_core::{Error, ErrorKind, Result};

/// How one page leads to the next.
///
/// Whatever the style, a page without records does not end a walk that has a next link, the same link twice in one
/// walk is an error, and so are more pages than the cap. A page after the first that leads nowhere and has nothing where
/// its records should be, not even `null`, is no end: it is `Unavailable` and asked for again, and so is one without content
/// where the body has the link or the cursor. Links are asked of the configured origin whatever host they
/// name (see [`PollSource`](super::PollSource)).
///
/// Offsets and page numbers shift when records are added or removed while the pages are read, and can then miss one:
/// prefer links, cursors or [`keyset`](Self::keyset) where the server has them.
#[derive(Debug, Clone)]
pub struct Pagination {
    pub(super) style: Style,
    pub(super) size: Option<(String, u64)>,
    pub(super) more: Option<String>,
    pub(super) total: Option<String>,
    short_page_ends: bool,
    volatile: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Style {
    None,
    LinkHeader { rel: String },
    NextUrl { pointer: String },
    Cursor { pointer: String, parameter: String },
    LastRecord { pointer: String, parameter: String },
    Offset { parameter: String },
    Page { parameter: String, first: u64 },
    Keyset,
}

/// A page that is not the first of its cycle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
    /// A path with query, out of a link.
    Link(String),
    /// A cursor out of the body, or out of the last record of the page before.
    Cursor(String),
    /// Records passed over.
    Offset(u64),
    /// The number of the page.
    Page(u64),
    /// The first page of the window that has been begun.
    Begin,
    /// The last record of the page before.
    After(Mark),
}

impl Pagination {
    fn new(style: Style) -> Self {
        Self { style, size: None, more: None, total: None, short_page_ends: false, volatile: false }
    }

    /// One page is all.
    #[must_use]
    pub fn none() -> Self {
        Self::new(Style::None)
    }

    /// The link with `rel="next"` in the `Link` header (RFC 8288). None ends the walk.
    #[must_use]
    pub fn link_header() -> Self {
        Self::link("next")
    }

    /// The link with a relation in the `Link` header (RFC 8288), for instance `prev` where that leads on to what is
    /// newer. None ends the walk.
    pub fn link(rel: impl Into<String>) -> Self {
        Self::new(Style::LinkHeader { rel: rel.into() })
    }

    /// A link in the body, at a JSON Pointer. Absent, `null` or empty ends the walk.
    pub fn next_url(pointer: impl Into<String>) -> Self {
        Self::new(Style::NextUrl { pointer: pointer.into() })
    }

    /// A text or number in the body, at a JSON Pointer, that goes into a parameter of the next request. Absent,
    /// `null` or empty ends the walk, and so does a page without records that repeats the cursor it was asked with.
    pub fn cursor(pointer: impl Into<String>, parameter: impl Into<String>) -> Self {
        Self::new(Style::Cursor { pointer: pointer.into(), parameter: parameter.into() })
    }

    /// The text or number at a JSON Pointer in the last record of a page, its id, goes into a parameter of the next
    /// request. A page without records ends the walk; say by [`while_true`](Self::while_true) how the body tells the
    /// end.
    pub fn last_record(pointer: impl Into<String>, parameter: impl Into<String>) -> Self {
        Self::new(Style::LastRecord { pointer: pointer.into(), parameter: parameter.into() })
    }

    /// The number of records to pass over, from 0, and how many to give. It grows by the records that came. A page
    /// without records ends the walk, and so does status 416.
    pub fn offset(parameter: impl Into<String>, limit_parameter: impl Into<String>, limit: u64) -> Self {
        Self::new(Style::Offset { parameter: parameter.into() }).size(limit_parameter, limit)
    }

    /// The number of the page, from `first`. A page without records ends the walk, and so does status 416.
    pub fn page(parameter: impl Into<String>, first: u64) -> Self {
        Self::new(Style::Page { parameter: parameter.into(), first })
    }

    /// The timestamp of the last record, and its id if [`Incremental::id`](super::Incremental::id) is set, go into the
    /// next request. The server gives records in ascending order and honours the limit. The walk ends when a page
    /// goes no further. Without the id, a page begins with the records of the last timestamp of the page before, and
    /// more records of one timestamp than the limit are an error, since those beyond it cannot be reached.
    pub fn keyset(limit_parameter: impl Into<String>, limit: u64) -> Self {
        Self::new(Style::Keyset).size(limit_parameter, limit)
    }

    /// Asks for pages of a size. A link carries its own: there only the first request asks.
    #[must_use]
    pub fn size(mut self, parameter: impl Into<String>, size: u64) -> Self {
        self.size = Some((parameter.into(), size));
        self
    }

    /// Ends the walk too where the value at a JSON Pointer is `false`.
    #[must_use]
    pub fn while_true(mut self, pointer: impl Into<String>) -> Self {
        self.more = Some(pointer.into());
        self
    }

    /// Ends the walk too after as many records (for offsets) or pages (for page numbers) as the body says there are,
    /// at a JSON Pointer.
    #[must_use]
    pub fn total(mut self, pointer: impl Into<String>) -> Self {
        self.total = Some(pointer.into());
        self
    }

    /// Ends the walk too after a page with fewer records than the size. Saves a request where the server always fills
    /// its pages; loses the rest where it does not.
    #[must_use]
    pub fn short_page_ends(mut self) -> Self {
        self.short_page_ends = true;
        self
    }

    /// Keeps no link or cursor in a position, for services whose cursors are not to be stored. A walk that is ended by a
    /// restart begins again, with the window it was in if there are [windows](super::Window); the pages that were given
    /// are known and not given again, up to 512 of them.
    #[must_use]
    pub fn volatile(mut self) -> Self {
        self.volatile = true;
        self
    }

    /// The settings as lineage keeps them.
    pub(super) fn config(&self) -> Value {
        let size = self.size.as_ref();
        json!({
            "style": self.style,
            "size": size.map(|(parameter, size)| json!({ "parameter": parameter, "size": size })),
            "while_true": self.more,
            "total": self.total,
            "short_page_ends": self.short_page_ends,
            "volatile": self.volatile,
        })
    }

    pub(super) fn is_volatile(&self) -> bool {
        self.volatile
            && matches!(self.style, Style::LinkHeader { .. } | Style::NextUrl { .. } | Style::Cursor { .. })
    }

    pub(super) fn check(&self) -> Result<()> {
        let own = match &self.style {
            Style::NextUrl { pointer }
            | Style::Cursor { pointer, .. }
            | Style::LastRecord { pointer, .. } => Some(pointer),
            _ => None,
        };
        for pointer in [own, self.more.as_ref(), self.total.as_ref()].into_iter().flatten() {
            if !is_pointer(pointer) || pointer.is_empty() {
                return Err(
                    Error::config("a value in the body is named by a JSON Pointer").with("found", pointer)
                );
            }
        }
        if self.size.as_ref().is_some_and(|(_, size)| *size == 0) {
            return Err(Error::config("a page of no records leads nowhere"));
        }
        if self.short_page_ends && self.size.is_none() {
            return Err(Error::config("a short page can only end the walk if the size is known"));
        }
        Ok(())
    }

    /// Whether the records of a page must be counted to know what comes next.
    pub(super) fn counts(&self) -> bool {
        !matches!(self.style, Style::None | Style::LinkHeader { .. } | Style::NextUrl { .. })
            || self.short_page_ends
    }

    /// Whether a step was made by this style.
    pub(super) fn owns(&self, step: &Step) -> bool {
        matches!(
            (&self.style, step),
            (Style::LinkHeader { .. } | Style::NextUrl { .. }, Step::Link(_))
                | (Style::Cursor { .. } | Style::LastRecord { .. }, Step::Cursor(_))
                | (Style::Offset { .. }, Step::Offset(_))
                | (Style::Page { .. }, Step::Page(_))
                | (Style::Keyset, Step::After(_))
        )
    }

    /// Whether status 416 is the end and no error.
    pub(super) fn ends_out_of_range(&self) -> bool {
        matches!(self.style, Style::Offset { .. } | Style::Page { .. })
    }

    /// The parameters of a request for a step, or for the first page.
    pub(super) fn parameters(&self, step: Option<&Step>) -> Vec<(&str, String)> {
        let mut pairs = Vec::new();
        match (&self.style, step) {
            (Style::Offset { parameter }, step) => {
                let offset = if let Some(Step::Offset(offset)) = step { *offset } else { 0 };
                pairs.push((parameter.as_str(), offset.to_string()));
            }
            (Style::Page { parameter, first }, step) => {
                let page = if let Some(Step::Page(page)) = step { page } else { first };
                pairs.push((parameter, page.to_string()));
            }
            (
                Style::Cursor { parameter, .. } | Style::LastRecord { parameter, .. },
                Some(Step::Cursor(cursor)),
            ) => {
                pairs.push((parameter, cursor.clone()));
            }
            _ => {}
        }
        pairs.extend(self.size.iter().map(|(name, size)| (name.as_str(), size.to_string())));
        pairs
    }

    /// Whether the value of a parameter is a number.
    pub(super) fn is_number(&self, name: &str) -> bool {
        let own = match &self.style {
            Style::Offset { parameter } | Style::Page { parameter, .. } => Some(parameter),
            _ => None,
        };
        own.is_some_and(|own| own == name) || self.size.as_ref().is_some_and(|(own, _)| own == name)
    }

    /// The step after a page. `None` ends the walk. `resolve` confines a link to the origin.
    ///
    /// # Errors
    /// `Unavailable` if a page in the middle of a walk is none.
    pub(super) fn next(
        &self,
        at: Option<&Step>,
        page: &Facts,
        resolve: impl Fn(&str) -> Result<PathAndQuery>,
    ) -> Result<Option<Step>> {
        let next = self.step(at, page, resolve)?;
        if next.is_none() && !matches!(at, None | Some(Step::Begin)) && self.is_no_end(page) {
            return Err(Error::new(
                ErrorKind::Unavailable,
                "a page in the middle of a walk has no records and does not say that it is the last",
            ));
        }
        Ok(next)
    }

    /// Whether a page that leads nowhere may be something else than the last: a walk from the newest on that it ended would
    /// never come back for the rest.
    fn is_no_end(&self, page: &Facts) -> bool {
        match &self.style {
            Style::NextUrl { .. } | Style::Cursor { .. } | Style::LastRecord { .. } => {
                page.blank || page.missing && page.more != Some(false)
            }
            Style::LinkHeader { .. } | Style::Offset { .. } | Style::Page { .. } => {
                page.missing && page.more != Some(false)
            }
            Style::None | Style::Keyset => false,
        }
    }

    fn step(
        &self,
        at: Option<&Step>,
        page: &Facts,
        resolve: impl Fn(&str) -> Result<PathAndQuery>,
    ) -> Result<Option<Step>> {
        let short = self.size.as_ref().is_some_and(|(_, size)| page.records < *size);
        if page.more == Some(false) || (self.short_page_ends && short) {
            return Ok(None);
        }
        let link = |link: &String| Ok(Step::Link(resolve(link)?.to_string()));
        match &self.style {
            Style::None => Ok(None),
            Style::LinkHeader { .. } => page.link.as_ref().map(link).transpose(),
            Style::NextUrl { .. } => page.next.as_ref().map(link).transpose(),
            Style::Cursor { .. } => {
                let next = page.next.clone().map(Step::Cursor);
                Ok(next.filter(|next| page.records > 0 || at != Some(next)))
            }
            Style::LastRecord { .. } => match &page.last {
                Some(last) => Ok(Some(Step::Cursor(last.clone()))),
                None if page.records > 0 => {
                    Err(Error::config("the last record of the page has no id where it should be"))
                }
                None => Ok(None),
            },
            Style::Offset { .. } => {
                let offset = if let Some(Step::Offset(offset)) = at { *offset } else { 0 };
                let next = offset.saturating_add(page.records);
                let end = page.records == 0 || page.total.is_some_and(|total| next >= total);
                Ok((!end).then_some(Step::Offset(next)))
            }
            Style::Page { first, .. } => {
                let number = if let Some(Step::Page(page)) = at { *page } else { *first };
                let next = number.saturating_add(1);
                let end = page.records == 0 || page.total.is_some_and(|total| next - first >= total);
                Ok((!end).then_some(Step::Page(next)))
            }
            Style::Keyset => {
                if !page.ascending {
                    return Err(Error::unexpected(
                        "the records are not in ascending order, as keyset pages need",
                    ));
                }
                let before = if let Some(Step::After(mark)) = at { Some(mark) } else { None };
                match &page.high {
                    Some(last) if before.is_none_or(|before| last.follows(before)) => {
                        Ok(Some(Step::After(last.clone())))
                    }
                    _ if page.records > 0 && !short => Err(Error::config(
                        "more records share one timestamp than fit on a page; raise the limit or name a parameter for \
                         the id",
                    )),
                    _ => Ok(None),
                }
            }
        }
    }
}

impl Default for Pagination {
    fn default() -> Self {
        Self::none()
    }
}

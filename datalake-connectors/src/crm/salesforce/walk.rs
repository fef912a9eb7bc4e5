//! What an answer leads to.

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::header::HeaderValue;

use super::Bulk;
use super::fetch::{Ask, Told};
use super::page::{Deleted, Page, Row};
use super::position::{Cycle, Mark, Phase, SCHEMA, Step, Window, back};
use super::schema::Schema;
use super::soql::Query;
use super::source::{Described, LEAST, SalesforceSource};
use crate::http::link::reroot;
use datalake_core::{Csv, Document, Error, ErrorKind, Format, Position, Request, Result, SourceBatch};

/// How long a cycle without records goes unnoted: its end is handed over then all the same.
const UNNOTED: TimeDelta = TimeDelta::hours(1);

impl SalesforceSource {
    /// Takes an answer in: the batch to hand over, if there is a reason for one.
    pub(super) fn take(&mut self, ask: &Ask, told: Told) -> Result<Option<SourceBatch>> {
        match told {
            Told::Schema { schema, modified, now } => {
                self.describes(schema, modified)?;
                if self.state.run.is_none() {
                    self.begin(now);
                }
                Ok(None)
            }
            Told::Page { page, body, request } => self.page(ask, page, body, request),
            Told::Job(info) => self.job(ask, info),
            Told::Results { next, rows, body, request } => Ok(self.results(next, rows, body, request)?),
            Told::Deleted { deleted, body, request } => self.deleted(ask, deleted, body, request),
        }
    }

    /// Takes note of how the object looks now.
    fn describes(&mut self, schema: Option<Schema>, modified: Option<HeaderValue>) -> Result<()> {
        let Some(schema) = schema else {
            return match self.described {
                Some(_) => Ok(()),
                None => Err(Error::unexpected("the system says that nothing has changed, but was not asked")),
            };
        };
        if let Some(old) = &self.described {
            let changes = schema.changes_since(&old.schema);
            if !changes.is_empty() {
                let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
                tracing::warn!(object = %schema.name, changes = changes.join(" "), "the object looks different");
            }
        }
        let mut fields = schema.select(&self.plan.fields)?;
        let cursor = match &self.state.cursor {
            None => schema.cursor().map(str::to_owned),
            Some(known) => match schema.field(known) {
                Some(field) if field.filterable => Some(known.clone()),
                _ => {
                    return Err(Error::new(
                        ErrorKind::PositionInvalid,
                        "the field that the position goes by can be asked for no longer",
                    )
                    .with("field", known));
                }
            },
        };
        if let Some(cursor) = cursor.as_ref().filter(|cursor| !fields.contains(cursor)) {
            fields.push(cursor.clone());
        }
        self.state.cursor.clone_from(&cursor);
        // Activities that were archived are told only by way of the recycle bin.
        let alive = !self.plan.deleted && schema.field("IsDeleted").is_some_and(|field| field.filterable);
        let all = alive || (self.plan.deleted && schema.has_recycle_bin());
        let filter = self.plan.filter.clone();
        let query = Query { object: self.api.object.clone(), fields, cursor, alive, filter };
        self.described = Some(Described { schema, query, all, modified });
        Ok(())
    }

    fn begin(&mut self, now: DateTime<Utc>) {
        let cycle = self.cycle(Some(now));
        let due = cycle.until.zip(self.state.deleted).is_some_and(|(until, known)| until - known >= LEAST);
        let tells = self.described.as_ref().is_some_and(|described| described.schema.replicateable);
        self.state.begin(&cycle, self.plan.deleted && tells && due);
        if self.state.deleted.is_none() {
            self.state.deleted = cycle.until;
        }
        self.shorten();
    }

    fn cycle(&self, now: Option<DateTime<Utc>>) -> Cycle {
        let timed = self.state.cursor.is_some();
        Cycle {
            until: now.filter(|_| timed),
            start: self.plan.start,
            look_back: self.plan.look_back,
            bulk: self.plan.bulk == Bulk::Always && !self.no_bulk,
        }
    }

    /// Goes on after a window that is done.
    fn advance(&mut self) {
        let cycle = self.cycle(self.state.run.as_ref().and_then(|run| run.until));
        self.state.advance(&cycle);
        self.state.span = self.state.span.and_then(|span| span.checked_mul(2));
        self.shorten();
        self.rest = self.state.run.is_none();
    }

    /// Cuts a window that begins to the length that is thought to work.
    fn shorten(&mut self) {
        let Some(span) = self.state.span.and_then(TimeDelta::try_seconds) else { return };
        let Some(run) = &mut self.state.run else { return };
        if let (Some(lo), Some(hi), true) = (run.window.lo, run.window.hi, run.phase != Phase::Deleted) {
            run.window.hi = Some(lo.checked_add_signed(span).unwrap_or(hi).min(hi));
        }
    }

    fn page(&mut self, ask: &Ask, page: Page, body: Bytes, request: Request) -> Result<Option<SourceBatch>> {
        let large = matches!(self.plan.bulk, Bulk::From(rows) if page.total >= rows) && !self.no_bulk;
        let Some(run) = &mut self.state.run else { return Err(no_cycle()) };
        let begins = matches!(run.step, Step::Query { after: None }) && matches!(ask, Ask::Query { .. });
        if begins && large && run.phase == Phase::New && page.next.is_some() {
            run.step = Step::Create;
            return Ok(None);
        }
        self.missed_field = false;
        self.made_again = false;
        let read = page.rows.len() as u64;
        self.left = match ask {
            Ask::Query { .. } => Some(page.total.saturating_sub(read)),
            _ => self.left.map(|left| left.saturating_sub(read)),
        };
        let before = match &run.step {
            Step::Query { after } | Step::Page { after, .. } => after.clone(),
            _ => None,
        };
        let tail = run.until.and_then(|until| back(until, self.plan.look_back));
        let after = mark(&page.rows, self.state.cursor.is_some(), run.window.hi, tail)?.or(before);
        let phase = run.phase;
        let next = match page.next {
            Some(link) => {
                let path = reroot(&link, &http::uri::PathAndQuery::from_static("/"))?;
                if self.session.reveals(path.as_str()) {
                    return Err(Error::unexpected("a link repeats a credential"));
                }
                if matches!(ask, Ask::Page { path: asked, .. } if *asked == path) {
                    return Err(Error::unexpected("a page leads back to itself"));
                }
                Some(path.to_string())
            }
            None => None,
        };
        let news = self.note(&page.rows, phase == Phase::Late)?;
        match (next, &mut self.state.run) {
            (Some(path), Some(run)) => run.step = Step::Page { path, after },
            _ => self.advance(),
        }
        let document = news.then(|| self.document(body, pointer("/records")));
        self.hand_over(document, Some(request))
    }

    /// Remembers the records at the end of the cycle, and says whether there is one that was not given before.
    fn note(&mut self, rows: &[Row], again: bool) -> Result<bool> {
        let until = self.state.run.as_ref().and_then(|run| run.until);
        let since = until.and_then(|until| back(until, self.plan.look_back));
        for row in rows {
            if since.is_some_and(|since| row.at().is_some_and(|at| at >= since)) {
                self.state.now.note(&row.id, &row.state());
            }
        }
        let known = |row: &Row| again && self.state.last.holds(&row.id, &row.state());
        Ok(!rows.iter().all(known))
    }

    fn results(
        &mut self,
        next: Option<String>,
        rows: u64,
        body: Bytes,
        request: Request,
    ) -> Result<Option<SourceBatch>> {
        self.missed_field = false;
        self.made_again = false;
        let Some(run) = &mut self.state.run else { return Err(no_cycle()) };
        let Some(job) = run.step.job().cloned() else { return Err(no_cycle()) };
        let before = match &run.step {
            Step::Results { locator, .. } => locator.clone(),
            _ => None,
        };
        match next {
            Some(next) if Some(&next) == before.as_ref() => {
                return Err(Error::unexpected("a page of results leads back to itself"));
            }
            Some(next) => run.step = Step::Results { job, locator: Some(next) },
            None => {
                self.state.finished.push(job);
                self.advance();
            }
        }
        let csv = Csv::new(',');
        let document = (rows > 0).then(|| self.document(body, Format::Csv(csv)));
        self.hand_over(document, Some(request))
    }

    fn deleted(
        &mut self,
        ask: &Ask,
        deleted: Deleted,
        body: Bytes,
        request: Request,
    ) -> Result<Option<SourceBatch>> {
        let known = self.state.deleted;
        if let (Some(earliest), Some(known), false) = (deleted.earliest, known, self.plan.accept_missed)
            && earliest > known
        {
            return Err(Error::new(
                ErrorKind::PositionInvalid,
                "what was deleted since the last run is known in part only; read everything again, or accept it",
            )
            .with("since", known)
            .with("known_since", earliest));
        }
        let news = self.note(&deleted.rows, true)?;
        let Some(run) = &mut self.state.run else { return Err(no_cycle()) };
        let end = run.window.hi.or(run.until);
        let covered = deleted.latest.or(end).min(end);
        self.state.deleted = known.max(covered);
        match ask {
            Ask::Deleted { start, .. }
                if covered < run.until && run.window.hi.is_some() && covered > Some(*start) =>
            {
                run.window = Window { lo: covered, hi: None };
            }
            _ => self.advance(),
        }
        let document = news.then(|| self.document(body, pointer("/deletedRecords")));
        self.hand_over(document, Some(request))
    }

    /// A batch with a document, or one that only moves the position on, or none where neither is needed.
    pub(super) fn hand_over(
        &mut self,
        document: Option<Document>,
        request: Option<Request>,
    ) -> Result<Option<SourceBatch>> {
        let ended = self.state.run.is_none();
        let long = self.state.mark.zip(self.given.mark).is_none_or(|(now, then)| now - then >= UNNOTED);
        let moved = self.given.run.is_some() || self.given.mark.is_none() || long;
        let begun = self.state.run.as_ref().is_some_and(|run| run.step.job().is_some());
        let cut = std::mem::take(&mut self.cut);
        let moves = (ended && moved) || begun || cut;
        if document.is_none() && !moves {
            return Ok(None);
        }
        self.given = self.state.clone();
        let position = Position::new(SCHEMA, &self.state)?;
        let mut batch = SourceBatch::new(document.into_iter().collect(), position);
        batch.requests.extend(request.filter(|_| !batch.documents.is_empty()));
        Ok(Some(batch))
    }

    fn document(&self, body: Bytes, format: Format) -> Document {
        Document::new(body, self.info.locator.as_str(), format)
    }
}

/// The record that a query can go on after, once the page is given.
///
/// A record that changes while its query is read may be shown as it is now, with a time that is out of the order of the
/// page. One that is beyond the window tells itself; of those within the look-back, where a late one can be, the mark
/// keeps clear where it can: what it passes over there is looked at again.
fn mark(
    rows: &[Row],
    timed: bool,
    hi: Option<DateTime<Utc>>,
    tail: Option<DateTime<Utc>>,
) -> Result<Option<Mark>> {
    if !timed {
        return Ok(rows.last().map(|row| Mark { at: None, id: row.id.clone() }));
    }
    let mut last = None;
    for row in rows.iter().rev() {
        let at = row.at().ok_or_else(|| Error::unexpected("the time of a record cannot be read"))?;
        let mark = || Mark { at: Some(at), id: row.id.clone() };
        if tail.is_none_or(|tail| at < tail) {
            return Ok(Some(mark()));
        }
        if last.is_none() && hi.is_none_or(|hi| at < hi) {
            last = Some(mark());
        }
    }
    Ok(last)
}

fn pointer(text: &str) -> Format {
    Format::JsonArray { pointer: text.to_owned() }
}

pub(super) fn no_cycle() -> Error {
    Error::unexpected("an answer came outside of a cycle")
}

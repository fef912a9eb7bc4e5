//! Queries of REST and their pages.

use std::fmt::Write;

use super::object::Cell;
use super::org::{Org, Row, Table, id_of, is_deleted};
use super::refused::Refused;
use super::soql::{Order, Query, Selected, bind, compare, parse};
use crate::rest::{Answer, Request, mix};

/// The most records on a page, and the least that a client can ask for.
const PAGE: usize = 2000;
const SMALLEST_PAGE: usize = 200;

/// A query that has pages left.
#[derive(Debug)]
pub(super) struct Cursor {
    id: String,
    object: String,
    fields: Vec<usize>,
    rows: Vec<Row>,
    page: usize,
    pages: usize,
}

impl Org {
    /// Finds the object of a query and what its names mean.
    pub(super) fn prepare(&self, soql: &str) -> Result<(&Table, Query), Refused> {
        let written = parse(soql)?;
        let table = self.table(&written.from).ok_or_else(|| {
            let message = format!(
                "sObject type '{}' is not supported. If you are attempting to use a custom object, be sure to append \
                 the '__c' after the entity name.",
                written.from
            );
            Refused::new(400, "INVALID_TYPE", message)
        })?;
        let query = bind(&written, &table.object)?;
        Ok((table, query))
    }

    /// The records that a query means, in its order. One that is timed can take too long.
    pub(super) fn run(
        &self,
        table: &Table,
        query: &Query,
        deleted: bool,
        timed: bool,
    ) -> Result<Vec<Row>, Refused> {
        let fits = |row: &&Row| {
            (deleted || !is_deleted(row) && !table.is_archived(row))
                && query.filter.as_ref().is_none_or(|filter| filter.fits(row))
        };
        let mut rows: Vec<Row> = table.rows.values().filter(fits).cloned().collect();
        if timed && self.settings.query_rows.is_some_and(|most| rows.len() > most) {
            return Err(Refused::new(400, "QUERY_TIMEOUT", "Your query request was running for too long."));
        }
        if self.settings.unordered {
            let place =
                |row: &Row| id_of(row).bytes().fold(self.requests, |place, byte| mix(place, byte.into()));
            rows.sort_by_cached_key(place);
        }
        if !query.order.is_empty() {
            rows.sort_by(|a, b| sort(&query.order, a, b));
        }
        rows.drain(..query.offset.min(rows.len()));
        rows.truncate(query.limit.unwrap_or(usize::MAX));
        Ok(rows)
    }

    pub(super) fn query(
        &mut self,
        request: &Request,
        version: &str,
        deleted: bool,
    ) -> Result<Answer, Refused> {
        let soql = request.query("q").ok_or_else(|| Refused::malformed("SOQL query is missing"))?;
        let (table, query) = self.prepare(soql)?;
        let timed = matches!(query.select, Selected::Fields(_));
        let mut rows = self.run(table, &query, deleted, timed)?;
        let Selected::Fields(fields) = query.select else {
            let body = format!("{{\"totalSize\":{},\"done\":true,\"records\":[]}}", rows.len());
            return Ok(Answer::json(200, body));
        };
        let page = self.settings.page.unwrap_or_else(|| batch_size(request));
        let total = rows.len();
        let rest = rows.split_off(total.min(page));
        let object = table.object.name.clone();
        let next = (!rest.is_empty()).then(|| self.id("01g"));
        let next_url = next
            .as_ref()
            .map(|id| format!("{}/services/data/{version}/query/{id}-{page}", self.settings.links));
        let body = self.page(&object, version, &fields, &rows, total, next_url.as_deref());
        if let Some(id) = next {
            let rows = rows.into_iter().chain(rest).collect();
            self.cursors.push_back(Cursor { id, object, fields, rows, page, pages: 0 });
            if self.cursors.len() > self.settings.cursors {
                self.cursors.pop_front();
            }
        }
        Ok(Answer::json(200, body))
    }

    pub(super) fn query_more(&mut self, locator: &str, version: &str) -> Result<Answer, Refused> {
        let dead = || Refused::new(400, "INVALID_QUERY_LOCATOR", "invalid query locator");
        let (id, offset) = locator.rsplit_once('-').ok_or_else(dead)?;
        let offset: usize = offset.parse().map_err(|_| dead())?;
        let most = self.settings.cursor_pages.unwrap_or(usize::MAX);
        let cursor = self.cursors.iter_mut().find(|cursor| cursor.id == id && cursor.pages < most);
        let cursor = cursor.filter(|cursor| offset < cursor.rows.len()).ok_or_else(dead)?;
        cursor.pages += 1;
        let end = (offset + cursor.page).min(cursor.rows.len());
        let (object, fields, total) = (cursor.object.clone(), cursor.fields.clone(), cursor.rows.len());
        let mut rows = cursor.rows[offset..end].to_vec();
        if self.settings.live_pages
            && let Some(table) = self.table(&object)
        {
            rows = rows.iter().filter_map(|row| table.rows.get(id_of(row)).cloned()).collect();
        }
        let next = (end < total)
            .then(|| format!("{}/services/data/{version}/query/{id}-{end}", self.settings.links));
        Ok(Answer::json(200, self.page(&object, version, &fields, &rows, total, next.as_deref())))
    }

    /// A page, its fields in the order in which they were selected.
    fn page(
        &self,
        object: &str,
        version: &str,
        fields: &[usize],
        rows: &[Row],
        total: usize,
        next: Option<&str>,
    ) -> String {
        let names: Vec<_> = self.table(object).map_or_else(Vec::new, |table| {
            fields.iter().map(|field| (*field, table.object.fields[*field].name.as_str())).collect()
        });
        let mut body = format!("{{\"totalSize\":{total},\"done\":{}", next.is_none());
        // Writing to a text does not fail.
        if let Some(next) = next {
            write!(body, ",\"nextRecordsUrl\":\"{next}\"").ok();
        }
        body += ",\"records\":[";
        for (n, row) in rows.iter().enumerate() {
            body += if n == 0 { "{" } else { ",{" };
            let id = id_of(row);
            write!(
                body,
                "\"attributes\":{{\"type\":\"{object}\",\"url\":\"/services/data/{version}/sobjects/{object}/{id}\"}}"
            )
            .ok();
            for (field, name) in &names {
                write!(body, ",\"{name}\":{}", Cell::json(&row[*field])).ok();
            }
            body.push('}');
        }
        body + "]}"
    }
}

fn sort(order: &[Order], a: &Row, b: &Row) -> std::cmp::Ordering {
    let by = |order: &Order| {
        let (a, b) = (&a[order.field], &b[order.field]);
        let none = |cell: &Cell| *cell == Cell::Null;
        if none(a) || none(b) {
            let first = compare(a, b);
            return if order.nulls_last { first.reverse() } else { first };
        }
        if order.descending { compare(b, a) } else { compare(a, b) }
    };
    order.iter().map(by).find(|ordering| ordering.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
}

/// The size of a page as the client would like it.
fn batch_size(request: &Request) -> usize {
    let options = request.header("sforce-query-options").unwrap_or_default();
    let wanted = options.split(',').filter_map(|option| option.split_once('='));
    let wanted = wanted.into_iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("batchSize"));
    let wanted = wanted.and_then(|(_, size)| size.trim().parse().ok());
    wanted.unwrap_or(PAGE).clamp(SMALLEST_PAGE, PAGE)
}

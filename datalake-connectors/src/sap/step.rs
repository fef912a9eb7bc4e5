//! One step: the request that a state asks for, and the state after its answer.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::header::{HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use serde_json::value::RawValue;

use super::mode::{How, Renew};
use super::position::{Kind, State, Walk};
use super::service::{Known, Service, headers};
use super::{Plan, STALE, queue};
use crate::http::client::Client;
use crate::http::link::reroot;
use crate::http::percent;
use crate::odata::Version;
use crate::odata::change::members;
use crate::odata::fetch::{self, Outcome, fetch};
use crate::odata::literal::{self, literal};
use crate::odata::page::Page;
use crate::odata::query::{Query, after};
use datalake_core::{Document, Error, ErrorKind, Request, Result};

/// From this size on a page is read on a thread of its own.
const LARGE: usize = 256 << 10;
/// The number of rows of a page that we ask for ourselves.
const ROWS: u32 = 1_000;

/// What a step came to.
pub(super) struct Stepped {
    pub(super) state: State,
    /// The page, if it has rows.
    pub(super) document: Option<Document>,
    pub(super) request: Option<Request>,
    /// The path that was asked for, if it was known.
    pub(super) asked: Option<PathAndQuery>,
    /// Up to where rows are read in this cycle, by the clock of the server.
    pub(super) upper: Option<DateTime<Utc>>,
    /// Whether the walk begins again, for a page that was gone.
    pub(super) restarted: bool,
}

/// What a step needs beside the state.
#[derive(Clone)]
pub(super) struct Tools {
    pub(super) plan: Arc<Plan>,
    pub(super) client: Arc<Client>,
    pub(super) known: Arc<Known>,
    /// Up to where rows are read in this cycle, by the clock of the server.
    pub(super) upper: Option<DateTime<Utc>>,
    /// Whether the walk has begun again already, for a page that was gone.
    pub(super) restarted: bool,
}

impl Tools {
    /// Asks for the page that comes next.
    pub(super) async fn step(mut self, mut state: State) -> Result<Stepped> {
        let begins = state.walk.is_none();
        let service = match begins {
            true => self.known.refresh(&self.plan, &self.client).await?,
            false => self.known.service(&self.plan, &self.client).await?,
        };
        if begins {
            self.begin(&mut state, &service).await?;
            self.upper = match self.plan.mode {
                How::Keyset { settle, .. } if !settle.is_zero() => Some(self.known.now() - settle),
                _ => None,
            };
        }
        let path = self.path(&state, &service)?;
        let mut headers = headers(&self.plan, service.version);
        if let Some(prefer) = self.prefer(&state) {
            headers.insert(HeaderName::from_static("prefer"), prefer);
        }
        let began = Utc::now();
        let fetched = fetch(&self.client, &path, &headers, fetch::Kind::Json, self.plan.max_body).await?;
        let fetched = match fetched {
            Outcome::Fetched(fetched) => *fetched,
            Outcome::Unknown(error) => return self.unknown(state, error),
            Outcome::Unchanged => return Err(Error::unexpected("the server says that nothing has changed")),
        };
        self.known.see_clock(&fetched);
        let applied = fetched.headers.get_all("preference-applied").iter();
        let tracked =
            applied.filter_map(|value| value.to_str().ok()).any(|value| value.contains("track-changes"));
        let shown = self.client.origin().shown(&path);
        let (page, last) =
            self.read(fetched.body.clone(), &service).await.map_err(|error| error.with("url", &shown))?;
        let (next, token) = self.links(&page, service.version)?;
        let id = self.id(&state);
        self.turn(&mut state, &service, &page, last, tracked, next, token, began)
            .await
            .map_err(|error| error.with("url", &shown))?;
        let document = (page.rows > 0).then(|| {
            let document = Document::new(fetched.body, shown, page.format());
            match id {
                Some(id) => document.with_id(id),
                None => document,
            }
        });
        let (request, asked, upper) = (Some(fetched.request), Some(path), self.upper);
        Ok(Stepped { state, document, request, asked, upper, restarted: false })
    }

    /// Begins a walk.
    async fn begin(&self, state: &mut State, service: &Service) -> Result<()> {
        if self.plan.mode != How::Delta {
            state.begin(Kind::Load, None);
            return Ok(());
        }
        let again = match (self.plan.ask_again, &state.again, &state.previous) {
            (true, None, Some(previous)) => Some(previous.clone()),
            // There is nothing to ask for again, or it has been: that is done.
            (true, None, None) => {
                state.again.clone_from(&state.token);
                None
            }
            (true, Some(_), _) => None,
            (false, ..) => {
                state.again = None;
                None
            }
        };
        if let Some(link) = again.or_else(|| state.token.clone()) {
            state.begin(Kind::Delta, Some(link));
            return Ok(());
        }
        self.claim(state, service).await?;
        state.begin(Kind::Load, None);
        Ok(())
    }

    /// Makes sure that the subscription that a load makes ends none of another reader.
    async fn claim(&self, state: &mut State, service: &Service) -> Result<()> {
        let left = std::mem::take(&mut state.left);
        if !left && self.known.has_claimed() {
            // The answer to the request that made it was lost.
            return Ok(());
        }
        if left || self.plan.take_over {
            if service.terminates {
                match queue::terminate(&self.plan, &self.client, service).await {
                    Err(error) if error.is_temporary() => return Err(error),
                    // There was none, or it cannot be ended: the service says so again when we subscribe.
                    Err(error) => tracing::warn!(%error, "a subscription that may be left cannot be ended"),
                    Ok(()) => {}
                }
            }
        } else if service.tells_subscriptions
            && queue::is_subscribed(&self.plan, &self.client, service).await?
        {
            return Err(Error::new(
                ErrorKind::Conflict,
                "the user has a subscription already, and a second reader would end it; give each pipeline a user of its \
                 own, or take the subscription over",
            )
            .with("set", &self.plan.set));
        }
        self.known.claim(true);
        Ok(())
    }

    /// The id of the page that comes next: which load or delta, the token that gives a delta, which page. None for what
    /// is new of a keyset.
    fn id(&self, state: &State) -> Option<String> {
        let walk = state.walk.as_ref()?;
        let page = walk.pages + 1;
        match (walk.kind, &self.plan.mode) {
            (Kind::Load, How::Keyset { .. }) => None,
            (Kind::Load, _) => Some(format!("load {}, page {page}", state.loads)),
            (Kind::Delta, _) => {
                let link = walk.from.as_deref()?;
                let token = percent::decode(link.split_once('?').map_or(link, |(_, query)| query));
                Some(format!("delta {}, {token}, page {page}", state.deltas))
            }
        }
    }

    /// The path of the page that comes next.
    fn path(&self, state: &State, service: &Service) -> Result<PathAndQuery> {
        let walk = state.walk.as_ref();
        let link = walk.and_then(|walk| match (&walk.next, walk.kind, walk.pages) {
            (Some(next), ..) => Some(next),
            (None, Kind::Delta, 0) => walk.from.as_ref(),
            _ => None,
        });
        if let Some(link) = link {
            return link.parse().map_err(|_| {
                Error::new(ErrorKind::PositionInvalid, "the link in the position cannot be read")
            });
        }
        let plan = &self.plan;
        let names: Vec<String> = service.order.iter().map(|(name, _)| name.clone()).collect();
        let mut filters: Vec<String> = plan.filter.iter().map(|filter| format!("({filter})")).collect();
        match state.mark.is_empty() {
            true => filters.extend(service.floor.clone()),
            false => filters.push(after(&names, &state.mark)),
        }
        let upper = self.upper.zip(service.order.first());
        if let Some(literal) = upper.and_then(|(at, (_, kind))| literal::moment(at, kind, service.version)) {
            filters.push(format!("{} le {literal}", names[0]));
        }
        let filter = match filters.as_slice() {
            [] => None,
            [_] if plan.filter.is_some() => plan.filter.clone(),
            filters => Some(filters.join(" and ")),
        };
        let mut query = match service.version {
            Version::V2 => Query::default().with("$format", "json"),
            Version::V4 => Query::default(),
        };
        query = query
            .with_some("$select", plan.select.as_deref())
            .with_some("$expand", plan.expand.as_deref())
            .with_some("$filter", filter.as_deref());
        if !names.is_empty() {
            query = query.with("$orderby", &names.join(","));
            query = query.with("$top", &plan.page_size.unwrap_or(ROWS).to_string());
        }
        query.of(&plan.root, &plan.set)
    }

    /// What we would rather have.
    fn prefer(&self, state: &State) -> Option<HeaderValue> {
        let first = state.walk.as_ref().is_some_and(|walk| walk.kind == Kind::Load && walk.next.is_none());
        let track = (first && self.plan.mode == How::Delta).then(|| "odata.track-changes".to_owned());
        let size = self.plan.page_size.map(|rows| format!("odata.maxpagesize={rows}"));
        let all: Vec<String> = track.into_iter().chain(size).collect();
        (!all.is_empty()).then(|| HeaderValue::from_str(&all.join(", ")).ok()).flatten()
    }

    /// Reads a page; with an order, the values of its last row too.
    async fn read(&self, body: Bytes, service: &Service) -> Result<(Page, Vec<String>)> {
        let (version, order) = (service.version, service.order.clone());
        let large = body.len() >= LARGE;
        let work = move || read(&body, version, &order);
        if !large {
            return work();
        }
        let task = tokio::task::spawn_blocking(work).await;
        task.map_err(|_| Error::unexpected("reading a page panicked"))?
    }

    /// The links of a page, on the configured origin: to the next page, and to what changes from now on. Some queues name
    /// the token in the place of a next page.
    fn links(&self, page: &Page, version: Version) -> Result<(Option<String>, Option<String>)> {
        let resolve = |link: &String| {
            let path = self.client.without_credentials(reroot(link, &self.plan.root)?)?;
            Ok::<_, Error>(path.as_str().to_owned())
        };
        let next = page.next.as_ref().map(resolve).transpose()?;
        let token = page.delta.as_ref().map(resolve).transpose()?;
        Ok(match next {
            Some(link) if version == Version::V2 && is_token(&link) => (None, token.or(Some(link))),
            next => (next, token),
        })
    }

    /// Moves the state past a page.
    #[expect(clippy::too_many_arguments, reason = "what a page says, taken apart")]
    async fn turn(
        &self,
        state: &mut State,
        service: &Service,
        page: &Page,
        last: Vec<String>,
        tracked: bool,
        next: Option<String>,
        token: Option<String>,
        began: DateTime<Utc>,
    ) -> Result<()> {
        let Some(walk) = state.walk.as_mut() else { return Ok(()) };
        walk.tracked |= tracked;
        walk.pages += 1;
        if walk.kind == Kind::Delta
            && walk.pages == 1
            && page.context.as_ref().is_some_and(|context| !context.ends_with("$delta"))
        {
            return Err(Error::unexpected("the server answers a delta link with rows that are no delta"));
        }
        if self.plan.mode != How::Delta {
            if service.order.is_empty() {
                walk.next = next;
                if walk.next.is_none() {
                    state.walk = None;
                    state.at = Some(Utc::now());
                }
                return Ok(());
            }
            if page.rows > 0 {
                if last == state.mark {
                    return Err(Error::unexpected(
                        "the page ends with the row that the page before has ended with; the values of its order may be \
                         finer than the server shows them",
                    ));
                }
                state.mark = last;
                walk.next = None;
                return Ok(());
            }
            // An empty page may lead on.
            walk.next = next;
            if walk.next.is_none() {
                state.walk = None;
                if matches!(self.plan.mode, How::Full { .. }) {
                    state.mark.clear();
                    state.at = Some(Utc::now());
                }
            }
            return Ok(());
        }
        if next.is_some() {
            walk.next = next;
            return Ok(());
        }
        let (kind, from, tracked) = (walk.kind, walk.from.clone(), walk.tracked);
        let load = kind == Kind::Load;
        let ignored = || {
            Error::new(
                ErrorKind::Unsupported,
                "the server gives no link to what changes: it does not track changes of this set",
            )
            .with("set", &self.plan.set)
            .with("announced", service.tracks)
        };
        let token = match token {
            Some(token) => token,
            None if service.queue.is_none() => return Err(ignored()),
            None if load && !tracked => return Err(ignored()),
            None => {
                let newest = queue::newest(&self.plan, &self.client, service, load).await?;
                newest.ok_or_else(ignored)?.as_str().to_owned()
            }
        };
        if from.as_ref() == Some(&token) && page.rows > 0 {
            return Err(Error::unexpected(
                "the delta leads to itself: it has rows, and the token after it is its own",
            ));
        }
        state.walk = None;
        if load {
            state.again = None;
            state.renew(token, None, began);
        } else {
            if from.is_some() && from == state.previous {
                state.again.clone_from(&from);
            }
            state.renew(token, from, began);
        }
        Ok(())
    }

    /// What to do when the server does not know the path, or not any more.
    fn unknown(&self, mut state: State, error: Error) -> Result<Stepped> {
        let Some(walk) = state.walk.take() else { return Err(error) };
        let stop = |why: &'static str, error: Error| {
            let since = state.at.map(|at| at.to_rfc3339()).unwrap_or_default();
            Err(Error::new(ErrorKind::PositionInvalid, why).with("since", since).caused_by(error))
        };
        let nothing = |state, restarted| {
            Ok(Stepped { state, document: None, request: None, asked: None, upper: None, restarted })
        };
        let reload = self.plan.when_expired == Renew::Reinitialise;
        if walk.next.is_some() {
            if self.restarted {
                return stop("the next page is gone, and was gone before the walk began again too", error);
            }
            match (walk.kind, &self.plan.mode) {
                (Kind::Load, How::Delta) if !reload => {
                    return stop(
                        "the next page of the load is gone; the delta after another load tells nothing of rows that have \
                         been read in this one and deleted since; to load everything again, say so by when_expired",
                        error,
                    );
                }
                (Kind::Load, How::Delta) => {
                    tracing::warn!(%error, "the next page is gone; everything is loaded again");
                    state.start_over(&self.plan.selection, true);
                }
                (Kind::Load, How::Keyset { .. }) => {
                    tracing::warn!(%error, "the next page is gone; it is asked for by the last row");
                    state.walk = Some(Walk { next: None, ..walk });
                }
                (Kind::Load, How::Full { .. }) => {
                    tracing::warn!(%error, "the next page is gone; the load begins again");
                    state.mark.clear();
                }
                (Kind::Delta, _) => {
                    tracing::warn!(%error, "the next page is gone; the delta is asked for again");
                }
            }
            return nothing(state, true);
        }
        if walk.kind == Kind::Load {
            return Err(error);
        }
        if walk.from.is_some() && walk.from == state.previous && walk.from != state.token {
            tracing::warn!(%error, "the delta before is not known any more; it is gone on with the next");
            state.again = walk.from;
            return nothing(state, false);
        }
        if !reload {
            return stop(
                "the server does not know the delta token any more: it has expired, or another reader with the same user \
                 has taken the subscription; to load everything again, say so by when_expired",
                error,
            );
        }
        // A server that forgets what it has just given would be loaded without end.
        let young = state.at.is_some_and(|at| Utc::now() - at < STALE);
        if state.loads > 1 && state.previous.is_none() && young {
            return stop(
                "everything was loaded again, and the server does not know the token that it gave with that either",
                error,
            );
        }
        tracing::warn!(%error, "the delta token is not known any more; everything is loaded again");
        self.known.claim(false);
        state.start_over(&self.plan.selection, false);
        nothing(state, false)
    }
}

/// Whether a link of version 2 is a token: it asks for a delta and not for a page of one.
fn is_token(link: &str) -> bool {
    let query = link.split_once('?').map_or("", |(_, query)| query);
    let has =
        |name: &str| query.split('&').any(|pair| pair.strip_prefix('$').unwrap_or(pair).starts_with(name));
    (has("!deltatoken") || has("%21deltatoken") || has("deltatoken"))
        && !has("skiptoken")
        && !has("%24skiptoken")
}

/// Reads a page, and the literals of the last row's values.
fn read(body: &[u8], version: Version, order: &[(String, String)]) -> Result<(Page, Vec<String>)> {
    let (mut last, mut newest, mut sorted) = (None, i128::MIN, true);
    let page = Page::read(body, version, |row| {
        let Some((field, kind)) = order.first() else { return };
        if let Some(at) = value(&body[row.clone()], field).and_then(|value| literal::order(&value, kind)) {
            sorted &= newest <= at;
            newest = at;
        }
        last = Some(row);
    })?;
    if !sorted {
        return Err(Error::unexpected("the server does not sort by the property that was asked for"));
    }
    let Some(row) = last else { return Ok((page, Vec::new())) };
    let row = &body[row];
    let values = order.iter().map(|(name, kind)| {
        let missing =
            || Error::unexpected("a row has no value of a property it is ordered by").with("property", name);
        let value = value(row, name).ok_or_else(missing)?;
        literal(&value, kind, version)?.ok_or_else(missing)
    });
    Ok((page, values.collect::<Result<_>>()?))
}

/// A value of a row as it is written.
fn value(row: &[u8], name: &str) -> Option<Box<RawValue>> {
    let mut found = None;
    members(row, |key, value| {
        if key == name.as_bytes() && found.is_none() {
            found = Some(value);
        }
    });
    serde_json::from_slice(&row[found?]).ok()
}

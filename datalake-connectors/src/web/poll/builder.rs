//! Settings of a poll.

use std::sync::Arc;
use std::time::Duration;

use http::uri::PathAndQuery;
use serde_json::{Value, json};

use super::ask::Post;
use super::pagination::Style;
use super::position::State;
use super::{AfterId, Incremental, Pagination, Plan, PollSource, Usage, Window, page, probe};
use crate::http::client::Client;
use crate::http::origin::Origin;
use crate::http::pace::Pace;
use crate::http::percent;
use crate::http::{Auth, Reach, Refusals};
use datalake_core::split::Decoder;
use datalake_core::{Credential, Cut, Dataset, Error, Format, Result, Secret, Sha256, SourceInfo};

/// Settings of a [`PollSource`].
#[derive(Debug, Clone)]
pub struct PollSourceBuilder {
    dataset: Dataset,
    url: Secret,
    origin: Option<String>,
    post: Option<Post>,
    format: Option<Format>,
    decoder: Option<Arc<dyn Decoder>>,
    records: Option<String>,
    headers: Vec<(String, Credential)>,
    query: Vec<(String, String)>,
    auth: Auth,
    pagination: Pagination,
    incremental: Option<Incremental>,
    after_id: Option<AfterId>,
    window: Option<Window>,
    usage: Option<Usage>,
    refusals: Option<Refusals>,
    rate_limit: Option<(usize, Duration)>,
    reach: Reach,
    page_cap: u64,
    poll_every: Duration,
}

impl PollSourceBuilder {
    pub(super) fn new(dataset: Dataset, url: String) -> Self {
        Self {
            dataset,
            url: Secret::new(url),
            origin: None,
            post: None,
            format: None,
            decoder: None,
            records: None,
            headers: Vec::new(),
            query: Vec::new(),
            auth: Auth::none(),
            pagination: Pagination::none(),
            incremental: None,
            after_id: None,
            window: None,
            usage: None,
            refusals: None,
            rate_limit: None,
            reach: Reach::new(Duration::from_secs(60)),
            page_cap: 100_000,
            poll_every: Duration::from_secs(60),
        }
    }

    /// Asks another scheme, host and port by the same path, for instance a proxy or a simulated server.
    #[must_use]
    pub fn origin(mut self, url: impl Into<String>) -> Self {
        self.origin = Some(url.into());
        self
    }

    /// Asks by `POST` with a JSON body. The parameters of the pagination and of what is new go into the object at a JSON
    /// Pointer of the body, in place of the query; those that count are numbers. For services that read by `POST`, such
    /// as GraphQL: a request may be sent twice. No credential: those go into [`auth`](Self::auth). Lineage has a digest of the
    /// body.
    #[must_use]
    pub fn post(mut self, body: Value, parameters: impl Into<String>) -> Self {
        self.post = Some(Post { body, parameters: parameters.into() });
        self
    }

    /// What a page is. By default its content type says: JSON (an array of records, or one record), NDJSON, CSV or
    /// TSV with a header row, anything else whole. CSV with an empty header takes it from the first row of each page.
    #[must_use]
    pub fn format(mut self, format: Format) -> Self {
        self.format = Some(format);
        self
    }

    /// Takes a page whole, and its records by a decoder without settings.
    #[must_use]
    pub fn decoder(mut self, decoder: Arc<dyn Decoder>) -> Self {
        let name = decoder.name().to_owned();
        self.format = Some(Format::Decoded { decoder: name, settings: Value::Null, cut: Cut::Whole });
        self.decoder = Some(decoder);
        self
    }

    /// Where in a JSON page the array of records is, as a JSON Pointer.
    #[must_use]
    pub fn records(mut self, pointer: impl Into<String>) -> Self {
        self.records = Some(pointer.into());
        self
    }

    /// Sends a header. Its value is never shown. For credentials use [`auth`](Self::auth), which also keeps them out
    /// of links.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Credential>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Adds a parameter to the query of every request that is not a link. No credential: those go into
    /// [`auth`](Self::auth).
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// Who we are to the server.
    #[must_use]
    pub fn auth(mut self, auth: impl Into<Auth>) -> Self {
        self.auth = auth.into();
        self
    }

    /// How one page leads to the next. By default there is one.
    #[must_use]
    pub fn pagination(mut self, pagination: Pagination) -> Self {
        self.pagination = pagination;
        self
    }

    /// Asks for pages of another size than the pagination was given. Nothing changes where it was given none.
    #[must_use]
    pub fn page_size(mut self, records: u64) -> Self {
        if let Some((_, size)) = &mut self.pagination.size {
            *size = records;
        }
        self
    }

    /// Asks only for what has changed since the last cycle.
    #[must_use]
    pub fn incremental(mut self, incremental: Incremental) -> Self {
        self.incremental = Some(incremental);
        self
    }

    /// Asks only for what has a greater id than anything seen.
    #[must_use]
    pub fn after_id(mut self, after: AfterId) -> Self {
        self.after_id = Some(after);
        self
    }

    /// Asks for windows of time, and for the last of it again in every cycle.
    #[must_use]
    pub fn window(mut self, window: Window) -> Self {
        self.window = Some(window);
        self
    }

    /// Goes slower by what the server says of its use.
    #[must_use]
    pub fn usage(mut self, usage: Usage) -> Self {
        self.usage = Some(usage);
        self
    }

    /// What codes in the bodies of refusals mean. By default the status says it.
    #[must_use]
    pub fn refusals(mut self, refusals: Refusals) -> Self {
        self.refusals = Some(refusals);
        self
    }

    /// Sends at most so many requests in any time so long, and waits where it must.
    #[must_use]
    pub fn rate_limit(mut self, requests: usize, per: Duration) -> Self {
        self.rate_limit = Some((requests, per));
        self
    }

    crate::http::setters! { timeout: "The longest silence of the server, one minute by default." }

    /// The most pages of one cycle, 100,000 by default. More are an error, not an end.
    #[must_use]
    pub fn page_cap(mut self, pages: u64) -> Self {
        self.page_cap = pages;
        self
    }

    /// How long to wait after a cycle before the next, one minute by default.
    #[must_use]
    pub fn poll_every(mut self, every: Duration) -> Self {
        self.poll_every = every;
        self
    }

    /// Checks the settings. Sends nothing.
    ///
    /// # Errors
    /// [`ConfigInvalid`](datalake_core::ErrorKind::ConfigInvalid) if a setting is wrong or two do not go together.
    pub fn build(self) -> Result<PollSource> {
        self.check().map_err(|error| error.component(super::KIND))
    }

    fn check(self) -> Result<PollSource> {
        let (own, path) = Origin::parse(self.url.expose())?;
        let origin = match &self.origin {
            Some(other) => Origin::parse(other)?.0,
            None => own,
        };
        self.pagination.check()?;
        let keyset = self.pagination.style == Style::Keyset;
        match &self.incremental {
            Some(incremental) => incremental.check()?,
            None if keyset => {
                return Err(Error::config("keyset pages need incremental, which names the timestamp"));
            }
            None => {}
        }
        if self.incremental.as_ref().is_some_and(|incremental| incremental.id.is_some()) && !keyset {
            return Err(Error::config("the id of a record goes with keyset pages only"));
        }
        self.after_id.as_ref().map(AfterId::check).transpose()?;
        self.window.as_ref().map(Window::check).transpose()?;
        self.post.as_ref().map(Post::check).transpose()?;
        self.usage.as_ref().map(Usage::check).transpose()?;
        let are_pointers =
            |refusals: &Refusals| refusals.pointers().iter().all(|pointer| probe::is_pointer(pointer));
        if !self.refusals.as_ref().is_none_or(are_pointers) {
            return Err(Error::config("the code of a refusal is named by a JSON Pointer"));
        }
        if self.window.is_some() && keyset {
            return Err(Error::config("windows and keyset pages do not go together"));
        }
        self.reach.check()?;
        if self.page_cap == 0 {
            return Err(Error::config("a bound of nothing allows nothing"));
        }
        if self
            .rate_limit
            .is_some_and(|(requests, per)| requests == 0 || requests > 1_000_000 || per.is_zero())
        {
            return Err(Error::config("a rate limit is 1 to 1,000,000 requests in some time"));
        }
        let (format, records) = self.pages()?;
        let client = Client::new(origin, &self.auth, &self.headers, &self.reach.trusted, self.reach.bounds)?
            .with_refusals(self.refusals);
        let path = client
            .without_credentials(with_query(&path, &self.query)?)
            .map_err(|_| Error::config("the url or the query holds the credential; leave it to auth"))?;
        if self.post.as_ref().is_some_and(|post| post.any_text(|text| client.reveals(text))) {
            return Err(Error::config("the body holds the credential; leave it to auth"));
        }
        let locator = client.origin().shown(&path);
        let info = SourceInfo::new(super::KIND, self.dataset, locator.clone()).with_config(json!({
            "url": locator,
            "format": format,
            "records": records,
            "query": self.query.iter().map(|(name, _)| name).collect::<Vec<_>>(),
            "pagination": self.pagination.config(),
            "after_id": self.after_id.as_ref().map(AfterId::config),
            "post": self.post.as_ref().map(|post| Sha256::of(post.body.to_string().as_bytes()).to_string()),
            "window": self.window.as_ref().map(Window::config),
            "incremental": self.incremental.as_ref().map(Incremental::config),
        }));
        let plan = Plan {
            reader: page::Reader::new(&self.pagination, self.incremental.as_ref(), self.after_id.as_ref())
                .with(self.decoder.iter().cloned()),
            path,
            post: self.post,
            format,
            records,
            pagination: self.pagination,
            incremental: self.incremental,
            after_id: self.after_id,
            window: self.window,
            usage: self.usage,
            decoder: self.decoder,
            max_body: self.reach.bounds.body,
            page_cap: self.page_cap,
            poll_every: self.poll_every,
        };
        let state = State::new(plan.path.path());
        let pace = self.rate_limit.map(|(requests, per)| Pace::new(requests, per));
        Ok(PollSource::new(info, Arc::new(plan), Arc::new(client), pace, state))
    }

    /// The format given, and the pointer to the records if the format does not hold it.
    fn pages(&self) -> Result<(Option<Format>, Option<String>)> {
        let Some(records) = &self.records else { return Ok((self.format.clone(), None)) };
        if !probe::is_pointer(records) {
            return Err(Error::config("records are named by a JSON Pointer").with("found", records));
        }
        match &self.format {
            None => Ok((None, Some(records.clone()))),
            Some(Format::JsonArray { pointer }) if pointer.is_empty() || pointer == records => {
                Ok((Some(Format::JsonArray { pointer: records.clone() }), None))
            }
            Some(_) => Err(Error::config("records(pointer) goes with a JSON array only")),
        }
    }
}

/// A path with more parameters.
pub(super) fn with_query<N: AsRef<str>, V: AsRef<str>>(
    path: &PathAndQuery,
    pairs: &[(N, V)],
) -> Result<PathAndQuery> {
    let mut query = path.query().unwrap_or_default().to_owned();
    for (name, value) in pairs {
        percent::pair(&mut query, name.as_ref(), value.as_ref());
    }
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{}{mark}{query}", path.path()).parse().map_err(|_| Error::config("the query cannot be written"))
}

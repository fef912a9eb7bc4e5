//! Settings of a source.

use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;

use super::mode::How;
use super::{Mode, Plan, Renew, SapSource};
use crate::http::client::Client;
use crate::http::origin::Origin;
use crate::http::pace::Pace;
use crate::http::{Auth, Reach};
use datalake_core::{Credential, Dataset, Error, Result, Secret, Sha256, SourceInfo};

/// How long a batch may wait for others to share its commit, where a token waits to be committed.
const WITHIN: Duration = Duration::from_secs(10);

/// Settings of a [`SapSource`].
#[derive(Debug, Clone)]
pub struct SapSourceBuilder {
    dataset: Dataset,
    root: Secret,
    set: String,
    mode: Mode,
    select: Vec<String>,
    filter: Option<String>,
    expand: Option<String>,
    page_size: Option<u32>,
    client: Option<String>,
    language: Option<String>,
    headers: Vec<(String, Credential)>,
    auth: Auth,
    when_expired: Renew,
    when_changed: Renew,
    take_over: bool,
    ask_again: bool,
    reach: Reach,
    page_cap: u64,
    rate_limit: Option<(usize, Duration)>,
    poll_every: Duration,
}

impl SapSourceBuilder {
    pub(super) fn new(dataset: Dataset, root: String, set: String) -> Self {
        Self {
            dataset,
            root: Secret::new(root),
            set,
            mode: Mode::full(),
            select: Vec::new(),
            filter: None,
            expand: None,
            page_size: None,
            client: None,
            language: None,
            headers: Vec::new(),
            auth: Auth::none(),
            when_expired: Renew::Stop,
            when_changed: Renew::Stop,
            take_over: false,
            ask_again: false,
            reach: Reach::new(Duration::from_secs(300)),
            page_cap: 1_000_000,
            rate_limit: None,
            poll_every: Duration::from_secs(60),
        }
    }

    /// What is read. Everything, by default.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Asks for these properties alone. A property that the rows are ordered by has to be among them.
    #[must_use]
    pub fn select<S: Into<String>>(mut self, properties: impl IntoIterator<Item = S>) -> Self {
        self.select = properties.into_iter().map(Into::into).collect();
        self
    }

    /// Asks for the rows of a filter alone, in the language of the version of the service, not encoded:
    /// `CompanyCode eq '1000'`. With deltas it is part of the subscription, and cannot be changed while that lasts.
    #[must_use]
    pub fn filter(mut self, filter: impl Into<String>) -> Self {
        self.filter = Some(filter.into());
        self
    }

    /// Asks for related entities within each row.
    #[must_use]
    pub fn expand(mut self, expand: impl Into<String>) -> Self {
        self.expand = Some(expand.into());
        self
    }

    /// How many rows a page is to have. A server may give fewer. With an order it is `$top`, 1,000 by default; by links
    /// it is a preference, and the server decides by default. A page has to fit [`max_body`](Self::max_body).
    #[must_use]
    pub fn page_size(mut self, rows: u32) -> Self {
        self.page_size = Some(rows);
        self
    }

    /// The client of the system (`sap-client`), where it is not the default one.
    #[must_use]
    pub fn client(mut self, client: impl Into<String>) -> Self {
        self.client = Some(client.into());
        self
    }

    /// The language of texts (`sap-language`).
    #[must_use]
    pub fn language(mut self, language: impl Into<String>) -> Self {
        self.language = Some(language.into());
        self
    }

    /// Sends a header. Its value is never shown. For credentials use [`auth`](Self::auth), which also keeps them out
    /// of links.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Credential>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Who we are to the server.
    #[must_use]
    pub fn auth(mut self, auth: impl Into<Auth>) -> Self {
        self.auth = auth.into();
        self
    }

    /// What to do when the server no longer knows the token of the next delta, or a page of the load that deltas go on
    /// from. [`Stop`](Renew::Stop) by default.
    ///
    /// What was deleted while there was no delta is not told by a load: drop what is not in it, or compare the keys. The
    /// ids of the documents tell one load from another: `load 2, page 7`.
    ///
    /// A subscription to a queue that is there although the token is unknown may be another reader's, and is a
    /// `Conflict` unless [`take_over`](Self::take_over) is set. If the token that comes with such a load is unknown too
    /// within an hour, that is an error.
    #[must_use]
    pub fn when_expired(mut self, renew: Renew) -> Self {
        self.when_expired = renew;
        self
    }

    /// What to do when the mode, the filter, the selection, the client or the language is not the one that the position
    /// was written with.
    /// [`Stop`](Renew::Stop) by default: a queue refuses a changed filter, and rows that the old one has left out would
    /// never come.
    #[must_use]
    pub fn when_changed(mut self, renew: Renew) -> Self {
        self.when_changed = renew;
        self
    }

    /// Subscribes even if the user has a subscription to the queue already, which ends that one: its reader loses the
    /// changes it has not read. For a pipeline that was begun once and is begun again without its ledger, or was killed
    /// before its first commit.
    #[must_use]
    pub fn take_over(mut self, yes: bool) -> Self {
        self.take_over = yes;
        self
    }

    /// Asks for the last delta again, once, by the token before. For when what was written of it has been lost. A queue
    /// has it as long as the delta after it has not been asked for; if it has it no more, that is logged, and reading
    /// goes on. To ask once more later, run without this setting in between.
    #[must_use]
    pub fn ask_again(mut self, yes: bool) -> Self {
        self.ask_again = yes;
        self
    }

    crate::http::setters! { timeout: "The longest silence of the server, five minutes by default: a queue may take its time for the first page." }

    /// The most pages of one walk, 1,000,000 by default. More are an error, not an end.
    #[must_use]
    pub fn page_cap(mut self, pages: u64) -> Self {
        self.page_cap = pages;
        self
    }

    /// Sends at most so many requests for pages in any time so long, and waits where it must.
    #[must_use]
    pub fn rate_limit(mut self, requests: usize, per: Duration) -> Self {
        self.rate_limit = Some((requests, per));
        self
    }

    /// How long to wait, when nothing is left, before asking for more, one minute by default.
    #[must_use]
    pub fn poll_every(mut self, every: Duration) -> Self {
        self.poll_every = every;
        self
    }

    /// Checks the settings. Sends nothing.
    ///
    /// # Errors
    /// [`ConfigInvalid`](datalake_core::ErrorKind::ConfigInvalid) if a setting is wrong or two do not go together.
    pub fn build(self) -> Result<SapSource> {
        self.check().map_err(|error| error.component(super::KIND))
    }

    fn check(self) -> Result<SapSource> {
        let (origin, path) = Origin::parse(self.root.expose())?;
        if path.query().is_some() {
            return Err(Error::config(
                "the url of the service has a query; give the client and the language as settings",
            ));
        }
        let root = format!("{}/", path.path().trim_end_matches('/'));
        let root = root.parse().map_err(|_| Error::config("the path of the url cannot be read"))?;
        if !is_name(&self.set) {
            return Err(
                Error::config("the entity set is no name").with("set", format_args!("{:?}", self.set))
            );
        }
        self.reach.check()?;
        if self.page_cap == 0 || self.page_size == Some(0) {
            return Err(Error::config("a bound of nothing allows nothing"));
        }
        if self
            .rate_limit
            .is_some_and(|(requests, per)| requests == 0 || requests > 1_000_000 || per.is_zero())
        {
            return Err(Error::config("a rate limit is 1 to 1,000,000 requests in some time"));
        }
        let select = (!self.select.is_empty()).then(|| self.select.join(","));
        let how = self.mode.0;
        let ordered: Vec<&String> = match &how {
            How::Full { by, .. } => by.iter().collect(),
            How::Keyset { field, keys, .. } => [field].into_iter().chain(keys).collect(),
            How::Delta => Vec::new(),
        };
        if let Some(name) = ordered.iter().find(|name| !is_name(name)) {
            return Err(Error::config("a property is no name").with("property", format_args!("{name:?}")));
        }
        if let Some(name) = ordered.iter().find(|name| select.is_some() && !self.select.contains(name)) {
            return Err(Error::config("a property to order by is not selected").with("property", name));
        }
        let (kind, order) = match &how {
            How::Full { by, .. } => ("full", by.join(",")),
            How::Keyset { .. } => {
                ("keyset", ordered.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(","))
            }
            How::Delta => ("delta", String::new()),
        };
        let chosen =
            json!([kind, order, select, self.filter, self.expand, self.client, self.language]).to_string();
        let selection = Sha256::of(chosen.as_bytes()).to_string()[..24].to_owned();
        let mut headers = HeaderMap::new();
        for (name, value) in [("sap-client", &self.client), ("sap-language", &self.language)] {
            let Some(value) = value else { continue };
            let value = HeaderValue::from_str(value)
                .map_err(|_| Error::config("a header has no valid value").with("name", name))?;
            headers.insert(HeaderName::from_static(name), value);
        }
        let client = Client::new(origin, &self.auth, &self.headers, &self.reach.trusted, self.reach.bounds)?
            .with_cookies();
        let plan = Plan {
            root,
            set: self.set,
            mode: how,
            select,
            filter: self.filter,
            expand: self.expand,
            page_size: self.page_size,
            headers,
            selection,
            when_expired: self.when_expired,
            when_changed: self.when_changed,
            take_over: self.take_over,
            ask_again: self.ask_again,
            max_body: self.reach.bounds.body,
            page_cap: self.page_cap,
            poll_every: self.poll_every,
        };
        let pace = self.rate_limit.map(|(requests, per)| Pace::new(requests, per));
        let locator = format!("{}{}", client.origin(), plan.of());
        let mut info = SourceInfo::new(super::KIND, self.dataset, locator.clone()).with_config(json!({
            "url": locator,
            "mode": kind,
            "order": order,
            "select": plan.select,
            "filter": plan.filter,
            "expand": plan.expand,
            "client": self.client,
            "language": self.language,
        }));
        if plan.mode == How::Delta {
            info = info.with_commit(WITHIN);
        }
        Ok(SapSource::new(info, plan, client, pace))
    }
}

/// Whether a text can be the name of a set or a property: it goes into paths and filters as it is.
fn is_name(text: &str) -> bool {
    let path = |c: char| c.is_alphanumeric() || c == '_' || c == '/';
    text.starts_with(|c: char| c.is_alphabetic() || c == '_') && text.chars().all(path)
}

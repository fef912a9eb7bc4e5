//! Settings of a read.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::auth::SalesforceAuth;
use super::fetch::Api;
use super::session::Session;
use super::soql::check_name;
use super::source::{Plan, SalesforceSource};
use super::{Bulk, KIND};
use crate::http::Reach;
use crate::http::client::Transport;
use crate::http::origin::Origin;
use datalake_core::{Dataset, Error, Result, Secret, Sha256, SourceInfo};

/// Settings of a [`SalesforceSource`].
#[derive(Debug, Clone)]
pub struct SalesforceSourceBuilder {
    dataset: Dataset,
    url: Secret,
    object: String,
    auth: Option<SalesforceAuth>,
    version: String,
    fields: Vec<String>,
    filter: Option<String>,
    bulk: Bulk,
    deleted: bool,
    accept_missed: bool,
    accept_other: bool,
    look_back: Duration,
    start: Option<DateTime<Utc>>,
    poll_every: Duration,
    watch_every: Duration,
    page: usize,
    bulk_page: usize,
    share: f64,
    reach: Reach,
}

impl SalesforceSourceBuilder {
    pub(super) fn new(dataset: Dataset, url: String, object: String) -> Self {
        Self {
            dataset,
            url: Secret::new(url),
            object,
            auth: None,
            version: "62.0".to_owned(),
            fields: Vec::new(),
            filter: None,
            bulk: Bulk::From(20_000),
            deleted: true,
            accept_missed: false,
            accept_other: false,
            look_back: Duration::from_secs(600),
            start: None,
            poll_every: Duration::from_secs(300),
            watch_every: Duration::from_secs(2),
            page: 2_000,
            bulk_page: 25_000,
            share: 0.9,
            reach: Reach::new(Duration::from_secs(150)),
        }
    }

    /// How to log in. Required.
    #[must_use]
    pub fn auth(mut self, auth: SalesforceAuth) -> Self {
        self.auth = Some(auth);
        self
    }

    /// The version of the API, `62.0` by default.
    #[must_use]
    pub fn api_version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// The fields to read. Those of parents (`Owner.Name`) come as an object in an object by queries, and by their whole
    /// name by bulk jobs; they can be read by [`Bulk::Never`] alone. By default all but compounds, whose parts are
    /// fields too, and files; a field that is added later is read from then on. `Id`, the time of the last change and
    /// `IsDeleted` are always read.
    #[must_use]
    pub fn fields(mut self, fields: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.fields = fields.into_iter().map(Into::into).collect();
        self
    }

    /// Reads only records that meet a condition in SOQL. A record that ceases to meet it is not told of.
    #[must_use]
    pub fn filter(mut self, condition: impl Into<String>) -> Self {
        self.filter = Some(condition.into());
        self
    }

    /// When to read by bulk jobs: from 20,000 records on by default.
    #[must_use]
    pub fn bulk(mut self, bulk: Bulk) -> Self {
        self.bulk = bulk;
        self
    }

    /// Whether to tell of deleted records, `true` by default: those in the recycle bin as records with `IsDeleted`, and
    /// the ids of those that are gone from it.
    #[must_use]
    pub fn deleted(mut self, deleted: bool) -> Self {
        self.deleted = deleted;
        self
    }

    /// Goes on when deletes were missed because no run took place for longer than the system remembers them, about two
    /// weeks. By default that is an error.
    #[must_use]
    pub fn accept_missed_deletes(mut self) -> Self {
        self.accept_missed = true;
        self
    }

    /// Goes on when the position is of a read with other fields, another filter or another start; what was read is not
    /// read again. By default that is an error, since what is in the lake then is neither the one nor the other.
    #[must_use]
    pub fn accept_other_settings(mut self) -> Self {
        self.accept_other = true;
        self
    }

    /// How far before the end of the last cycle to look again: longer than the longest transaction, since a record is
    /// stamped before it becomes visible. Ten minutes by default.
    #[must_use]
    pub fn look_back(mut self, look_back: Duration) -> Self {
        self.look_back = look_back;
        self
    }

    /// Where the first cycle begins. By default it reads everything. It is the same in every run: a position knows it, see
    /// [`accept_other_settings`](Self::accept_other_settings).
    #[must_use]
    pub fn start(mut self, start: DateTime<Utc>) -> Self {
        self.start = Some(start);
        self
    }

    /// How long to wait after a cycle before the next, five minutes by default. A cycle without news costs four
    /// requests, one more for each further page of records within the look-back; and where an object has no field that
    /// says when a record changed, all of it is read each time.
    #[must_use]
    pub fn poll_every(mut self, every: Duration) -> Self {
        self.poll_every = every;
        self
    }

    /// How long to wait before a bulk job is asked about a second time, two seconds by default. Later waits are up to
    /// sixteen times as long.
    #[must_use]
    pub fn watch_every(mut self, every: Duration) -> Self {
        self.watch_every = every;
        self
    }

    /// How many records a page of a query should have, 2,000 by default, which is the most. The system may give fewer.
    #[must_use]
    pub fn page_size(mut self, records: usize) -> Self {
        self.page = records;
        self
    }

    /// How many rows a page of bulk results has at most, 25,000 by default. Halved where a page would be larger than
    /// [`max_body`](Self::max_body).
    #[must_use]
    pub fn bulk_page_size(mut self, rows: usize) -> Self {
        self.bulk_page = rows;
        self
    }

    /// The share of the organisation's requests of a rolling day, by all who use it, beyond which to wait: 0.9 by
    /// default. The rest is left to others.
    #[must_use]
    pub fn request_share(mut self, share: f64) -> Self {
        self.share = share;
        self
    }

    crate::http::setters! { timeout: "The longest silence of the system, two and a half minutes by default: a query may take two." }

    /// Checks the settings. Sends nothing.
    ///
    /// # Errors
    /// [`ConfigInvalid`](datalake_core::ErrorKind::ConfigInvalid) if a setting is wrong.
    pub fn build(self) -> Result<SalesforceSource> {
        self.check().map_err(|error| error.component(KIND))
    }

    fn check(self) -> Result<SalesforceSource> {
        let (origin, path) = Origin::parse(self.url.expose())?;
        if path.as_str() != "/" {
            return Err(Error::config("the url is that of the organisation, without a path"));
        }
        let Some(auth) = self.auth else {
            return Err(Error::config("there is no way to log in; give one by auth"));
        };
        check_name(&self.object, "object")?;
        for field in &self.fields {
            check_name(field, "fields")?;
        }
        if let Some(field) = self.fields.iter().find(|name| name.contains('.'))
            && self.bulk != Bulk::Never
        {
            return Err(Error::config(
                "a field of a parent comes in another shape by bulk jobs; read it by Bulk::Never",
            )
            .with("field", field));
        }
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !self.version.split_once('.').is_some_and(|(major, minor)| digits(major) && digits(minor)) {
            return Err(Error::config("a version of the API looks like 62.0").with("found", &self.version));
        }
        if !(200..=2_000).contains(&self.page) || self.bulk_page == 0 {
            return Err(Error::config(
                "a page of a query has 200 to 2,000 records, one of results one or more",
            ));
        }
        if !(self.share > 0.0 && self.share <= 1.0) {
            return Err(Error::config("a share of the requests is more than 0 and at most 1"));
        }
        self.reach.check()?;
        let look_back = TimeDelta::from_std(self.look_back)
            .ok()
            .filter(|look_back| *look_back <= TimeDelta::days(14))
            .ok_or_else(|| Error::config("the look-back is at most two weeks"))?;
        let locator = format!("{origin}/services/data/v{}/sobjects/{}", self.version, self.object);
        let info = SourceInfo::new(KIND, self.dataset, locator.clone()).with_config(json!({
            "url": locator,
            "object": self.object,
            "fields": self.fields,
            "filter": self.filter,
            "deleted": self.deleted,
            "look_back_seconds": look_back.num_seconds(),
            "start": self.start,
            "bulk": self.bulk,
        }));
        let reads = json!([self.fields, self.filter, self.start]).to_string();
        let reads = Sha256::of(reads.as_bytes()).to_string().chars().take(16).collect();
        let transport = Transport::new(&self.reach.trusted, origin.is_secure(), self.reach.bounds)?;
        let session = Session::new(origin, auth, transport, self.share)?;
        let plan = Plan {
            fields: self.fields,
            filter: self.filter,
            bulk: self.bulk,
            deleted: self.deleted,
            accept_missed: self.accept_missed,
            accept_other: self.accept_other,
            reads,
            look_back,
            start: self.start,
            poll_every: self.poll_every,
            watch_every: self.watch_every,
        };
        let api = Api {
            object: self.object,
            version: self.version,
            page: self.page,
            max_body: self.reach.bounds.body,
            timeout: self.reach.bounds.timeout,
        };
        Ok(SalesforceSource::new(info, plan, api, session, self.bulk_page))
    }
}

//! Settings of a read.

use std::sync::Mutex;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::KIND;
use super::client::Api;
use super::source::{HubSpotSource, Plan};
use crate::http::client::Client;
use crate::http::origin::Origin;
use crate::http::pace::Pace;
use crate::http::{Auth, Reach};
use datalake_core::{Credential, Dataset, Error, Result, Secret, Sha256, SourceInfo};

/// Settings of a [`HubSpotSource`].
#[derive(Debug, Clone)]
pub struct HubSpotSourceBuilder {
    dataset: Dataset,
    url: Secret,
    object: String,
    token: Option<Credential>,
    version: String,
    properties: Vec<String>,
    associations: Vec<String>,
    archived: bool,
    accept_missed: bool,
    look_back: Duration,
    start: Option<DateTime<Utc>>,
    poll_every: Duration,
    requests: (usize, Duration),
    searches: (usize, Duration),
    reach: Reach,
}

impl HubSpotSourceBuilder {
    pub(super) fn new(dataset: Dataset, object: String) -> Self {
        Self {
            dataset,
            url: Secret::new("https://api.hubapi.com"),
            object,
            token: None,
            version: "v3".to_owned(),
            properties: Vec::new(),
            associations: Vec::new(),
            archived: true,
            accept_missed: false,
            look_back: Duration::from_secs(600),
            start: None,
            poll_every: Duration::from_secs(300),
            requests: (90, Duration::from_secs(10)),
            searches: (4, Duration::from_secs(1)),
            reach: Reach::new(Duration::from_secs(60)),
        }
    }

    /// The token of a private app. Required.
    #[must_use]
    pub fn token(mut self, token: impl Into<Credential>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Where the API is, `https://api.hubapi.com` by default.
    #[must_use]
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Secret::new(url.into());
        self
    }

    /// The version of the API, `v3` by default; a date such as `2026-03` for the versions that are named so.
    #[must_use]
    pub fn api_version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// The properties to read. By default all that the object has when a cycle begins. Others need another read of
    /// everything, as do other associations and another start: a position made with other ones is refused.
    #[must_use]
    pub fn properties(mut self, properties: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.properties = properties.into_iter().map(Into::into).collect();
        self
    }

    /// Also tells to which records of other objects, for instance `companies`, those on a page are linked. That costs a
    /// request for each page and object. A link that changes does not change a record: it is told when the record is
    /// read next.
    #[must_use]
    pub fn associations(mut self, objects: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.associations = objects.into_iter().map(Into::into).collect();
        self
    }

    /// Whether to tell of archived records, `true` by default. That costs a request for each hundred that are archived,
    /// in every cycle.
    #[must_use]
    pub fn archived(mut self, archived: bool) -> Self {
        self.archived = archived;
        self
    }

    /// Goes on when archived records were missed because no run took place for longer than the system keeps them, ninety
    /// days. By default that is an error.
    #[must_use]
    pub fn accept_missed_archived(mut self) -> Self {
        self.accept_missed = true;
        self
    }

    /// How far before the end of the last cycle to look again: longer than a change takes to be found by searches. Ten
    /// minutes by default.
    #[must_use]
    pub fn look_back(mut self, look_back: Duration) -> Self {
        self.look_back = look_back;
        self
    }

    /// Where the first cycle begins. By default it reads everything.
    #[must_use]
    pub fn start(mut self, start: DateTime<Utc>) -> Self {
        self.start = Some(start);
        self
    }

    /// How long to wait after a cycle before the next, five minutes by default.
    #[must_use]
    pub fn poll_every(mut self, every: Duration) -> Self {
        self.poll_every = every;
        self
    }

    /// Sends at most so many requests in any time so long, 90 in ten seconds by default. The smallest plan has 100, for
    /// all that one app does.
    #[must_use]
    pub fn rate_limit(mut self, requests: usize, per: Duration) -> Self {
        self.requests = (requests, per);
        self
    }

    /// Sends at most so many searches in any time so long, 4 in a second by default.
    #[must_use]
    pub fn search_rate_limit(mut self, searches: usize, per: Duration) -> Self {
        self.searches = (searches, per);
        self
    }

    crate::http::setters! { timeout: "The longest silence of the system, one minute by default." }

    /// Checks the settings. Sends nothing.
    ///
    /// # Errors
    /// [`ConfigInvalid`](datalake_core::ErrorKind::ConfigInvalid) if a setting is wrong.
    pub fn build(self) -> Result<HubSpotSource> {
        self.check().map_err(|error| error.component(KIND))
    }

    fn check(self) -> Result<HubSpotSource> {
        let (origin, path) = Origin::parse(self.url.expose())?;
        if path.as_str() != "/" {
            return Err(Error::config("the url is that of the API, without a path"));
        }
        let Some(token) = self.token else {
            return Err(Error::config("there is no token; give one by token"));
        };
        let plain = |name: &str| {
            let part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            !name.is_empty() && name.len() <= 255 && name.chars().all(part)
        };
        let names =
            [&self.object, &self.version].into_iter().chain(&self.associations).chain(&self.properties);
        for name in names {
            if !plain(name) {
                return Err(Error::config("this is no name of an object, a property or a version")
                    .with("found", format_args!("{name:?}")));
            }
        }
        for (requests, per) in [self.requests, self.searches] {
            if requests == 0 || requests > 1_000_000 || per.is_zero() {
                return Err(Error::config("a rate limit is 1 to 1,000,000 requests in some time"));
            }
        }
        self.reach.check()?;
        let look_back = TimeDelta::from_std(self.look_back)
            .ok()
            .filter(|look_back| *look_back <= TimeDelta::days(14))
            .ok_or_else(|| Error::config("the look-back is at most two weeks"))?;
        let locator = format!("{origin}/crm/objects/{}", self.object);
        let info = SourceInfo::new(KIND, self.dataset, locator.clone()).with_config(json!({
            "url": locator,
            "version": self.version,
            "properties": self.properties,
            "associations": self.associations,
            "archived": self.archived,
            "look_back_seconds": look_back.num_seconds(),
            "start": self.start,
        }));
        let selection = json!([self.properties, self.associations, self.start]).to_string();
        let client = Client::new(origin, &Auth::bearer(token), &[], &self.reach.trusted, self.reach.bounds)?;
        let api = Api {
            client,
            object: self.object,
            version: self.version,
            pace: Mutex::new(Pace::new(self.requests.0, self.requests.1)),
            searches: Mutex::new(Pace::new(self.searches.0, self.searches.1)),
            max_body: self.reach.bounds.body,
        };
        let plan = Plan {
            selection: Sha256::of(selection.as_bytes()).to_string(),
            properties: self.properties,
            associations: self.associations,
            archived: self.archived,
            accept_missed: self.accept_missed,
            look_back,
            start: self.start,
            poll_every: self.poll_every,
        };
        Ok(HubSpotSource::new(info, plan, api))
    }
}

//! Settings of a read.

use std::time::Duration;

use serde_json::json;

use super::KIND;
use super::source::{DynamicsSource, Plan};
use crate::http::client::Client;
use crate::http::origin::Origin;
use crate::http::{Auth, OAuth2, Reach};
use datalake_core::{Credential, Dataset, Error, Result, Secret, SourceInfo};

/// Settings of a [`DynamicsSource`].
#[derive(Debug, Clone)]
pub struct DynamicsSourceBuilder {
    dataset: Dataset,
    url: Secret,
    set: String,
    auth: Auth,
    client: Option<(String, String, Credential)>,
    columns: Vec<String>,
    annotations: bool,
    tracked: bool,
    reinitialise: bool,
    page: usize,
    page_cap: u64,
    poll_every: Duration,
    reach: Reach,
}

impl DynamicsSourceBuilder {
    pub(super) fn new(dataset: Dataset, url: String, set: String) -> Self {
        Self {
            dataset,
            url: Secret::new(url),
            set,
            auth: Auth::none(),
            client: None,
            columns: Vec::new(),
            annotations: false,
            tracked: true,
            reinitialise: false,
            page: 5_000,
            page_cap: 1_000_000,
            poll_every: Duration::from_secs(300),
            reach: Reach::new(Duration::from_secs(150)),
        }
    }

    /// An app registered in a tenant of Entra, by its id and secret. It needs an application user in the environment that
    /// may read the table in the whole organisation.
    #[must_use]
    pub fn client_credentials(
        mut self,
        tenant: impl Into<String>,
        client_id: impl Into<String>,
        client_secret: impl Into<Credential>,
    ) -> Self {
        self.client = Some((tenant.into(), client_id.into(), client_secret.into()));
        self
    }

    /// Any other way to say who we are.
    #[must_use]
    pub fn auth(mut self, auth: impl Into<Auth>) -> Self {
        self.auth = auth.into();
        self
    }

    /// The columns to read, all by default. The key is always read. They are a part of the links by which a read goes on:
    /// other columns need another read of everything.
    #[must_use]
    pub fn columns(mut self, columns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.columns = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Asks for formatted values and the names of lookups too, in members with an `@`.
    #[must_use]
    pub fn annotations(mut self) -> Self {
        self.annotations = true;
        self
    }

    /// Reads everything in every cycle and asks for no changes: for tables that do not track them. Deletes are not told
    /// then. Where a ledger was filled the other way, the next cycle is a new one that reads everything.
    #[must_use]
    pub fn without_tracking(mut self) -> Self {
        self.tracked = false;
        self
    }

    /// Reads everything again when the system no longer knows what has changed, after seven days without a run unless it
    /// is set up otherwise, or when it has forgotten a page of the first cycle. What was deleted meanwhile is not told
    /// then. By default that is an error.
    #[must_use]
    pub fn reinitialise(mut self) -> Self {
        self.reinitialise = true;
        self
    }

    /// How many records a page should have, 5,000 by default, which is the most.
    #[must_use]
    pub fn page_size(mut self, records: usize) -> Self {
        self.page = records;
        self
    }

    /// The most pages of a cycle, a million by default. More are an error: a system that pages for ever is broken.
    #[must_use]
    pub fn page_cap(mut self, pages: u64) -> Self {
        self.page_cap = pages;
        self
    }

    /// How long to wait after a cycle before the next, five minutes by default.
    #[must_use]
    pub fn poll_every(mut self, every: Duration) -> Self {
        self.poll_every = every;
        self
    }

    crate::http::setters! { timeout: "The longest silence of the system, two and a half minutes by default." }

    /// Checks the settings. Sends nothing.
    ///
    /// # Errors
    /// [`ConfigInvalid`](datalake_core::ErrorKind::ConfigInvalid) if a setting is wrong.
    pub fn build(self) -> Result<DynamicsSource> {
        self.check().map_err(|error| error.component(KIND))
    }

    fn check(self) -> Result<DynamicsSource> {
        let (origin, path) = Origin::parse(self.url.expose())?;
        if path.query().is_some() {
            return Err(Error::config("the url is that of the environment or of its API, without a query"));
        }
        let root = match path.path() {
            "/" => "/api/data/v9.2/".to_owned(),
            path => format!("{}/", path.trim_end_matches('/')),
        };
        for name in std::iter::once(&self.set).chain(&self.columns) {
            let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if name.is_empty() || name.len() > 255 || !plain {
                return Err(Error::config("this is no name of a set or a column")
                    .with("found", format_args!("{name:?}")));
            }
        }
        if !(1..=5_000).contains(&self.page) {
            return Err(Error::config("a page has 1 to 5,000 records"));
        }
        self.reach.check()?;
        if self.page_cap == 0 {
            return Err(Error::config("a bound of nothing allows nothing"));
        }
        let auth = match self.client {
            None => self.auth,
            Some((tenant, id, secret)) => {
                let plain = tenant.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.');
                if tenant.is_empty() || !plain {
                    return Err(Error::config("this is no tenant").with("found", format_args!("{tenant:?}")));
                }
                let url = format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token");
                let oauth = OAuth2::client_credentials(url, id, secret).scope(format!("{origin}/.default"));
                oauth.credentials_in_body().into()
            }
        };
        let locator = format!("{origin}{root}{}", self.set);
        let info = SourceInfo::new(KIND, self.dataset, locator.clone()).with_config(json!({
            "url": locator,
            "columns": self.columns,
            "annotations": self.annotations,
            "tracked": self.tracked,
        }));
        let client = Client::new(origin, &auth, &[], &self.reach.trusted, self.reach.bounds)?;
        let root = root.parse().map_err(|_| Error::config("the path of the url cannot be read"))?;
        let plan = Plan {
            root,
            set: self.set,
            columns: self.columns,
            annotations: self.annotations,
            tracked: self.tracked,
            reinitialise: self.reinitialise,
            page: self.page,
            page_cap: self.page_cap,
            poll_every: self.poll_every,
            max_body: self.reach.bounds.body,
        };
        Ok(DynamicsSource::new(info, plan, client))
    }
}

//! The settings of an environment.

use std::io;
use std::time::Duration;

use super::Dataverse;
use super::sample;
use crate::odata::Entity;

/// The settings of a [`Dataverse`], before it starts and while it runs.
#[derive(Debug, Clone)]
#[must_use]
pub struct Builder {
    pub(super) entities: Vec<Entity>,
    pub(super) untracked: Vec<String>,
    pub(super) page: usize,
    pub(super) clients: Vec<(String, String)>,
    pub(super) tenant: String,
    pub(super) access_lasts: Duration,
    pub(super) delta_days: i64,
    pub(super) expired_status: u16,
    pub(super) wait: Duration,
    pub(super) links: Option<String>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            entities: vec![sample::accounts()],
            untracked: Vec::new(),
            page: 5000,
            clients: Vec::new(),
            tenant: "contoso.onmicrosoft.com".into(),
            access_lasts: Duration::from_secs(3599),
            delta_days: 7,
            expired_status: 400,
            wait: Duration::from_secs(2),
            links: None,
        }
    }
}

impl Builder {
    /// Starts it on a free port of loopback.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start(self) -> io::Result<Dataverse> {
        Dataverse::with(self).await
    }

    /// Holds rows of this type too, beside [`accounts`](sample::accounts). Only before the start.
    pub fn entity(mut self, entity: Entity) -> Self {
        self.entities.push(entity);
        self
    }

    /// Changes of this set are not tracked, and who wishes them is refused.
    pub fn untracked(mut self, set: impl Into<String>) -> Self {
        self.untracked.push(set.into());
        self
    }

    /// Sets how many rows a page holds at most, and holds where no less is preferred; 5,000 unless set.
    pub fn page(mut self, rows: usize) -> Self {
        self.page = rows.max(1);
        self
    }

    /// Adds a client that gets tokens at [`Dataverse::token_url`]. Without one everybody may read.
    pub fn client(mut self, id: impl Into<String>, secret: impl Into<String>) -> Self {
        self.clients.push((id.into(), secret.into()));
        self
    }

    /// Sets how long an access token holds; about an hour unless set.
    pub fn access_lasts(mut self, time: Duration) -> Self {
        self.access_lasts = time;
        self
    }

    /// Sets how many days of the [system's clock](crate::odata::System::at) a delta token holds; 7 unless set.
    pub fn delta_days(mut self, days: u16) -> Self {
        self.delta_days = days.into();
        self
    }

    /// Sets the status of the answer to a delta token that holds no more; 400 unless set.
    pub fn expired_status(mut self, status: u16) -> Self {
        self.expired_status = status;
        self
    }

    /// Lets links lead to another origin, for instance `http://127.0.0.1:8080`, and not to the host that was asked.
    pub fn links_to(mut self, origin: impl Into<String>) -> Self {
        self.links = Some(origin.into());
        self
    }

    /// Sets how long a client that is throttled is told to wait; whole seconds, 2 unless set.
    pub fn wait(mut self, time: Duration) -> Self {
        self.wait = time;
        self
    }
}

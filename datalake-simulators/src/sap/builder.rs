//! The settings of a gateway.

use std::io;
use std::time::Duration;

use super::Gateway;
use super::sample;
use crate::odata::Entity;

/// Where a subscription of operational data provisioning tells its token at the end of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TokenAt {
    /// As `__delta` of the last page.
    #[default]
    Delta,
    /// As `__next` of the last page, with `!deltatoken` in it: who follows it as a page walks into the changes.
    Next,
    /// Nowhere: it has to be looked up in `DeltaLinksOf…`.
    DeltaLinks,
}

/// Where links to pages and to changes lead.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Links {
    /// In V2 to the host that was asked; in V4 they are relative to the root of the service.
    #[default]
    Usual,
    /// In both versions to the host that was asked.
    Absolute,
    /// To `localhost` and a port at which nothing is, as from behind a proxy.
    Localhost,
    /// To another origin, for instance `http://127.0.0.1:8080`.
    To(String),
}

/// How a server cuts what was not asked for with changes into pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Paging {
    /// By an offset into what is found at the time of each page. Rows that come and go in between are missed or doubled.
    #[default]
    Offset,
    /// All pages are of the time of the first.
    Snapshot,
}

/// How V4 tells of rows that are no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Removed {
    /// By entries with `$deletedEntity` in their context and the `id` of the row, as in 4.0.
    #[default]
    Entry,
    /// By entries with `@removed`, as in 4.01.
    Annotation,
}

/// The settings of a [`Gateway`], before it starts and while it runs.
#[derive(Debug, Clone)]
#[must_use]
pub struct Builder {
    pub(super) entities: Vec<Entity>,
    pub(super) page: usize,
    pub(super) page_preference: bool,
    pub(super) paging: Paging,
    pub(super) links: Links,
    pub(super) ties: Option<u64>,
    pub(super) users: Vec<(String, String)>,
    pub(super) oauth: Vec<(String, String)>,
    pub(super) api_key: Option<String>,
    pub(super) lock_after: u32,
    pub(super) client: String,
    pub(super) most_sessions: Option<usize>,
    pub(super) access_lasts: Duration,
    pub(super) delta: bool,
    pub(super) expired_status: u16,
    pub(super) token_at: TokenAt,
    pub(super) before_images: bool,
    pub(super) removed: Removed,
    pub(super) bare_names: bool,
    pub(super) exact_numbers: bool,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            entities: vec![sample::sales_orders()],
            page: 100,
            page_preference: false,
            paging: Paging::default(),
            links: Links::default(),
            ties: None,
            users: Vec::new(),
            oauth: Vec::new(),
            api_key: None,
            lock_after: 5,
            client: "100".into(),
            most_sessions: None,
            access_lasts: Duration::from_secs(3600),
            delta: true,
            expired_status: 410,
            token_at: TokenAt::default(),
            before_images: false,
            removed: Removed::default(),
            bare_names: false,
            exact_numbers: true,
        }
    }
}

impl Builder {
    /// Starts it on a free port of loopback.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start(self) -> io::Result<Gateway> {
        Gateway::with(self).await
    }

    /// Holds rows of this type too, beside [`SalesOrders`](sample::sales_orders). Only before the start; later,
    /// [`System::define`](crate::odata::System::define) does it.
    pub fn entity(mut self, entity: Entity) -> Self {
        self.entities.push(entity);
        self
    }

    /// Sets how many entries a page holds at most; 100 unless set.
    pub fn page(mut self, entries: usize) -> Self {
        self.page = entries.max(1);
        self
    }

    /// Whether `Prefer: odata.maxpagesize` is heeded outside of operational data provisioning, which always does; not
    /// unless set.
    pub fn page_preference(mut self, heeded: bool) -> Self {
        self.page_preference = heeded;
        self
    }

    /// Sets how plain reads are cut into pages; by [`Paging::Offset`] unless set. Reads that end in a delta link are always
    /// of the time of their first page.
    pub fn paging(mut self, paging: Paging) -> Self {
        self.paging = paging;
        self
    }

    /// Sets where links lead.
    pub fn links(mut self, links: Links) -> Self {
        self.links = links;
        self
    }

    /// Rows that `$orderby` does not tell apart come in another order with every request, all rows if there is none. Unless
    /// set they come in the order of their keys.
    pub fn shuffled_ties(mut self, seed: u64) -> Self {
        self.ties = Some(seed);
        self
    }

    /// Adds a user with a password. Without users, OAuth clients and API key everybody may read.
    pub fn user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.users.push((name.into(), password.into()));
        self
    }

    /// Adds a client of OAuth with its secret, which gets tokens at [`Gateway::token_url`].
    pub fn oauth_client(mut self, id: impl Into<String>, secret: impl Into<String>) -> Self {
        self.oauth.push((id.into(), secret.into()));
        self
    }

    /// Sets the key that the header `APIKey` may carry.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// A user is locked after so many wrong passwords in succession; 5 unless set.
    pub fn lock_after(mut self, failures: u32) -> Self {
        self.lock_after = failures;
        self
    }

    /// Sets the client of the system, that is the number of its data; `100` unless set. Who names another is refused.
    pub fn client(mut self, number: impl Into<String>) -> Self {
        self.client = number.into();
        self
    }

    /// More sessions than this are refused with 503.
    pub fn most_sessions(mut self, sessions: usize) -> Self {
        self.most_sessions = Some(sessions);
        self
    }

    /// Sets how long tokens of OAuth hold; an hour unless set.
    pub fn access_lasts(mut self, time: Duration) -> Self {
        self.access_lasts = time;
        self
    }

    /// Whether changes can be asked for outside of operational data provisioning. If not, the wish is ignored without a
    /// word: the answer is as if it had not been there.
    pub fn delta(mut self, offered: bool) -> Self {
        self.delta = offered;
        self
    }

    /// Sets the status of the answer to a delta token that holds no more; 410 unless set.
    pub fn expired_status(mut self, status: u16) -> Self {
        self.expired_status = status;
        self
    }

    /// Sets where subscriptions tell their tokens.
    pub fn token_at(mut self, place: TokenAt) -> Self {
        self.token_at = place;
        self
    }

    /// Whether subscriptions give, before a changed row, what it was; not unless set.
    pub fn before_images(mut self, given: bool) -> Self {
        self.before_images = given;
        self
    }

    /// Sets how V4 tells of rows that are no more.
    pub fn removed(mut self, how: Removed) -> Self {
        self.removed = how;
        self
    }

    /// Whether V4 writes `@nextLink` and the like without `odata.`, as 4.01 may; not unless set.
    pub fn bare_names(mut self, bare: bool) -> Self {
        self.bare_names = bare;
        self
    }

    /// Whether V4 gives long numbers as texts to those who accept `IEEE754Compatible=true`; it does unless set.
    pub fn exact_numbers(mut self, heeded: bool) -> Self {
        self.exact_numbers = heeded;
        self
    }
}

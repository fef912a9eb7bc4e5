//! The settings of a simulated org.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::object::Object;
use super::org::Org;
use super::{CLIENT_ID, CLIENT_SECRET, Salesforce, State, USER};
use crate::rest::{Fault, Faults, Refusal, Server};

/// Settings of a [`Salesforce`]. Without any it does what an org of the service does.
#[derive(Debug, Clone)]
#[must_use]
pub struct Builder {
    pub(super) objects: Vec<Object>,
    pub(super) client: (String, String),
    pub(super) user: String,
    pub(super) key: Vec<u8>,
    pub(super) instance_url: Option<String>,
    pub(super) page: Option<usize>,
    pub(super) live_pages: bool,
    pub(super) unordered: bool,
    pub(super) cursors: usize,
    pub(super) cursor_pages: Option<usize>,
    pub(super) session_requests: Option<u64>,
    pub(super) session_lasts: Option<Duration>,
    pub(super) daily_requests: u64,
    pub(super) query_rows: Option<usize>,
    pub(super) bulk_page: usize,
    pub(super) bulk_polls: u32,
    pub(super) number_of_records: bool,
    pub(super) bare_results: bool,
    pub(super) deleted_ids: usize,
    pub(super) links: String,
    pub(super) compress: bool,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            objects: Vec::new(),
            client: (CLIENT_ID.into(), CLIENT_SECRET.into()),
            user: USER.into(),
            key: include_bytes!("key.der").to_vec(),
            instance_url: None,
            page: None,
            live_pages: false,
            unordered: false,
            cursors: 10,
            cursor_pages: None,
            session_requests: None,
            session_lasts: None,
            daily_requests: 15_000,
            query_rows: None,
            bulk_page: 50_000,
            bulk_polls: 2,
            number_of_records: true,
            bare_results: false,
            deleted_ids: 600_000,
            links: String::new(),
            compress: true,
        }
    }
}

impl Builder {
    /// Has an object, empty for now.
    pub fn object(mut self, object: Object) -> Self {
        self.objects.push(object);
        self
    }

    /// Takes this client, in place of [`CLIENT_ID`] and [`CLIENT_SECRET`].
    pub fn client(mut self, id: impl Into<String>, secret: impl Into<String>) -> Self {
        self.client = (id.into(), secret.into());
        self
    }

    /// Takes JWTs of this user that the private counterpart of this key has signed (RSA, PKCS #1 in DER), in place of
    /// [`USER`] and [`PRIVATE_KEY`](super::PRIVATE_KEY).
    pub fn user(mut self, name: impl Into<String>, key: impl Into<Vec<u8>>) -> Self {
        self.user = name.into();
        self.key = key.into();
        self
    }

    /// Names this as the place of the org in answers of the token endpoint, in place of its own URL.
    pub fn instance_url(mut self, url: impl Into<String>) -> Self {
        self.instance_url = Some(url.into());
        self
    }

    /// Puts so many records on a page of a query, whatever the client asks for.
    pub fn page(mut self, records: usize) -> Self {
        self.page = Some(records.max(1));
        self
    }

    /// Shows records on the later pages of a query as they are when the page is read, not as they were when the query
    /// was run.
    pub fn live_pages(mut self) -> Self {
        self.live_pages = true;
        self
    }

    /// Gives records in another order every time, as far as the query leaves it open: whole results without `ORDER BY`,
    /// and what it sorts alike.
    pub fn unordered(mut self) -> Self {
        self.unordered = true;
        self
    }

    /// Keeps so many queries open at once, 10 unless set. One more, and the oldest is dead.
    pub fn cursors(mut self, open: usize) -> Self {
        self.cursors = open.max(1);
        self
    }

    /// Lets a query die when so many of its later pages were read.
    pub fn cursor_pages(mut self, pages: usize) -> Self {
        self.cursor_pages = Some(pages);
        self
    }

    /// Ends a session after so many requests.
    pub fn session_requests(mut self, requests: u64) -> Self {
        self.session_requests = Some(requests);
        self
    }

    /// Ends a session after a time by the clock of the org.
    pub fn session_lasts(mut self, time: Duration) -> Self {
        self.session_lasts = Some(time);
        self
    }

    /// Refuses requests after so many. 15,000 unless set. See
    /// [`restore_requests`](Salesforce::restore_requests).
    pub fn daily_requests(mut self, requests: u64) -> Self {
        self.daily_requests = requests;
        self
    }

    /// Lets a query with more results than this run out of time, unless it only counts them. In Bulk, only one that
    /// sorts them does.
    pub fn query_rows(mut self, rows: usize) -> Self {
        self.query_rows = Some(rows);
        self
    }

    /// Puts so many records on a page of results of Bulk, unless the client asks for fewer. 50,000 unless set.
    pub fn bulk_page(mut self, records: usize) -> Self {
        self.bulk_page = records.max(1);
        self
    }

    /// Says so often that a job is under way before it says that it is complete. Twice unless set.
    pub fn bulk_polls(mut self, polls: u32) -> Self {
        self.bulk_polls = polls;
        self
    }

    /// Leaves `Sforce-NumberOfRecords` out, as some proxies do.
    pub fn without_number_of_records(mut self) -> Self {
        self.number_of_records = false;
        self
    }

    /// Gives results of Bulk without records as an empty body, without the names of the columns.
    pub fn bare_results(mut self) -> Self {
        self.bare_results = true;
        self
    }

    /// Tells of so many deleted records at once, 600,000 unless set, and refuses when there are more.
    pub fn deleted_ids(mut self, most: usize) -> Self {
        self.deleted_ids = most;
        self
    }

    /// Names the next page of a query with this before its path, for instance another host.
    pub fn links_to(mut self, origin: impl Into<String>) -> Self {
        self.links = origin.into();
        self
    }

    /// Compresses nothing, even for clients that ask for it.
    pub fn without_compression(mut self) -> Self {
        self.compress = false;
        self
    }

    /// Starts it on a free port of loopback.
    ///
    /// # Errors
    /// There is no free port or no thread.
    pub fn start(self) -> io::Result<Salesforce> {
        let busy = |status, code| Fault::Refused(Refusal::new(status, code));
        let faults = Faults::new(vec![
            busy(503, "SERVER_UNAVAILABLE"),
            busy(500, "UNKNOWN_EXCEPTION"),
            busy(401, "INVALID_SESSION_ID"),
            Fault::BadGateway,
            Fault::Reset,
            Fault::Lost,
            Fault::Truncated,
        ]);
        let compress = self.compress;
        let make = |url: &str| Arc::new(State { org: Mutex::new(Org::new(self, url)), compress });
        let (server, state) = Server::start(faults.clone(), make)?;
        Ok(Salesforce { server, state, faults })
    }
}

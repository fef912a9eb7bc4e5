//! What can go wrong, and for which requests it does.

use std::borrow::Cow;
use std::time::Duration;

/// An answer that says no, in the form of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The status of the answer.
    pub status: u16,
    /// The code in it, as the service names it.
    pub code: Cow<'static, str>,
    /// The message in it.
    pub message: Cow<'static, str>,
    /// Headers beside those of the service, for instance `retry-after`.
    pub headers: Vec<(&'static str, String)>,
}

impl Refusal {
    /// A refusal with a status and a code.
    #[must_use]
    pub fn new(status: u16, code: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code: code.into(), message: Cow::Borrowed("made to fail"), headers: Vec::new() }
    }

    /// Says so in these words.
    #[must_use]
    pub fn message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = message.into();
        self
    }

    /// Has a header beside those of the service.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// What goes wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It does not happen, and the client is told so.
    Refused(Refusal),
    /// It happens, and the client is told that it did not.
    RefusedAfter(Refusal),
    /// The connection ends before anything is done.
    Reset,
    /// It happens, and the connection ends before the answer.
    Lost,
    /// It happens, and the answer comes after a time.
    Slow(Duration),
    /// It happens, and no answer ever comes.
    Silent,
    /// It happens, and the answer ends in the middle.
    Truncated,
    /// It happens, and the last bytes of the answer's body are missing without a sign of it.
    Short,
    /// It does not happen, and a page to log in on comes with status 200, as from a proxy on the way.
    Foreign,
    /// It does not happen, and a page comes with status 502, as from a proxy on the way.
    BadGateway,
}

/// Which requests are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Rule {
    pub(super) operation: Option<String>,
    pub(super) part: String,
    pub(super) after: u64,
    pub(super) times: u64,
}

impl Rule {
    /// The next request of an operation; the page of the service lists their names.
    pub fn of(operation: impl Into<String>) -> Self {
        Self { operation: Some(operation.into()), ..Self::any() }
    }

    /// The next request, whatever it is.
    pub fn any() -> Self {
        Self { operation: None, part: String::new(), after: 0, times: 1 }
    }

    /// Only requests whose target, path and query as they were sent, has this in it.
    pub fn target(mut self, part: impl Into<String>) -> Self {
        self.part = part.into();
        self
    }

    /// Lets so many requests that fit go by first.
    pub fn after(mut self, requests: u64) -> Self {
        self.after = requests;
        self
    }

    /// So many requests, one after the other, in place of one.
    pub fn times(mut self, requests: u64) -> Self {
        self.times = requests;
        self
    }

    /// Every request from then on.
    pub fn always(self) -> Self {
        self.times(u64::MAX)
    }

    /// Whether it strikes a request. Counts it if it fits.
    pub(super) fn strikes(&mut self, operation: &str, target: &str) -> bool {
        let of = self.operation.as_deref().is_none_or(|wanted| wanted == operation);
        if !of || self.times == 0 || !target.contains(&self.part) {
            return false;
        }
        if self.after > 0 {
            self.after -= 1;
            return false;
        }
        if self.times != u64::MAX {
            self.times -= 1;
        }
        true
    }
}

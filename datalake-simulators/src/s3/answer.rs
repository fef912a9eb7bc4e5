//! An answer, before it goes out.

use bytes::Bytes;

use super::fault::Refusal;
use super::xml;

/// Status, headers and body.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
    /// The length that a `HEAD` is told of.
    pub(super) length: Option<usize>,
}

impl Answer {
    pub(super) fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new(), length: None }
    }

    pub(super) fn xml(status: u16, text: String) -> Self {
        Self { body: text.into(), ..Self::new(status) }.with("content-type", "application/xml")
    }

    pub(super) fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(super) fn with_all<N: Into<String>, V: Into<String>>(
        self,
        headers: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        headers.into_iter().fold(self, |answer, (name, value)| answer.with(name, value))
    }

    /// The answer of a refusal.
    pub(super) fn refusal(refusal: Refusal, subject: &str) -> Self {
        Self::error(refusal.status, refusal.code, subject)
    }

    /// An error, with any status.
    pub(super) fn error(status: u16, code: &str, subject: &str) -> Self {
        let message = format!("{code}, as it was asked for");
        Self::xml(
            status,
            format!(
                "{}<Error><Code>{code}</Code><Message>{message}</Message><Resource>{}</Resource></Error>",
                xml::HEAD,
                xml::escape(subject)
            ),
        )
    }
}

//! What a request becomes.

use bytes::Bytes;
use datalake_core::{Document, Format, Sha256, async_trait};
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::http::request::Parts;

use super::package::{ELEMENT, check, ids};
use crate::receive::{Access, Event, Intake, Refusal, basic, refusal};

const NO_XML: Refusal = refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "IDocs are sent as XML in UTF-8");

const UNKNOWN: Refusal = Refusal {
    challenge: Some("Basic realm=\"idoc\", charset=\"UTF-8\""),
    ..refusal(StatusCode::UNAUTHORIZED, "user or password are not known")
};

/// Lets senders in, looks into what they send, and gives it its id.
pub(crate) struct Idocs {
    pub(super) access: Access,
    pub(super) max_depth: usize,
}

#[async_trait]
impl Intake for Idocs {
    type Claim = ();

    async fn claim(&self, head: &Parts) -> Result<(), Refusal> {
        if !self.access.is_open() {
            let (user, password) = basic(&head.headers).ok_or(UNKNOWN)?;
            if !self.access.admits(&user, &password).await? {
                return Err(UNKNOWN);
            }
        }
        if is_xml(&head.headers) { Ok(()) } else { Err(NO_XML) }
    }

    async fn event(&self, _claim: &(), head: &Parts, _raw: &Bytes, content: Bytes) -> Result<Event, Refusal> {
        let path = head.uri.path();
        check(&content, self.max_depth)?;
        let format = Format::Xml { element: ELEMENT.into() };
        let document = Document::new(content, path.to_owned(), format);
        let ids = ids(&document)?;
        let digest = Sha256::of(document.bytes());
        let named: Option<Vec<String>> = ids.into_iter().collect();
        let key = named.as_ref().map(|ids| {
            let body = if self.access.is_open() { digest.as_bytes() } else { &[][..] };
            let ids = ids.join("\n");
            Sha256::of_parts([path.as_bytes(), b"\0", ids.as_bytes(), b"\0", body])
        });
        let id = match named.as_deref() {
            Some([id]) => id.clone(),
            Some([first, more @ ..]) => format!("{first}+{}", more.len()),
            _ => digest.to_string(),
        };
        let document = document.with_id(id.as_str());
        Ok(Event { id, key, document })
    }
}

/// Whether a request says that its body is XML, in UTF-8 if it says so at all.
fn is_xml(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(CONTENT_TYPE) else { return true };
    let Ok(kind) = kind.to_str() else { return false };
    let mut parts = kind.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default().to_ascii_lowercase();
    let known = ["text/xml", "application/xml", "application/x-sap.idoc"].contains(&media.as_str());
    known
        && parts.all(|part| match part.split_once('=') {
            Some((name, charset)) if name.trim().eq_ignore_ascii_case("charset") => {
                charset.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
            }
            _ => true,
        })
}

//! Feeds: documents with an `ETag`.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::list::{Lists, member};
use super::refused;
use crate::rest::{Answer, Request};

/// A document, or a list as RSS with the newest first, unless the client has it.
pub(super) fn answer(lists: &mut Lists, request: &Request) -> Answer {
    let (kind, body) = match (lists.documents.get(&request.path), lists.get(&request.path)) {
        (Some((kind, body)), _) => (kind.clone(), body.clone()),
        (None, Some(records)) => {
            let items: String = records
                .iter()
                .rev()
                .map(|record| {
                    let of = |name: &str| {
                        let text = member(record, name).replace('&', "&amp;").replace('<', "&lt;");
                        format!("<{name}>{text}</{name}>")
                    };
                    format!("<item>{}{}{}</item>\n", of("title"), of("link"), of("guid"))
                })
                .collect();
            let body = format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rss version=\"2.0\"><channel><title>simulated</title>\n\
                 {items}</channel></rss>"
            );
            ("application/rss+xml".to_owned(), body.into_bytes())
        }
        (None, None) => return refused::answer("feed", 404, "", "there is no such feed"),
    };
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    let etag = format!("\"{:x}\"", hasher.finish());
    if request.header("if-none-match") == Some(&etag) {
        return Answer::new(304, &kind, "").with("etag", etag);
    }
    Answer::new(200, &kind, body).with("etag", etag)
}

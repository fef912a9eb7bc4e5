//! Atom, which tells of deleted rows where the JSON of OData 2.0 cannot.

use std::fmt::Write;

use chrono::{DateTime, SecondsFormat};

use super::Inner;
use super::builder::Builder;
use crate::odata::feed::{Item, Page};
use crate::odata::server::{Answer, Request};
use crate::odata::write::{escaped, properties};
use crate::odata::{Entity, Value, Version, literal};

const SPACES: &str = "xmlns=\"http://www.w3.org/2005/Atom\" \
                      xmlns:m=\"http://schemas.microsoft.com/ado/2007/08/dataservices/metadata\" \
                      xmlns:d=\"http://schemas.microsoft.com/ado/2007/08/dataservices\" \
                      xmlns:at=\"http://purl.org/atompub/tombstones/1.0\"";
const HEAD: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>";

/// Writes a page.
pub(super) fn write(settings: &Builder, request: &Request, page: &Page<'_>) -> Answer {
    let (entity, set) = (&page.feed.entity, &page.feed.set);
    let link = |target: &str| escaped(&Inner::absolute(settings, request, target));
    let mut xml =
        format!("{HEAD}<feed {SPACES}><id>{}</id><title type=\"text\">{set}</title>", link(&request.path));
    if let Some(count) = page.feed.count.filter(|_| page.first) {
        write!(xml, "<m:count>{count}</m:count>").ok();
    }
    for item in &page.items {
        match item {
            Item::Row(row) => entry(&mut xml, settings, request, entity, set, (&page.feed.shown, row), ""),
            Item::Removed(key, _, at) => {
                let id = link(&format!("{}{set}{}", root(request), literal::key(Version::V2, entity, key)));
                write!(xml, "<at:deleted-entry ref=\"{id}\" when=\"{}\"/>", time(*at)).ok();
            }
        }
    }
    for (name, target) in [("next", &page.next), ("delta", &page.delta)] {
        if let Some(target) = target {
            write!(xml, "<link rel=\"{name}\" href=\"{}\"/>", link(target)).ok();
        }
    }
    xml.push_str("</feed>");
    answer("feed", xml)
}

/// Writes one row.
pub(super) fn one(
    settings: &Builder,
    request: &Request,
    entity: &Entity,
    shown: &[usize],
    row: &[Value],
) -> Answer {
    let mut xml = String::from(HEAD);
    entry(&mut xml, settings, request, entity, &entity.set, (shown, row), SPACES);
    answer("entry", xml)
}

fn entry(
    xml: &mut String,
    settings: &Builder,
    request: &Request,
    entity: &Entity,
    set: &str,
    (shown, row): (&[usize], &[Value]),
    spaces: &str,
) {
    let root = root(request);
    let id = format!("{root}{set}{}", literal::key(Version::V2, entity, &entity.key_of(row)));
    let namespace = root.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    write!(
        xml,
        "<entry {spaces}><id>{}</id><category term=\"{namespace}.{}\" \
         scheme=\"http://schemas.microsoft.com/ado/2007/08/dataservices/scheme\"/><content type=\"application/xml\">",
        escaped(&Inner::absolute(settings, request, &id)),
        entity.name
    )
    .ok();
    properties(xml, entity, shown, row);
    xml.push_str("</content></entry>");
}

/// The root of the service that was asked.
fn root(request: &Request) -> &str {
    let end = request.path.find("_SRV/").map_or(request.path.len(), |at| at + "_SRV/".len());
    &request.path[..end]
}

fn time(millis: i64) -> String {
    DateTime::from_timestamp_millis(millis).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn answer(kind: &str, xml: String) -> Answer {
    Answer::new(200, &format!("application/atom+xml;type={kind};charset=utf-8"), xml)
        .with("dataserviceversion", "2.0")
}

//! What a service says of itself and of one of its sets.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use http::header::{self, HeaderMap, HeaderValue};
use tokio::time::Instant;

use super::Plan;
use super::mode::How;
use crate::http::client::Client;
use crate::odata::fetch::{self, Fetched, Outcome, fetch};
use crate::odata::literal;
use crate::odata::metadata::{EntityType, Metadata, Property, diff};
use crate::odata::query::Query;
use crate::odata::{Version, fetch::Kind};
use datalake_core::{Error, Result};

/// How long a description without an `ETag` is taken for the one of today.
const UNASKED: Duration = Duration::from_secs(60 * 60);

/// The first moment of the year 1, before which there is no value: milliseconds since 1970.
const FIRST: i64 = -62_135_596_800_000;

/// What is known of a service once its `$metadata` has been read.
#[derive(Debug, Clone)]
pub(super) struct Service {
    pub(super) version: Version,
    /// The set of the delta tokens of a queue, if changes come through one (ODP).
    pub(super) queue: Option<String>,
    /// Whether the service can tell who subscribes.
    pub(super) tells_subscriptions: bool,
    /// Whether it can end a subscription.
    pub(super) terminates: bool,
    /// Whether the set says that it tracks changes.
    pub(super) tracks: bool,
    /// The properties that order the rows, and their types.
    pub(super) order: Vec<(String, String)>,
    /// The filter for rows that have a value of a keyset.
    pub(super) floor: Option<String>,
    entity: EntityType,
    etag: Option<String>,
    read: Instant,
}

/// The service as it was last seen, and its clock. Shared by all requests of a source.
#[derive(Debug, Default)]
pub(super) struct Known {
    service: Mutex<Option<Service>>,
    /// How much the clock of the server is ahead of ours.
    ahead: Mutex<Option<TimeDelta>>,
    drift: Mutex<Vec<String>>,
    /// Whether the subscription is ours, or nobody's.
    claimed: AtomicBool,
}

impl Service {
    /// Whether it need not be looked at again. With an `ETag` that costs next to nothing.
    fn is_fresh(&self) -> bool {
        self.etag.is_none() && self.read.elapsed() < UNASKED
    }
}

impl Known {
    /// What is known of the service, asked for if nothing is.
    pub(super) async fn service(&self, plan: &Plan, client: &Client) -> Result<Service> {
        if let Some(service) = lock(&self.service).clone() {
            return Ok(service);
        }
        self.refresh(plan, client).await
    }

    /// Looks whether the service has changed, and gives it as it is now.
    pub(super) async fn refresh(&self, plan: &Plan, client: &Client) -> Result<Service> {
        let before = lock(&self.service).clone();
        if let Some(service) = before.as_ref().filter(|service| service.is_fresh()) {
            return Ok(service.clone());
        }
        let path = Query::default().of(&plan.root, "$metadata")?;
        let mut headers = plan.headers.clone();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/xml"));
        let known = before.as_ref().and_then(|service| service.etag.as_deref());
        if let Some(etag) = known.and_then(|etag| HeaderValue::from_str(etag).ok()) {
            headers.insert(header::IF_NONE_MATCH, etag);
        }
        let fetched = match fetch(client, &path, &headers, Kind::Xml, plan.max_body).await? {
            Outcome::Fetched(fetched) => fetched,
            Outcome::Unchanged => {
                return before.ok_or_else(|| Error::unexpected("the server says that nothing has changed"));
            }
            Outcome::Unknown(error) => return Err(error),
        };
        self.see_clock(&fetched);
        let service =
            read(plan, &fetched).map_err(|error| error.with("url", client.origin().shown(&path)))?;
        if let Some(before) = before {
            let lines = diff(&before.entity, &service.entity);
            if !lines.is_empty() {
                tracing::warn!(set = plan.set, changes = lines.join("; "), "the entity type has changed");
                lock(&self.drift).extend(lines);
            }
        }
        *lock(&self.service) = Some(service.clone());
        Ok(service)
    }

    /// Notes the clock of the server.
    pub(super) fn see_clock(&self, fetched: &Fetched) {
        let date = fetched.headers.get(header::DATE).and_then(|date| date.to_str().ok());
        if let Some(date) = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok()) {
            *lock(&self.ahead) = Some(date.to_utc() - Utc::now());
        }
    }

    /// What the clock of the server says, or ours if it has not said.
    pub(super) fn now(&self) -> DateTime<Utc> {
        Utc::now() + lock(&self.ahead).unwrap_or_default()
    }

    /// Whether this source has made sure that the subscription is its own.
    pub(super) fn has_claimed(&self) -> bool {
        self.claimed.load(Ordering::Acquire)
    }

    /// Notes whether the subscription is our own.
    pub(super) fn claim(&self, own: bool) {
        self.claimed.store(own, Ordering::Release);
    }

    /// What has changed in the entity type since it was first seen, a line each.
    pub(super) fn drift(&self) -> Vec<String> {
        lock(&self.drift).clone()
    }
}

/// Reads what matters of a description.
fn read(plan: &Plan, fetched: &Fetched) -> Result<Service> {
    let metadata = Metadata::parse(&fetched.body)?;
    let entity = metadata.entity(&plan.set)?;
    let queue = format!("DeltaLinksOf{}", plan.set);
    let has = |function: &str| metadata.functions.contains(&format!("{function}{}", plan.set));
    let names: Vec<&String> = match &plan.mode {
        How::Full { by, .. } => by.iter().collect(),
        How::Keyset { field, keys, .. } => {
            let keys = if keys.is_empty() { &entity.key } else { keys };
            [field].into_iter().chain(keys.iter().filter(|key| *key != field)).collect()
        }
        How::Delta => Vec::new(),
    };
    let order = names.into_iter().map(|name| ordering(&entity, name)).collect::<Result<_>>()?;
    let floor = match &plan.mode {
        How::Keyset { field, .. } => {
            entity.property(field).map_or(Ok(None), |field| floor(field, metadata.version))?
        }
        _ => None,
    };
    Ok(Service {
        floor,
        version: metadata.version,
        tells_subscriptions: has("SubscribedTo"),
        terminates: has("TerminateDeltasFor"),
        tracks: metadata.tracks_changes(&plan.set),
        queue: metadata.sets.contains_key(&queue).then_some(queue),
        order,
        entity,
        etag: fetched.request.etag.clone(),
        read: Instant::now(),
    })
}

/// A property to order by, and its type.
fn ordering(entity: &EntityType, name: &str) -> Result<(String, String)> {
    let refuse = |message: &'static str| Error::config(message).with("property", format_args!("{name:?}"));
    let property = entity.property(name).ok_or_else(|| refuse("the entity type has no such property"))?;
    if property.denies("filterable") || property.denies("sortable") {
        return Err(refuse(
            "the service does not filter or sort by the property; read it in full or by delta",
        ));
    }
    Ok((name.to_owned(), property.kind.clone()))
}

/// The filter for rows that have a value of a property of a keyset: those without one cannot be gone on after.
///
/// # Errors
/// `ConfigInvalid` if the property holds a day or a time of day: rows of a day would come after it was read.
fn floor(property: &Property, version: Version) -> Result<Option<String>> {
    let has = |attribute: &str, start: &str| {
        property.sap.get(attribute).is_some_and(|value| value.starts_with(start))
    };
    let kind = property.kind.as_str();
    let day = match kind {
        "Edm.Date" | "Edm.Time" | "Edm.TimeOfDay" => true,
        "Edm.DateTime" => has("display-format", "Date"),
        "Edm.String" => {
            has("semantics", "year")
                || has("semantics", "fiscal")
                || property.max_length.as_deref() == Some("8")
        }
        _ => false,
    };
    if day {
        return Err(Error::config(
            "the property holds a day or a time of day, as far as the service tells (a text of eight characters may be \
             one): rows that are written later on that day would be passed over; name a property of a moment, or read \
             in full",
        )
        .with("property", format_args!("{:?}", property.name))
        .with("type", kind));
    }
    let name = &property.name;
    let first = DateTime::from_timestamp_millis(FIRST).and_then(|at| literal::moment(at, kind, version));
    Ok(match first {
        Some(first) => Some(format!("{name} gt {first}")),
        None => property.nullable.then(|| format!("{name} ne null")),
    })
}

/// The headers of a request for rows.
pub(super) fn headers(plan: &Plan, version: Version) -> HeaderMap {
    let mut headers = fetch::headers(version);
    headers.extend(plan.headers.clone());
    headers
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

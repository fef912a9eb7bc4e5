//! The settings of a collector.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use datalake_core::{Clock, Credential, Dataset, Error, Result, SourceInfo, SystemClock};
use serde_json::json;

use super::body::{Limits, SEGMENT_EVENT};
use super::cors::{Origins, is_origin};
use super::intake::{Collector, KEYS};
use super::pages::Pages;
use super::route::{Route, SEGMENT, SNOWPLOW_PIXEL, SNOWPLOW_POST};
use super::visitor::{Address, Cookie, Keep};
use super::{CollectorSource, SCHEMA, SYSTEM};
use crate::receive::{Access, Opening, Settings, setters};

/// Makes a [`CollectorSource`].
#[derive(Clone)]
#[must_use]
pub struct CollectorSourceBuilder {
    dataset: Dataset,
    settings: Settings,
    routes: Vec<(String, Route)>,
    origins: Origins,
    keep: Keep,
    keys: Vec<Credential>,
    limits: Limits,
    pages: Option<Arc<dyn Pages>>,
    clock: Arc<dyn Clock>,
}

impl CollectorSourceBuilder {
    pub(super) fn new(dataset: Dataset, listen: SocketAddr) -> Self {
        let commit_timeout = Duration::from_secs(4);
        let settings = Settings { max_body: 16 << 20, commit_timeout, ..Settings::new(listen) };
        Self {
            dataset,
            settings,
            routes: Vec::new(),
            origins: Origins::Own,
            keep: Keep::default(),
            keys: Vec::new(),
            limits: Limits { events: None, event_bytes: SEGMENT_EVENT },
            pages: None,
            clock: Arc::new(SystemClock),
        }
    }

    setters! { max_body: "16 MiB", commit_timeout: "4 s" }

    /// Receives from Snowplow's trackers where they send to by default: `POST /com.snowplowanalytics.snowplow/tp2` and
    /// `GET /i`.
    pub fn snowplow(self) -> Self {
        self.snowplow_post(SNOWPLOW_POST).snowplow_pixel(SNOWPLOW_PIXEL)
    }

    /// Receives bodies of Snowplow's trackers at a path of your own too, as their setting for the path of POST requests
    /// names it.
    pub fn snowplow_post(mut self, path: impl Into<String>) -> Self {
        self.routes.push((path.into(), Route::SnowplowPost));
        self
    }

    /// Receives events of Snowplow's trackers in the query string of a picture at a path of your own too.
    pub fn snowplow_pixel(mut self, path: impl Into<String>) -> Self {
        self.routes.push((path.into(), Route::SnowplowPixel));
        self
    }

    /// Receives from Segment's libraries where they send to: `POST /v1/batch`, `/v1/track` and so on, and the short
    /// paths of browsers, `/v1/t` and so on.
    pub fn segment(mut self) -> Self {
        self.routes.extend(SEGMENT.map(|(path, route)| (path.to_owned(), route)));
        self
    }

    /// Takes Segment events only with a write key, as the user of basic authentication or as `writeKey` in the body. Call
    /// it again for more. A key given by name is looked up when the collector is built, again when it is past its
    /// lifetime, and again when another one comes, at most every 5 s; the one before is taken for an hour more.
    ///
    /// A key that a page sends can be read by everybody. It keeps out what was sent by mistake.
    pub fn write_key(mut self, key: impl Into<Credential>) -> Self {
        self.keys.push(key.into());
        self
    }

    /// Lets pages of another origin, for instance `https://shop.example`, send events with cookies and read the answers.
    /// Call it again for more.
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        match &mut self.origins {
            Origins::These(origins) => origins.push(origin.into()),
            none => *none = Origins::These(vec![origin.into()]),
        }
        self
    }

    /// Lets pages of every origin send events, without cookies: their trackers must not ask for credentials, which
    /// `sendBeacon` always does.
    pub fn allow_any_origin(mut self) -> Self {
        self.origins = Origins::Any;
        self
    }

    /// Tells browsers apart by a cookie, and keeps its value as `network_userid` in the properties of documents. None by
    /// default, and none for a tracker that sends the header `SP-Anonymous`.
    pub fn cookie(mut self, cookie: Cookie) -> Self {
        self.keep.cookie = Some(cookie);
        self
    }

    /// Keeps where requests came from as `user_ipaddress` in the properties of documents. Not kept by default, nor for a
    /// tracker that sends the header `SP-Anonymous`.
    pub fn keep_address(mut self, address: Address) -> Self {
        self.keep.address = Some(address);
        self
    }

    /// How many proxies stand in front of the collector and add to the header `X-Forwarded-For` where a request came
    /// from. None by default: what the header says is then not believed.
    pub fn behind_proxies(mut self, proxies: usize) -> Self {
        self.keep.proxies = proxies;
        self
    }

    /// Keeps the header `User-Agent` as `useragent` in the properties of documents. Not kept by default, nor for a
    /// tracker that sends the header `SP-Anonymous`.
    pub fn keep_user_agent(mut self) -> Self {
        self.keep.user_agent = true;
        self
    }

    /// How many events a request may bring; more are answered 413. By default as many as fit into the body: trackers send
    /// what they have kept through an outage in one.
    pub fn max_events(mut self, events: usize) -> Self {
        self.limits.events = Some(events);
        self
    }

    /// The largest event of Segment in bytes. 32 KiB by default, and never more; a larger one is answered 400, as by
    /// Segment's service. Those of Snowplow are taken, and [`snowplow_event`](super::snowplow_event) refuses what is too
    /// large for a row.
    pub fn max_event(mut self, bytes: usize) -> Self {
        self.limits.event_bytes = bytes;
        self
    }

    /// How long a committed request is known again by its bytes. One hour by default.
    pub fn remember(mut self, time: Duration) -> Self {
        self.settings.remember = time;
        self
    }

    /// Shows pages where no events are received.
    pub fn pages(mut self, pages: impl Pages) -> Self {
        self.pages = Some(Arc::new(pages));
        self
    }

    /// The clock that says when a request came. The system's by default.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Checks the settings, binds the address and begins to take events. Needs a Tokio runtime with time and I/O.
    ///
    /// # Errors
    /// [`ConfigInvalid`](datalake_core::ErrorKind::ConfigInvalid) if a setting is wrong or the address cannot be used;
    /// what kept a named write key from being looked up.
    pub async fn build(self) -> Result<CollectorSource> {
        self.open().await.map_err(|error| error.component(SYSTEM))
    }

    fn open(self) -> Opening<CollectorSource> {
        Box::pin(self.listen())
    }

    async fn listen(mut self) -> Result<CollectorSource> {
        self.settings.paths = self.routes.iter().map(|(path, _)| path.clone()).collect();
        self.settings.check()?;
        self.check()?;
        let keys = Access::new(self.keys.iter().map(|key| (KEYS.to_owned(), key.clone())).collect())?;
        keys.ready().await?;
        let intake = Collector {
            routes: self.routes.iter().cloned().collect(),
            origins: self.origins,
            keep: self.keep,
            keys,
            limits: self.limits,
            pages: self.pages,
            clock: self.clock,
        };
        let inbox = self.settings.open(SYSTEM, SCHEMA, intake).await?;
        let locator = self.settings.locator(inbox.local());
        let info = SourceInfo::new(SYSTEM, self.dataset, locator)
            .without_seek()
            .with_commit(self.settings.commit_within)
            .with_window(self.settings.queue)
            .with_config(json!({
                "paths": self.settings.paths,
                "max_body": self.settings.max_body,
                "max_events": self.limits.events,
                "max_event": self.limits.event_bytes,
            }));
        Ok(CollectorSource { info, inbox })
    }

    fn check(&self) -> Result<()> {
        let mut paths: Vec<&String> = self.settings.paths.iter().collect();
        paths.sort();
        if let Some(twice) = paths.windows(2).find(|two| two[0] == two[1]) {
            return Err(Error::config("a path is given twice").with("path", twice[0]));
        }
        if !self.keys.is_empty() && !self.routes.iter().any(|(_, route)| route.is_segment()) {
            return Err(Error::config("a write key is for the paths of Segment, and there are none"));
        }
        if let Origins::These(origins) = &self.origins
            && let Some(bad) = origins.iter().find(|origin| !is_origin(origin))
        {
            return Err(Error::config("an origin is a scheme and a host, for instance https://shop.example")
                .with("origin", format_args!("{bad:?}")));
        }
        if self.limits.events == Some(0) || self.limits.event_bytes == 0 {
            return Err(Error::config("a request has room for at least one event of one byte"));
        }
        self.keep.cookie.as_ref().map_or(Ok(()), Cookie::check)
    }
}

impl std::fmt::Debug for CollectorSourceBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { dataset, settings, routes, origins, keep, keys, limits, .. } = self;
        f.debug_struct("CollectorSourceBuilder")
            .field("dataset", dataset)
            .field("settings", settings)
            .field("routes", routes)
            .field("origins", origins)
            .field("keep", keep)
            .field("keys", keys)
            .field("limits", limits)
            .finish_non_exhaustive()
    }
}

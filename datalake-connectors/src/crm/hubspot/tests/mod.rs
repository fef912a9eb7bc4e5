//! Against a simulated portal on the loopback interface.

use std::time::Duration;

use serde_json::json;

use super::{HubSpotSource, HubSpotSourceBuilder};
use crate::crm::testing::{START, read_by};
use datalake_core::{Dataset, Position, Result, SourceBatch};
use datalake_simulators::hubspot::{Builder, HubSpot, Kind, Object, TOKEN};

mod archived;
mod cap;
mod going_on;
mod limits;
mod links;
mod property;
mod suite;

/// The settings of a portal with contacts and companies.
fn settings() -> Builder {
    let object = |name: &str| Object::new(name).property("name", Kind::Text);
    HubSpot::builder().object(object("contacts")).object(object("companies"))
}

/// A portal whose clock stands still.
fn portal(settings: Builder) -> HubSpot {
    let portal = settings.start().unwrap();
    portal.set_clock(START);
    portal
}

/// A source of an object of a portal.
fn builder(portal: &HubSpot, object: &str) -> HubSpotSourceBuilder {
    HubSpotSource::builder(Dataset::new("d").unwrap(), object)
        .url(portal.url())
        .token(TOKEN)
        .rate_limit(100_000, Duration::from_millis(1))
        .search_rate_limit(100_000, Duration::from_millis(1))
        .poll_every(Duration::from_millis(2))
        .timeout(Duration::from_secs(10))
}

/// Makes so many records at the time of the clock, and then moves it on by an hour.
fn fill(portal: &HubSpot, object: &str, records: u64) -> Vec<String> {
    let ids = portal.create_many(object, records, |n| json!({ "name": format!("record {n}") }));
    portal.advance(Duration::from_secs(3600));
    ids.map(|id| id.to_string()).collect()
}

async fn read(builder: &HubSpotSourceBuilder, from: Option<&Position>) -> Result<Vec<SourceBatch>> {
    read_by(builder.clone().build(), from).await
}

/// The position after batches.
fn end(batches: &[SourceBatch]) -> Option<&Position> {
    batches.last().map(|batch| &batch.position)
}

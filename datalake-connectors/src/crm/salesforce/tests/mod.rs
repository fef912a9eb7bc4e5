//! Against a simulated organisation on the loopback interface.

use std::time::Duration;

use super::{Bulk, SalesforceAuth, SalesforceSource, SalesforceSourceBuilder};
use crate::crm::testing::{START, Stubborn, drain, ids, read_by, records};
use datalake_core::{Dataset, Position, Result, SourceBatch};
use datalake_simulators::salesforce::{CLIENT_ID, CLIENT_SECRET, Field, Object, Salesforce};

mod jobs;
mod limits;
mod login;
mod pages;
mod property;
mod suite;

/// The settings of an organisation with accounts.
fn settings() -> datalake_simulators::salesforce::Builder {
    Salesforce::builder().object(Object::new("Account").field(Field::text("Name")))
}

/// An organisation whose clock stands still.
fn org(settings: datalake_simulators::salesforce::Builder) -> Salesforce {
    let org = settings.start().unwrap();
    org.set_clock(START);
    org
}

/// A source of the accounts of an organisation.
fn builder(org: &Salesforce) -> SalesforceSourceBuilder {
    SalesforceSource::builder(Dataset::new("d").unwrap(), org.url(), "Account")
        .auth(SalesforceAuth::client_credentials(CLIENT_ID, CLIENT_SECRET))
        .bulk(Bulk::Never)
        .poll_every(Duration::from_millis(2))
        .watch_every(Duration::from_micros(200))
        .timeout(Duration::from_secs(10))
}

/// Makes so many accounts, all at the time of the clock, and then moves it on by an hour.
fn fill(org: &Salesforce, accounts: usize) -> Vec<String> {
    let ids =
        (0..accounts).map(|n| org.create("Account", serde_json::json!({ "Name": format!("account {n}") })));
    let ids = ids.collect();
    org.advance(Duration::from_secs(3600));
    ids
}

async fn read(builder: &SalesforceSourceBuilder, from: Option<&Position>) -> Result<Vec<SourceBatch>> {
    read_by(builder.clone().build(), from).await
}

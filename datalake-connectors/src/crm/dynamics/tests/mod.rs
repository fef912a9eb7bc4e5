//! Against a simulated environment on the loopback interface.

use std::time::Duration;

use serde_json::Value;

use super::{DynamicsSource, DynamicsSourceBuilder, OAuth2};
use crate::crm::testing::{START, read_by};
use datalake_core::{Dataset, Position, Result, SourceBatch};
use datalake_simulators::dataverse::{ACCOUNTS, Builder, Dataverse, account};

mod links;
mod property;
mod suite;
mod traps;

const SECRET: &str = "s3cr3t-0123";

/// An environment with so many accounts.
async fn dataverse(settings: Builder, accounts: u64) -> Dataverse {
    let dataverse = settings.client("worker", SECRET).start().await.unwrap();
    dataverse.system().at(START);
    (0..accounts).for_each(|n| dataverse.system().create(ACCOUNTS, account(n)));
    dataverse
}

/// A source of the accounts of an environment.
fn builder(dataverse: &Dataverse) -> DynamicsSourceBuilder {
    let oauth = OAuth2::client_credentials(dataverse.token_url(), "worker", SECRET);
    DynamicsSource::builder(Dataset::new("d").unwrap(), dataverse.url(), ACCOUNTS)
        .auth(oauth.scope(dataverse.scope()).credentials_in_body())
        .poll_every(Duration::from_millis(2))
        .timeout(Duration::from_secs(10))
}

async fn read(builder: &DynamicsSourceBuilder, from: Option<&Position>) -> Result<Vec<SourceBatch>> {
    read_by(builder.clone().build(), from).await
}

/// The position after batches.
fn end(batches: &[SourceBatch]) -> Option<&Position> {
    batches.last().map(|batch| &batch.position)
}

/// The keys of records, deleted or not.
fn keys(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["accountid"].as_str().or(record["id"].as_str()).unwrap()).collect()
}

//! Against a simulated organisation on the loopback interface.

use std::time::Duration;

use serde_json::Value;

use super::{Bulk, SalesforceAuth, SalesforceSource, SalesforceSourceBuilder};
use datalake_core::split::split;
use datalake_core::{
    Dataset, Error, ErrorKind, Next, Position, Result, Source, SourceBatch, SourceInfo, async_trait,
};
use datalake_simulators::salesforce::{CLIENT_ID, CLIENT_SECRET, Field, Object, Salesforce};

mod jobs;
mod limits;
mod login;
mod pages;
mod property;
mod suite;

/// The time at which the clock of an organisation stands at first.
const START: i64 = 1_767_225_600_000;

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

/// All batches until the source idles, in a minute at most.
async fn drain(source: &mut dyn Source) -> Result<Vec<SourceBatch>> {
    let all = async {
        let mut batches = Vec::new();
        while let Next::Batch(batch) = source.next_batch().await? {
            batches.push(batch);
        }
        Ok(batches)
    };
    tokio::time::timeout(Duration::from_secs(60), all).await.expect("the source idles")
}

/// All batches of a new source that goes on after a position.
async fn read(builder: &SalesforceSourceBuilder, from: Option<&Position>) -> Result<Vec<SourceBatch>> {
    let mut source = builder.clone().build()?;
    source.seek(from).await?;
    drain(&mut source).await
}

/// The records of batches.
fn records<'a>(batches: impl IntoIterator<Item = &'a SourceBatch>) -> Vec<Value> {
    let mut records = Vec::new();
    for document in batches.into_iter().flat_map(|batch| &batch.documents) {
        split(document, |piece| {
            assert!(piece.error.is_none(), "{:?}", piece.error);
            records.push(serde_json::from_slice(&piece.body).unwrap());
        });
    }
    records
}

/// The ids of records, in order.
fn ids(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["Id"].as_str().or(record["id"].as_str()).unwrap()).collect()
}

/// A source that is asked again when it fails for a while, as a pipeline does. A refused token is taken as such a while:
/// the next run would go on.
struct Stubborn(SalesforceSource);

impl std::fmt::Debug for Stubborn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[async_trait]
impl Source for Stubborn {
    fn info(&self) -> &SourceInfo {
        self.0.info()
    }

    async fn next_batch(&mut self) -> Result<Next> {
        let again = |error: &Error| error.is_retryable() || error.kind() == ErrorKind::Unauthenticated;
        for _ in 0..10 {
            match self.0.next_batch().await {
                Err(error) if again(&error) => {}
                answer => return answer,
            }
        }
        self.0.next_batch().await
    }

    async fn seek(&mut self, position: Option<&Position>) -> Result<()> {
        self.0.seek(position).await
    }

    async fn commit(&mut self, position: &Position) -> Result<()> {
        self.0.commit(position).await
    }

    async fn close(&mut self) -> Result<()> {
        self.0.close().await
    }
}

//! Faults of S3, each at each operation, in each format and size: nothing is lost and nothing is there twice.
//!
//! Every row is a whole pipeline that lands in a lake on the simulated S3 by the real SDK. A first worker commits; the
//! fault strikes the second, which heals it by trying again or gives up; new workers take over until one is through.
//! Then late writes arrive, orphans are cleaned, and every record must be there once.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod check;
mod input;
mod row;
mod table;

use std::sync::Arc;
use std::time::Duration;

use datalake_core::store::{Created, ObjectInfo, ObjectStore, Payload, PutOptions};
use datalake_core::{Result, async_trait};
use datalake_simulators::s3::{Fault, Refusal};
use datalake_sinks::s3::S3Store;
use futures::stream::{self, BoxStream, StreamExt};

use input::Kind;
use row::{Row, run};
use table::Strike;

/// Rows at once: most of their time they wait.
const AT_ONCE: usize = 6;
/// The longest that a row may take.
const LIMIT: Duration = Duration::from_secs(60);

async fn every_row(kind: Kind) {
    let config = row::config().await;
    let rows = table::rows().filter(|row| row.kind == kind);
    let outcomes = stream::iter(rows).map(async |row| {
        let outcome = tokio::time::timeout(LIMIT, run(&row, &config, |store| Arc::new(store))).await;
        let outcome = outcome.unwrap_or_else(|_| Err("not done in time".into()));
        outcome.err().map(|why| format!("{row}: {why}"))
    });
    let failed: Vec<_> = outcomes.buffer_unordered(AT_ONCE).filter_map(async |failed| failed).collect().await;
    assert!(failed.is_empty(), "{} rows failed:\n{}", failed.len(), failed.join("\n"));
}

#[tokio::test]
async fn lines_of_json_are_there_once_whatever_fails() {
    every_row(Kind::Ndjson).await;
}

#[tokio::test]
async fn elements_of_arrays_are_there_once_whatever_fails() {
    every_row(Kind::Array).await;
}

#[tokio::test]
async fn rows_of_tables_are_there_once_whatever_fails() {
    every_row(Kind::Csv).await;
}

#[tokio::test]
async fn lines_of_text_are_there_once_whatever_fails() {
    every_row(Kind::Lines).await;
}

#[test]
fn the_table_has_more_than_six_hundred_rows_and_none_twice() {
    let names: std::collections::BTreeSet<_> = table::rows().map(|row| row.to_string()).collect();
    assert_eq!(names.len(), table::rows().count());
    assert!(names.len() >= 600, "{}", names.len());
}

/// Takes an error of a write for success.
#[derive(Debug)]
struct Trusting(S3Store);

#[async_trait]
impl ObjectStore for Trusting {
    fn uri(&self) -> &str {
        self.0.uri()
    }

    async fn put(&self, key: &str, payload: Payload, options: PutOptions) -> Result<()> {
        self.0.put(key, payload, options).await.ok();
        Ok(())
    }

    async fn put_if_absent(&self, key: &str, payload: Payload, options: PutOptions) -> Result<Created> {
        Ok(self.0.put_if_absent(key, payload, options).await.unwrap_or(Created::New))
    }

    async fn get(&self, key: &str) -> Result<bytes::Bytes> {
        self.0.get(key).await
    }

    async fn get_range(&self, key: &str, range: std::ops::Range<u64>) -> Result<bytes::Bytes> {
        self.0.get_range(key, range).await
    }

    async fn head(&self, key: &str) -> Result<ObjectInfo> {
        self.0.head(key).await
    }

    fn list(&self, prefix: &str, after: Option<&str>) -> BoxStream<'_, Result<ObjectInfo>> {
        self.0.list(prefix, after)
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.0.delete(key).await
    }
}

#[tokio::test]
async fn a_store_that_takes_an_error_for_success_is_caught() {
    let config = row::config().await;
    for strike in [Strike::Raw, Strike::Curated, Strike::Quarantine, Strike::Slot] {
        let row = Row { strike, fault: Fault::Refused(Refusal::INTERNAL), kind: Kind::Ndjson, times: 1 };
        run(&row, &config, |store| Arc::new(store)).await.unwrap();
        assert!(run(&row, &config, |store| Arc::new(Trusting(store))).await.is_err(), "{row}");
    }
}

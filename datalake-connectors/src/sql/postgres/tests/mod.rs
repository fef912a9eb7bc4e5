//! Against a real PostgreSQL, which the tests start: `DATALAKE_POSTGRES` names the folder with its programs.

use std::time::Duration;

use serde_json::Value;

use super::{Mode, PostgresSource, PostgresSourceBuilder};
use datalake_core::split::Decoders;
use datalake_core::{Dataset, Next, Position, Result, Source, SourceBatch};
use datalake_simulators::postgres::{Cluster, Database};

mod access;
mod late;
mod property;
mod reading;
mod suite;
mod types;

/// A database, unless there is no PostgreSQL.
fn database() -> Option<Database<'static>> {
    Some(Cluster::shared("reading tables of PostgreSQL")?.database())
}

fn dataset() -> Dataset {
    Dataset::new("d").unwrap()
}

/// A source of a table that asks again at once.
fn table(database: &Database<'_>, table: &str) -> PostgresSourceBuilder {
    PostgresSource::table(dataset(), database.url(), table).poll_every(Duration::from_millis(1))
}

/// All batches until the source idles or ends, in a minute at most.
async fn drain(source: &mut PostgresSource) -> Result<Vec<SourceBatch>> {
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
async fn read(builder: &PostgresSourceBuilder, from: Option<&Position>) -> Result<Vec<SourceBatch>> {
    let mut source = builder.clone().build()?;
    source.seek(from).await?;
    drain(&mut source).await
}

fn decoders() -> Decoders {
    [std::sync::Arc::new(super::CopyDecoder) as _].into_iter().collect()
}

/// The records of batches, as they stand.
fn texts<'a>(batches: impl IntoIterator<Item = &'a SourceBatch>) -> Vec<String> {
    let mut texts = Vec::new();
    for document in batches.into_iter().flat_map(|batch| &batch.documents) {
        decoders().split(document, |piece| {
            assert!(piece.error.is_none(), "{:?}", piece.error);
            texts.push(String::from_utf8(piece.body.to_vec()).unwrap());
        });
    }
    texts
}

fn records<'a>(batches: impl IntoIterator<Item = &'a SourceBatch>) -> Vec<Value> {
    texts(batches).iter().map(|text| serde_json::from_str(text).unwrap()).collect()
}

/// One member of each record.
fn numbers(batches: &[SourceBatch], name: &str) -> Vec<i64> {
    records(batches).iter().map(|record| record[name].as_i64().unwrap()).collect()
}

fn end(batches: &[SourceBatch]) -> Option<&Position> {
    batches.last().map(|batch| &batch.position)
}

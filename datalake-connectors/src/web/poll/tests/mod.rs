//! Against real servers on the loopback interface.

use std::time::Duration;

use datalake_core::split::split;
use datalake_core::{Dataset, Error, Next, Position, Result, Source, SourceBatch};

use super::{PollSource, PollSourceBuilder};

mod answers;
mod config;
mod credentials;
mod glitches;
mod incremental;
mod leaks;
mod news;
mod rotation;
mod server;
mod suite;
mod tls;
mod walking;

/// A source of a dataset `d`.
fn builder(url: &str) -> PollSourceBuilder {
    PollSource::builder(Dataset::new("d").unwrap(), url)
        .poll_every(Duration::from_millis(5))
        .timeout(Duration::from_secs(10))
}

/// A source that goes on after a position.
async fn at(builder: &PollSourceBuilder, position: Option<&Position>) -> PollSource {
    let mut source = builder.clone().build().unwrap();
    source.seek(position).await.unwrap();
    source
}

/// All batches until the source idles, in a minute at most.
async fn drain(source: &mut PollSource) -> Result<Vec<SourceBatch>> {
    let all = async {
        let mut batches = Vec::new();
        while let Next::Batch(batch) = source.next_batch().await? {
            batches.push(batch);
        }
        Ok(batches)
    };
    tokio::time::timeout(Duration::from_secs(60), all).await.expect("the source idles")
}

/// The error a source runs into.
async fn error(source: &mut PollSource) -> Error {
    drain(source).await.unwrap_err()
}

/// The bodies of all records.
fn bodies(batches: &[SourceBatch]) -> Vec<String> {
    let mut bodies = Vec::new();
    for document in batches.iter().flat_map(|batch| &batch.documents) {
        split(document, |piece| bodies.push(String::from_utf8_lossy(&piece.body).into_owned()));
    }
    bodies
}

/// What a new source reads, and where it stopped.
async fn read(builder: &PollSourceBuilder, from: Option<&Position>) -> (Vec<String>, Option<Position>) {
    let batches = drain(&mut at(builder, from).await).await.unwrap();
    let position = batches.last().map(|batch| batch.position.clone()).or(from.cloned());
    (bodies(&batches), position)
}

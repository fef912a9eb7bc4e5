//! What must be so in the end, from the lake alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use datalake_core::lake::{Lake, QuarantineLine, Zone};
use datalake_core::ledger::Ledger;
use datalake_core::{Dataset, Result};
use futures::TryStreamExt;
use serde::Deserialize;

use super::lake::refused;
use super::world::{World, pipeline_id};

#[derive(Deserialize)]
struct Line {
    id: String,
    body: String,
}

/// Writes down what is wrong with the lake.
pub(crate) async fn check(world: &World) {
    world.look();
    if let Err(error) = whole(world).await {
        world.wrong(format!("the lake cannot be read: {error}"));
    }
}

async fn whole(world: &World) -> Result<()> {
    let lake = Lake::new(Arc::new(world.store.inner().clone()));
    let verified = lake.verify(&pipeline_id()).await?;
    for problem in verified.problems {
        world.wrong(problem.to_string());
    }
    let digests: Vec<_> =
        lake.ledger().entries(&pipeline_id(), 0).map_ok(|entry| entry.sha256).try_collect().await?;
    if world.state().seen != digests {
        world.wrong("an entry of the ledger has changed");
    }
    records(world, &lake).await?;
    documents(world);
    Ok(())
}

/// Every record is where it belongs as often as its document is in a commit, in the order of the commits.
async fn records(world: &World, lake: &Lake) -> Result<()> {
    let (mut written, mut kept, mut ids) = (Vec::new(), Vec::new(), BTreeSet::new());
    let dataset = Dataset::new("things")?;
    for object in lake.objects(&dataset, Zone::Curated).await? {
        for line in lines(&lake.content(&object).await?) {
            let line: Line = serde_json::from_slice(&line).unwrap();
            if !ids.insert(line.id.clone()) {
                world.wrong(format!("two records are {}", line.id));
            }
            written.push(line.body);
        }
    }
    for object in lake.objects(&dataset, Zone::Quarantine).await? {
        for line in lines(&lake.content(&object).await?) {
            let line = QuarantineLine::parse(&line)?;
            if !ids.insert(line.id.to_string()) {
                world.wrong(format!("two records are {}", line.id));
            }
            kept.push(String::from_utf8(line.bytes()?.to_vec()).unwrap());
        }
    }
    let committed = world.state().committed.clone();
    let bodies = committed.iter().flat_map(|&n| {
        let text = String::from_utf8(world.documents[n].bytes().to_vec()).unwrap();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    });
    let (to_keep, to_write): (Vec<_>, Vec<_>) = bodies.partition(|body| refused(body.as_bytes()));
    if written != to_write {
        world.wrong(format!("the records written are {written:?} and should be {to_write:?}"));
    }
    if kept != to_keep {
        world.wrong(format!("the records in quarantine are {kept:?} and should be {to_keep:?}"));
    }
    Ok(())
}

fn lines(content: &[u8]) -> Vec<Vec<u8>> {
    content.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect()
}

/// A silo that can be read again is committed once and in order. What a sender sends is committed at least once, and no
/// more often than it was sent.
fn documents(world: &World) {
    let (committed, deliveries) = {
        let state = world.state();
        (state.committed.clone(), state.deliveries.clone())
    };
    if world.scenario.can_seek {
        if !committed.iter().copied().eq(0..world.documents.len()) {
            world.wrong(format!("the documents committed are {committed:?}"));
        }
        return;
    }
    for (n, &sent) in deliveries.iter().enumerate() {
        let times = committed.iter().filter(|&&document| document == n).count();
        if times == 0 || times > sent {
            world.wrong(format!("document {n} was sent {sent} times and is in {times} commits"));
        }
    }
}

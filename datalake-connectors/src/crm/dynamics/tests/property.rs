//! Whatever happens to the environment and to the worker: what has landed is the environment's state.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{DynamicsSource, builder, dataverse};
use crate::crm::Change;
use crate::crm::testing::{World, histories};
use datalake_core::Source;
use datalake_core::testkit::Rng;
use datalake_simulators::dataverse::{ACCOUNTS, Dataverse, Row, account, account_key};

/// The names of the records there are, by what has landed: of all that came about an id the last counts.
fn state(landed: &[Value]) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for record in landed {
        let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
        match Change::of(record.to_string().as_bytes()) {
            Change::Delete => drop(names.remove(&text("id"))),
            _ => drop(names.insert(text("accountid"), text("name"))),
        }
    }
    names
}

fn state_of(dataverse: &Dataverse, names: &BTreeMap<u64, String>) -> BTreeMap<String, String> {
    assert_eq!(dataverse.system().count(ACCOUNTS), names.len());
    names.iter().map(|(n, name)| (account_key(*n), name.clone())).collect()
}

/// Whether the first cycle is committed.
fn loaded<S: Source, F: Fn() -> S>(world: &World<S, F>) -> bool {
    world.committed().is_some_and(|position| position.state()["delta"].is_string())
}

async fn run(seed: u64) {
    let mut rng = Rng::new(seed);
    let dataverse = dataverse(Dataverse::builder().page(rng.within(1..5)), 0).await;
    if rng.chance(0.5) {
        dataverse.faults().one_in(10, seed);
    }
    let source = builder(&dataverse);
    let mut world = World::new(|| -> DynamicsSource { source.clone().build().unwrap() });
    let (mut names, mut next, mut lost) = (BTreeMap::new(), 0, false);
    for step in 0..rng.within(8..24) {
        let known: Vec<u64> = names.keys().copied().collect();
        match (rng.below(10), rng.pick(&known)) {
            (0..2, _) => {
                for _ in 0..rng.within(1..6) {
                    names.insert(next, format!("new {next}"));
                    let row = account(next).with("name", format!("new {next}"));
                    dataverse.system().create(ACCOUNTS, row);
                    next += 1;
                }
            }
            (2, Some(n)) => {
                let name = format!("changed {step}");
                let row = Row::new().with("accountid", account_key(*n)).with("name", name.clone());
                dataverse.system().update(ACCOUNTS, row);
                names.insert(*n, name);
            }
            (3, Some(n)) => {
                dataverse.system().delete(ACCOUNTS, account_key(*n));
                names.remove(n);
            }
            // Of the first cycle nobody could go on.
            // A worker begins a cycle again only once.
            (4, _) if rng.chance(0.5) && loaded(&world) => {
                if std::mem::replace(&mut lost, true) {
                    world.kill();
                }
                dataverse.expire_pages();
            }
            (4, _) if rng.chance(0.3) => dataverse.expire_access(),
            (4 | 5, _) => {
                let batches = rng.below(3);
                world.commit(batches, true).await;
                if rng.chance(0.3) {
                    world.kill();
                }
            }
            _ => lost &= world.read().await,
        }
    }
    if rng.chance(0.5) {
        world.kill();
    }
    for _ in 0..2 {
        world.drain().await;
    }
    assert_eq!(state(&world.landed), state_of(&dataverse, &names));
}

#[test]
fn what_has_landed_is_the_state_of_the_environment() {
    histories(run);
}

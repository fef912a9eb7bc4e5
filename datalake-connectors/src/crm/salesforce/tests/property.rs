//! Whatever happens to the organisation and to the worker: what has landed is the organisation's state.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{Bulk, builder, org, settings};
use crate::crm::salesforce::soql::instant;
use crate::crm::testing::{World, histories};
use datalake_core::testkit::Rng;
use datalake_simulators::salesforce::{Salesforce, Transaction};

/// The names of the records there are, by what has landed: of all that came about an id the latest counts.
fn state(landed: &[Value]) -> BTreeMap<String, String> {
    let mut latest: BTreeMap<String, (DateTime<Utc>, Option<String>)> = BTreeMap::new();
    for record in landed {
        let text = |name: &str| record[name].as_str().map(str::to_owned);
        let deleted = record["IsDeleted"] == true || record["IsDeleted"] == "true";
        let (id, at, name) = match text("deletedDate") {
            Some(at) => (text("id"), at, None),
            None => (text("Id"), text("SystemModstamp").unwrap(), text("Name").filter(|_| !deleted)),
        };
        let (id, at) = (id.unwrap(), instant(&at).unwrap());
        let entry = latest.entry(id).or_insert_with(|| (at, None));
        if at >= entry.0 {
            *entry = (at, name);
        }
    }
    latest.into_iter().filter_map(|(id, (_, name))| Some((id, name?))).collect()
}

fn state_of(org: &Salesforce) -> BTreeMap<String, String> {
    let records = org.records("Account").into_iter().filter(|record| record["IsDeleted"] == false);
    records
        .map(|record| {
            (record["Id"].as_str().unwrap().to_owned(), record["Name"].as_str().unwrap().to_owned())
        })
        .collect()
}

/// Something happens to the organisation.
fn change(org: &Salesforce, rng: &mut Rng, ids: &mut Vec<String>, n: &mut usize) {
    let mut name = || {
        *n += 1;
        json!({ "Name": format!("name {n}") })
    };
    let one = ids.get(rng.below(ids.len())).cloned();
    match (rng.below(10), one) {
        (0..4, _) | (_, None) => {
            (0..rng.within(1..6)).for_each(|_| ids.push(org.create("Account", name())));
        }
        (4..7, Some(id)) => org.update("Account", &id, name()),
        (7, Some(id)) => org.delete("Account", &id),
        (8, Some(id)) => org.restore("Account", &id),
        (_, Some(id)) => {
            org.erase("Account", &id);
            ids.retain(|known| *known != id);
        }
    }
}

async fn run(seed: u64) {
    let mut rng = Rng::new(seed);
    let mut settings = settings().page(rng.within(1..5)).bulk_page(rng.within(1..5)).bulk_polls(1);
    if rng.chance(0.3) {
        settings = settings.cursor_pages(rng.within(1..4));
    }
    if rng.chance(0.3) {
        settings = settings.session_requests(rng.within(4..12) as u64);
    }
    if rng.chance(0.3) {
        settings = settings.live_pages();
    }
    if seed.is_multiple_of(2) {
        settings = settings.unordered();
    }
    let org = org(settings);
    if rng.chance(0.5) {
        org.faults().one_in(10, seed);
    }
    let bulk = *rng.pick(&[Bulk::Never, Bulk::Never, Bulk::Always, Bulk::From(6)]).unwrap();
    let source = builder(&org).bulk(bulk).bulk_page_size(rng.within(1..5));
    let mut world = World::new(|| source.clone().build().unwrap());
    let (mut ids, mut n) = (Vec::new(), 0);
    let mut late: Option<(Transaction<'_>, usize, Option<String>)> = None;
    for step in 0..rng.within(8..24) {
        match rng.below(12) {
            0..4 => change(&org, &mut rng, &mut ids, &mut n),
            4 => org.advance(Duration::from_secs(rng.within(1..90) as u64)),
            5 if late.is_none() => {
                let mut transaction = org.transaction();
                let name = json!({ "Name": format!("late {step}") });
                // A record is locked until the transaction that changes it commits.
                let locked = if ids.is_empty() { None } else { Some(ids.swap_remove(rng.below(ids.len()))) };
                let kept = match (locked, rng.below(3)) {
                    (Some(id), 0) => {
                        transaction.erase("Account", &id);
                        None
                    }
                    (Some(id), 1) => {
                        transaction.update("Account", &id, name);
                        Some(id)
                    }
                    (locked, _) => {
                        transaction.create("Account", name);
                        locked
                    }
                };
                late = Some((transaction, step, kept));
            }
            6 => {
                let batches = rng.below(3);
                let told = rng.chance(0.7);
                world.commit(batches, told).await;
                if rng.chance(0.3) {
                    world.kill();
                }
            }
            7 if rng.chance(0.3) => org.expire_cursors(),
            7 if rng.chance(0.3) => org.expire_sessions(),
            7 if rng.chance(0.2) => org.forget_jobs(),
            _ => {
                world.read().await;
            }
        }
        // It commits within the look-back.
        if late.as_ref().is_some_and(|(_, began, _)| step - began >= 5)
            && let Some((transaction, _, kept)) = late.take()
        {
            transaction.commit();
            ids.extend(kept);
        }
    }
    late.into_iter().for_each(|(transaction, ..)| transaction.commit());
    if rng.chance(0.5) {
        world.kill();
    }
    for _ in 0..3 {
        org.advance(Duration::from_secs(70));
        world.drain().await;
    }
    assert_eq!(state(&world.landed), state_of(&org));
}

#[test]
fn what_has_landed_is_the_state_of_the_organisation() {
    histories(run);
}

//! Whatever happens to the portal and to the worker: what has landed is the portal's state.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::{builder, portal, settings};
use crate::crm::testing::{World, histories};
use datalake_core::testkit::Rng;
use datalake_simulators::hubspot::HubSpot;

/// The names of the records there are, by what has landed: of all that came about an id the latest counts.
fn state(landed: &[Value]) -> BTreeMap<String, String> {
    let mut latest: BTreeMap<String, (String, Option<String>)> = BTreeMap::new();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    // So that texts compare as times do.
    let padded = |at: String| if at.contains('.') { at } else { at.replace('Z', ".000Z") };
    for record in landed {
        let at = padded(text(&record["archivedAt"]).or(text(&record["updatedAt"])).unwrap());
        let name = text(&record["properties"]["name"]).filter(|_| record["archived"] == false);
        let entry = latest.entry(text(&record["id"]).unwrap()).or_default();
        if at >= entry.0 {
            *entry = (at, name);
        }
    }
    latest.into_iter().filter_map(|(id, (_, name))| Some((id, name?))).collect()
}

fn state_of(portal: &HubSpot) -> BTreeMap<String, String> {
    let records = portal.records("companies").into_iter().filter(|record| record["archived"] == false);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    records.map(|record| (text(&record["id"]), text(&record["properties"]["name"]))).collect()
}

/// Something happens to the portal.
fn change(portal: &HubSpot, rng: &mut Rng, ids: &mut BTreeMap<u64, bool>, n: &mut usize) {
    let mut name = || {
        *n += 1;
        json!({ "name": format!("name {n}") })
    };
    let known: Vec<u64> = ids.keys().copied().collect();
    match (rng.below(10), rng.pick(&known)) {
        (0..4, _) | (_, None) => {
            let many = if rng.chance(0.02) { 230 } else { rng.within(1..6) };
            (0..many).for_each(|_| {
                ids.insert(portal.create("companies", name()), true);
            });
        }
        (4..7, Some(id)) if ids[id] => portal.update("companies", *id, name()),
        (7..9, Some(id)) if ids[id] => {
            portal.archive("companies", *id);
            ids.insert(*id, false);
        }
        (_, Some(id)) if !ids[id] => {
            portal.restore("companies", *id);
            ids.insert(*id, true);
        }
        _ => {}
    }
    // Two changes of a record in one millisecond have no order.
    portal.advance(Duration::from_millis(rng.within(1..1_500) as u64));
}

async fn run(seed: u64) {
    let mut rng = Rng::new(seed);
    let mut settings = settings();
    if rng.chance(0.5) {
        settings = settings.unstable_ties();
    }
    if rng.chance(0.5) {
        settings = settings.index_lag(Duration::from_secs(rng.within(1..400) as u64));
    }
    let portal = portal(settings);
    if rng.chance(0.5) {
        portal.faults().one_in(10, seed);
    }
    let source = builder(&portal, "companies");
    let mut world = World::new(|| source.clone().build().unwrap());
    let (mut ids, mut n) = (BTreeMap::new(), 0);
    for _ in 0..rng.within(8..24) {
        match rng.below(10) {
            0..4 => change(&portal, &mut rng, &mut ids, &mut n),
            4 => portal.advance(Duration::from_secs(rng.within(1..90) as u64)),
            5 => {
                let (batches, told) = (rng.below(3), rng.chance(0.7));
                world.commit(batches, told).await;
                if rng.chance(0.3) {
                    world.kill();
                }
            }
            _ => {
                world.read().await;
            }
        }
    }
    if rng.chance(0.5) {
        world.kill();
    }
    for _ in 0..3 {
        portal.advance(Duration::from_secs(450));
        world.drain().await;
    }
    assert_eq!(state(&world.landed), state_of(&portal));
}

#[test]
fn what_has_landed_is_the_state_of_the_portal() {
    histories(run);
}

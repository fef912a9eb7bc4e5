//! Whatever happens, replaying what has landed gives the state of the system.

use std::collections::BTreeMap;

use datalake_core::ErrorKind;
use datalake_core::testkit::Rng;
use datalake_simulators::sap::{Gateway, Removed, Row, SALES_ORDERS, TokenAt, order, order_key};
use serde_json::Value;

use super::*;
use crate::sap::{Change, Renew};

const RUNS: u64 = 1_000;

/// What a run reads, and of what.
#[derive(Debug, Clone)]
struct Plan {
    service: Service,
    mode: Mode,
    /// Whether deletes are told of.
    deletes: bool,
    settings: Builder,
}

fn plan(rng: &mut Rng) -> Plan {
    let settings = Gateway::builder().page(1 + rng.below(3));
    let keyset = Mode::keyset("LastChangeDateTime").settle(Duration::ZERO);
    let places = [TokenAt::Delta, TokenAt::Next, TokenAt::DeltaLinks];
    let (service, mode, deletes, settings) = match rng.below(8) {
        0 => (Service::V2, keyset, false, settings.shuffled_ties(rng.bits())),
        1 => (Service::V4, keyset, false, settings.shuffled_ties(rng.bits())),
        2 => (Service::V2, Mode::delta(), false, settings),
        3 => (Service::V4, Mode::delta(), true, settings),
        4 => (Service::V4, Mode::delta(), true, settings.removed(Removed::Annotation).bare_names(true)),
        n => {
            let settings = settings.token_at(places[n - 5]).before_images(rng.below(2) == 0);
            (Service::Queue, Mode::delta(), true, settings)
        }
    };
    Plan { service, mode, deletes, settings }
}

/// A worker with its ledger and its lake.
struct Worker {
    builder: SapSourceBuilder,
    source: SapSource,
    /// What was read and not committed.
    held: Vec<SourceBatch>,
    /// The last position in the ledger.
    position: Option<Position>,
    /// Every record that was committed, in order, with the id of its document.
    lake: Vec<(String, Bytes)>,
}

impl Worker {
    async fn new(builder: SapSourceBuilder) -> Self {
        let source = at(&builder, None).await;
        Self { builder, source, held: Vec::new(), position: None, lake: Vec::new() }
    }

    /// Reads a batch. Whether there was one; a failure that passes is none.
    async fn read(&mut self) -> bool {
        match self.source.next_batch().await {
            Ok(Next::Batch(batch)) => self.held.push(batch),
            Ok(_) => return false,
            // Page links that expire again in the same walk: a person starts the worker again.
            Err(error) if error.kind() == ErrorKind::PositionInvalid => self.restart().await,
            Err(error) => assert!(error.is_retryable(), "{error}"),
        }
        true
    }

    /// Commits what is held, and tells the source, unless the worker is killed between the two.
    async fn commit(&mut self, killed: bool) {
        for batch in &self.held {
            let id = batch.documents.first().and_then(|document| document.id());
            let id = id.map(ToString::to_string).unwrap_or_default();
            let bodies = bodies(std::slice::from_ref(batch));
            self.lake.extend(bodies.into_iter().map(|body| (id.clone(), body)));
        }
        if let Some(batch) = self.held.last() {
            self.position = Some(batch.position.clone());
        }
        self.held.clear();
        match &self.position {
            Some(position) if !killed => self.source.commit(position).await.unwrap(),
            _ => {}
        }
    }

    /// Is killed, and starts again from the ledger. With nothing in it, the subscription may be of the life before.
    async fn restart(&mut self) {
        self.held.clear();
        let builder = self.builder.clone().take_over(self.position.is_none());
        self.source = at(&builder, self.position.as_ref()).await;
    }
}

/// Something happens in the system.
fn change(gateway: &Gateway, deletes: bool, rng: &mut Rng) {
    let system = gateway.system();
    // Some rows of one moment, as a job writes them.
    system.step(0);
    for _ in 0..=rng.below(4) {
        let n = rng.below(8) as u64;
        let key = order_key(n);
        match (system.contains(SALES_ORDERS, key.as_str()), deletes && rng.below(3) == 0) {
            (false, _) => system.create(SALES_ORDERS, order(n)),
            (true, true) => system.delete(SALES_ORDERS, key.as_str()),
            (true, false) => {
                let row = Row::new().with("SalesOrder", key).with("Items", rng.below(1_000) as i64);
                system.update(SALES_ORDERS, row);
            }
        }
    }
    system.step(1_000);
    system.at(system.now() + 1_000);
}

/// What a reader of the lake sees who takes the last change of each order, and forgets all before a new load.
fn replay(lake: &[(String, Bytes)]) -> BTreeMap<String, Value> {
    let mut state = BTreeMap::new();
    let mut load = "";
    for (id, body) in lake {
        if let Some((of, _)) = id.split_once(", ").filter(|(of, _)| of.starts_with("load") && *of != load) {
            load = of;
            state.clear();
        }
        let mut value: Value = serde_json::from_slice(body).unwrap();
        let key = match (&value["SalesOrder"], &value["id"]) {
            (Value::String(key), _) => key.clone(),
            (_, Value::String(id)) => id.split('\'').nth(1).unwrap().to_owned(),
            _ => panic!("a record of no order: {value}"),
        };
        if let Value::Object(members) = &mut value {
            members.retain(|name, _| {
                !name.starts_with("ODQ_") && !name.starts_with('@') && name != "__metadata"
            });
        }
        match Change::of(body) {
            Change::Upsert => drop(state.insert(key, value)),
            Change::Delete => drop(state.remove(&key)),
            _ => {}
        }
    }
    state
}

async fn run(seed: u64) {
    let mut rng = Rng::new(seed);
    let plan = plan(&mut rng);
    let gateway = gateway(plan.settings.clone(), 0).await;
    (0..rng.below(3)).for_each(|_| change(&gateway, plan.deletes, &mut rng));
    let builder = plan.service.source(&gateway, plan.mode.clone()).page_size(1 + rng.below(4) as u32);
    let builder = builder.when_expired(Renew::Reinitialise).poll_every(Duration::from_millis(1));
    let mut worker = Worker::new(builder).await;
    gateway.faults().one_in(10, seed);
    for _ in 0..16 {
        match rng.below(9) {
            8 => gateway.expire_pages(),
            0 | 1 => change(&gateway, plan.deletes, &mut rng),
            2..=4 => {
                for _ in 0..=rng.below(5) {
                    worker.read().await;
                }
            }
            5 => worker.commit(false).await,
            6 => {
                worker.commit(true).await;
                worker.restart().await;
            }
            _ => worker.restart().await,
        }
    }
    gateway.faults().clear();
    let mut rests = 0;
    let mut turns = 0;
    while rests < 3 {
        turns += 1;
        assert!(turns < 1_000, "seed {seed}: there is no end, {:?} {:?}", plan.service, plan.mode);
        rests = if worker.read().await { 0 } else { rests + 1 };
        worker.commit(false).await;
    }
    // One page, since the offset of a page says nothing where ties are shuffled.
    gateway.reconfigure(|settings| settings.page(1_000));
    let all = drain(&mut at(&plan.service.source(&gateway, Mode::full()), None).await).await.unwrap();
    assert_eq!(
        replay(&worker.lake),
        replay(&bodies(&all).into_iter().map(|body| (String::new(), body)).collect::<Vec<_>>()),
        "seed {seed}: {:?} {:?}",
        plan.service,
        plan.mode
    );
}

#[tokio::test]
async fn replaying_what_has_landed_gives_the_state_of_the_system() {
    for seed in 0..RUNS {
        if seed % 100 == 0 {
            eprintln!("seeds {seed} to {}", seed + 99);
        }
        let run = tokio::time::timeout(Duration::from_secs(20), run(seed)).await;
        assert!(run.is_ok(), "seed {seed} does not end");
    }
}

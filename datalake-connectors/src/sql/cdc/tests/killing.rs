//! A worker that is killed, a hundred times, and a server that crashes now and then.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use datalake_core::lake::{Lake, Zone};
use datalake_core::pipeline::Budget;
use datalake_core::testkit::Rng;
use datalake_core::{Dataset, Pipeline};
use datalake_simulators::postgres::Cluster;
use datalake_sinks::lake::LakeSink;
use futures::TryStreamExt as _;
use serde_json::Value;

use super::server::SOON;
use super::state::{Replay, held};
use crate::sql::cdc::CdcSource;

const KILLS: usize = 100;
/// After so many kills, the server crashes.
const CRASH: usize = 20;
/// So many kills wait for a commit, and come right after it.
const LOADING: usize = 3;
const SEED: u64 = 29;
const TABLES: [&str; 3] = ["shops", "notes", "wide"];
/// What the process of the worker is told by.
const URL: &str = "DATALAKE_CDC_WORKER_URL";
const FOLDER: &str = "DATALAKE_CDC_WORKER_LAKE";

const SCHEMA: &str = "
CREATE TABLE shops (id int PRIMARY KEY, name text, doc text);
ALTER TABLE shops ALTER doc SET STORAGE EXTERNAL;
CREATE TABLE notes (a int, b text, n numeric, PRIMARY KEY (a, b));
CREATE TABLE wide (id int, v text, doc text); ALTER TABLE wide REPLICA IDENTITY FULL;
ALTER TABLE wide ALTER doc SET STORAGE EXTERNAL;
INSERT INTO shops SELECT n, 'first ' || n, repeat('d', 3000) FROM generate_series(1, 200) n;
INSERT INTO notes SELECT n % 7, 'n' || n, n FROM generate_series(1, 100) n;
INSERT INTO wide SELECT n % 10, 'w' || n, repeat('w', 2500) FROM generate_series(1, 30) n;
CREATE PUBLICATION all_tables FOR TABLE shops, notes, wide";

fn pipeline(url: &str, folder: &Path) -> Pipeline {
    let source = CdcSource::builder(url, "killed", "all_tables", Dataset::new("changes").unwrap());
    let source = source
        .create()
        .first_load()
        .tables(TABLES)
        .document_bytes(2000)
        .batch_bytes(20_000)
        .commit_within(Duration::from_millis(5))
        .wait(Duration::from_millis(50))
        .build()
        .unwrap();
    let sink = LakeSink::builder(&Lake::local(folder).unwrap()).build();
    Pipeline::builder("changes").source(source).lake(&sink).build().unwrap()
}

/// The worker: this program again, which does nothing else until it is killed.
#[tokio::test]
async fn a_worker_that_is_asked_to_works_until_it_is_killed() {
    let (Ok(url), Some(folder)) = (std::env::var(URL), std::env::var_os(FOLDER)) else { return };
    loop {
        let mut pipeline = pipeline(&url, folder.as_ref());
        // A server that crashes ends a run; whoever runs the worker starts it again.
        if let Err(error) = pipeline.run_until(std::future::pending()).await {
            assert!(error.is_temporary(), "{error}");
        }
    }
}

fn worker(url: &str, folder: &Path) -> Child {
    let name = concat!(module_path!(), "::a_worker_that_is_asked_to_works_until_it_is_killed");
    let name = name.split_once("::").unwrap().1;
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads", "1"])
        .env(URL, url)
        .env(FOLDER, folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// One change that some rows may suffer.
fn change(random: &mut Rng) -> String {
    let (a, b) = (random.below(260), random.below(10_000_000));
    let long = random.within(2100..9000);
    match random.below(14) {
        0 | 1 => format!("INSERT INTO shops VALUES ({b}, 'new', repeat('x', {long})) ON CONFLICT DO NOTHING"),
        2 | 3 => format!("UPDATE shops SET name = 'n{b}' WHERE id % 50 = {a} % 50"),
        4 => format!("UPDATE shops SET doc = repeat('y', {long}) WHERE id = {a}"),
        5 => format!("UPDATE shops SET id = -{b} WHERE id = (SELECT min(id) FROM shops WHERE id > {a})"),
        6 => format!("DELETE FROM shops WHERE id % 40 = {a} % 40"),
        7 => format!(
            "INSERT INTO notes SELECT {b}, 'b' || n, n / 3.0 FROM generate_series(1, {a} % 40) n ON CONFLICT DO NOTHING"
        ),
        8 => format!("UPDATE notes SET n = n + 1 WHERE a % 9 = {a} % 9"),
        9 => format!(
            "UPDATE notes SET b = b || 'x' WHERE a = (SELECT max(a) FROM notes WHERE a % 3 = {a} % 3)"
        ),
        10 => format!("DELETE FROM notes WHERE a % 5 = {a} % 5"),
        11 => format!("INSERT INTO wide VALUES ({a}, 'v{b}', repeat('z', {long}))"),
        12 => format!("UPDATE wide SET v = 'u{b}' WHERE id % 10 = {a} % 10"),
        _ if random.chance(0.2) => format!("TRUNCATE {}", TABLES[random.below(3)]),
        _ => format!("DELETE FROM wide WHERE id % 10 = {a} % 10"),
    }
}

/// Some transactions, of which some are rolled back, in whole or in part. None empties two tables: it could wait for a
/// first load that waits for it, and the server would end one of them.
fn transactions(random: &mut Rng) -> String {
    let mut all = String::new();
    for _ in 0..=random.below(4) {
        all.push_str("BEGIN;");
        let mut emptied = false;
        for _ in 0..=random.below(4) {
            let change = change(random);
            if change.starts_with("TRUNCATE") && std::mem::replace(&mut emptied, true) {
                continue;
            }
            match random.below(6) {
                0 => all.push_str(&format!("SAVEPOINT s; {change}; ROLLBACK TO s;")),
                _ => all.push_str(&format!("{change};")),
            }
        }
        all.push_str(if random.chance(0.15) { "ROLLBACK;" } else { "COMMIT;" });
    }
    all
}

/// How many commits there are.
fn committed(folder: &Path) -> usize {
    std::fs::read_dir(folder.join("_ledger/changes/commits")).map_or(0, Iterator::count)
}

async fn records(folder: &Path) -> Vec<Value> {
    let lake = Lake::local(folder).unwrap();
    let dataset = Dataset::new("changes").unwrap();
    let content: Vec<_> = lake.read(&dataset, Zone::Curated).await.unwrap().try_collect().await.unwrap();
    content
        .concat()
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

#[tokio::test]
async fn a_hundred_kills_leave_exactly_the_state_of_the_tables() {
    let Some(cluster) = Cluster::builder("a worker that is killed a hundred times") else { return };
    let mut cluster = cluster.start();
    let name = cluster.database().name().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let mut random = Rng::new(SEED);
    let url = format!("postgres://postgres@127.0.0.1:{}/{name}", cluster.port());
    cluster.named(&name).sql(SCHEMA);
    // A machine that is slow gives the worker more time, so that it gets anywhere.
    let (mut commits, mut slower) = (0, 1.0_f64);
    for kill in 1..=KILLS {
        let mut child = worker(&url, folder.path());
        let lives = match kill <= LOADING {
            true => Duration::ZERO,
            false => Duration::from_millis(u64::try_from(random.within(30..400)).unwrap()).mul_f64(slower),
        };
        std::thread::scope(|scope| {
            let dies = scope.spawn(|| {
                std::thread::sleep(lives);
                // The first die within the first load, however fast the machine is.
                let since = Instant::now();
                while kill <= LOADING && committed(folder.path()) == commits && since.elapsed() < SOON {
                    std::thread::sleep(Duration::from_millis(1));
                }
                child.kill().unwrap();
                child.wait().unwrap();
            });
            // It dies at work: there is always something new.
            while !dies.is_finished() {
                cluster.named(&name).sql(&transactions(&mut random));
            }
        });
        let before = std::mem::replace(&mut commits, committed(folder.path()));
        slower = if commits == before { slower * 1.25 } else { slower / 1.25 }.clamp(1.0, 10.0);
        if kill % CRASH == 0 {
            cluster.crash();
        }
    }
    let mut pipeline = pipeline(&url, folder.path());
    pipeline.drain(Budget::default()).await.unwrap();
    pipeline.close().await;
    let records = records(folder.path()).await;
    let replay = Replay::of(&records);
    let database = cluster.named(&name);
    assert_eq!(replay.state(), held(&database, &TABLES), "seed {SEED}");
    let lake = Lake::local(folder.path()).unwrap();
    assert!(lake.verify(&"changes".parse().unwrap()).await.unwrap().problems.is_empty());
    assert!(replay.loads > 1, "no kill fell into a first load");
    assert!(commits > KILLS / 4, "{commits} commits by workers that were killed: too early");
    eprintln!(
        "{KILLS} kills, {} crashes of the server: {} records, {} first loads, {commits} commits by workers that were killed",
        KILLS / CRASH,
        records.len(),
        replay.loads
    );
}

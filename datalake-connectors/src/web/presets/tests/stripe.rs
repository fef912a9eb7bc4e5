use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Silo, at, dataset, deliver, error, ids, mac, read, received};
use crate::web::poll::{Incremental, TimeFormat};
use crate::web::presets::stripe::{list, undelivered_events, webhook};
use datalake_core::{ErrorKind, Next, Source as _, source_suite};
use datalake_simulators::rest::{Fault, Refusal, Rule};
use datalake_simulators::social::Social;

const CHARGES: &str = "/v1/charges";
const EVENTS: &str = "/v1/events";

/// Three objects an hour.
fn charge(n: u64) -> Value {
    json!({ "id": format!("ch_{n:03}"), "object": "charge", "created": 1_700_000_000 + n / 3 * 3600, "amount": n })
}

fn event(n: u64, pending: u64) -> Value {
    let created = 1_700_000_000 + n * 3600;
    json!({ "id": format!("evt_{n}"), "object": "event", "created": created, "pending_webhooks": pending })
}

fn silo() -> Silo {
    let preset = list(dataset(), "charges").page_size(3);
    let paged = |records: Vec<Value>| records.into_iter().rev().collect();
    Silo { paged, ..Silo::new(CHARGES, preset, charge, 12) }
}

source_suite!(of_charges, silo());
source_suite!(of_charges_on_a_shaky_server, silo().shaky());

#[tokio::test]
async fn a_cycle_reads_what_was_created_since() {
    let social = Social::builder().start().unwrap();
    (0..30).for_each(|n| social.push(CHARGES, charge(n)));
    let source = at(&social, list(dataset(), "charges")).page_size(4);
    let (first, position) = read(&source, None).await;
    assert_eq!(first.len(), 30);
    (30..50).for_each(|n| social.push(CHARGES, charge(n)));
    let (second, _) = read(&source, position.as_ref()).await;
    let (found, all) = (ids(&second), social.list(CHARGES));
    let new = ids(&all[30..]);
    assert!(new.iter().all(|id| found.contains(id)));
    assert!(found.len() <= new.len() + 3, "no more than the look back comes again: {found:?}");
}

#[tokio::test]
async fn a_page_that_ends_with_more_to_come_is_no_end() {
    let social = Social::builder().start().unwrap();
    (0..8).for_each(|n| social.push(CHARGES, charge(n)));
    let source = at(&social, list(dataset(), "charges")).page_size(4);
    assert_eq!(read(&source, None).await.0.len(), 8);
    let targets: Vec<_> = social.faults().seen().into_iter().map(|seen| seen.target).collect();
    assert_eq!(targets, ["/v1/charges?limit=4", "/v1/charges?starting_after=ch_004&limit=4"]);
}

#[tokio::test]
async fn an_object_without_an_id_is_an_error_and_not_an_end() {
    let social = Social::builder().start().unwrap();
    (0..3).for_each(|n| social.push(CHARGES, json!({ "created": 1_700_000_000 + n })));
    let source = at(&social, list(dataset(), "charges")).page_size(2);
    assert_eq!(error(&source).await.kind(), ErrorKind::ConfigInvalid);
}

#[tokio::test]
async fn events_that_no_webhook_took_are_filled_in() {
    let social = Social::builder().start().unwrap();
    (0..10).for_each(|n| social.push(EVENTS, event(n, n % 2)));
    let source = at(&social, undelivered_events(dataset()));
    let (records, position) = read(&source, None).await;
    assert_eq!(ids(&records), ["evt_9", "evt_7", "evt_5", "evt_3", "evt_1"]);
    social.push(EVENTS, event(20, 1));
    assert!(ids(&read(&source, position.as_ref()).await.0).contains(&"evt_20"));
}

#[tokio::test]
async fn an_object_that_the_walk_stood_on_and_is_gone_begins_the_cycle_again() {
    let social = Social::builder().start().unwrap();
    (0..9).for_each(|n| social.push(CHARGES, charge(n)));
    let incremental = Incremental::since("created[gte]", "/created").format(TimeFormat::Seconds);
    let source = at(&social, list(dataset(), "charges")).page_size(3).incremental(incremental);
    let mut one = source.clone().build().unwrap();
    let Next::Batch(batch) = one.next_batch().await.unwrap() else { panic!("a page") };
    social.change(CHARGES, |charges| charges.retain(|charge| charge["id"] != "ch_006"));
    let (rest, _) = read(&source, Some(&batch.position)).await;
    assert!((0..6).all(|n| ids(&rest).contains(&&*format!("ch_{n:03}"))), "{rest:?}");
}

#[tokio::test]
async fn a_rate_that_is_too_high_is_told_as_one() {
    let social = Social::builder().start().unwrap();
    social.push(CHARGES, charge(0));
    let refusal = Refusal::new(429, "rate_limit").header("retry-after", "3");
    social.faults().add(Rule::of("stripe"), Fault::Refused(refusal));
    let source = at(&social, list(dataset(), "charges"));
    let error = error(&source).await;
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimited, Some(Duration::from_secs(3))));
}

#[tokio::test]
async fn a_webhook_is_answered_after_the_commit_with_the_id_of_its_event() {
    let secret = "whsec_simulated";
    let mut source =
        webhook(dataset(), SocketAddr::from(([127, 0, 0, 1], 0)), [secret]).build().await.unwrap();
    let (to, body) = (source.local_addr(), event(1, 1).to_string());
    let time = chrono::Utc::now().timestamp();
    let tag: String =
        mac(secret, &format!("{time}.{body}")).iter().map(|byte| format!("{byte:02x}")).collect();
    let sender = deliver(to, "/stripe", &[("stripe-signature", &format!("t={time},v1={tag}"))], &body);
    let batch = received(&mut source).await;
    assert!(!sender.is_finished());
    assert_eq!(batch.documents[0].id().map(|id| &**id), Some("evt_1"));
    source.commit(&batch.position).await.unwrap();
    let answer = sender.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(r#"{"id":"evt_1"}"#), "{answer}");
}

//! How a read goes on: by which property, after which page, from which position.

use std::time::Duration;

use chrono::DateTime;
use serde_json::json;

use super::{builder, end, fill, portal, read, settings};
use crate::crm::testing::{START, drain, ids, records};
use datalake_core::{ErrorKind, Next, Source};
use datalake_simulators::hubspot::{HubSpot, Kind, Object};

#[tokio::test]
async fn changes_are_found_whatever_the_object_is_called() {
    for name in ["contacts", "contact", "Contacts", "0-1"] {
        let portal = portal(settings());
        let made = fill(&portal, "contacts", 3);
        let source = builder(&portal, name);
        let first = read(&source, None).await.unwrap();
        portal.update("contacts", made[1].parse().unwrap(), json!({ "name": "changed" }));
        portal.advance(Duration::from_secs(3600));
        let second = read(&source, end(&first)).await.unwrap();
        assert_eq!(ids(&records(&second)), [&made[1]], "{name}");
    }
}

#[tokio::test]
async fn empty_pages_of_a_list_lead_on() {
    let portal = portal(settings().gaps());
    let made = fill(&portal, "contacts", 250);
    let batches = read(&builder(&portal, "contacts"), None).await.unwrap();
    assert_eq!(ids(&records(&batches)), made);
}

#[tokio::test]
async fn links_to_another_host_are_not_followed() {
    let stranger = portal(settings());
    let portal = portal(settings().links_to(stranger.url()));
    let made = fill(&portal, "contacts", 250);
    let batches = read(&builder(&portal, "contacts"), None).await.unwrap();
    assert_eq!(ids(&records(&batches)), made);
    assert!(stranger.faults().seen().is_empty(), "nobody else hears anything");
}

#[tokio::test]
async fn a_run_that_is_cut_short_comes_further_through_what_is_not_new() {
    let portal = portal(settings());
    let made = fill(&portal, "contacts", 4_500);
    let source = builder(&portal, "contacts");
    let first = read(&source, None).await.unwrap();
    made.iter().for_each(|id| portal.archive("contacts", id.parse().unwrap()));
    portal.advance(Duration::from_secs(3600));
    let told = read(&source, end(&first)).await.unwrap();
    portal.advance(Duration::from_secs(3600));
    let mut from = end(&told).cloned().unwrap();
    let mut lists = Vec::new();
    for _ in 0..2 {
        let mut worker = source.clone().build().unwrap();
        worker.seek(Some(&from)).await.unwrap();
        portal.faults().forget();
        let Next::Batch(batch) = worker.next_batch().await.unwrap() else { panic!("it tells how far it is") };
        assert!(batch.documents.is_empty());
        from = batch.position;
        lists.push(portal.faults().seen().into_iter().filter(|seen| seen.operation == "list").count());
    }
    assert_eq!(lists, [20, 20]);
    assert!(records(&read(&source, Some(&from)).await.unwrap()).is_empty());
}

#[tokio::test]
async fn a_position_of_something_else_is_refused() {
    let portal = portal(settings());
    fill(&portal, "contacts", 3);
    let source = builder(&portal, "contacts").properties(["name"]);
    let first = read(&source, None).await.unwrap();
    for other in [
        builder(&portal, "contacts"),
        source.clone().properties(["name", "createdate"]),
        source.clone().associations(["companies"]),
        source.clone().start(DateTime::from_timestamp_millis(START).unwrap()),
    ] {
        let error = read(&other, end(&first)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PositionInvalid, "{error}");
    }
    let slower = source.look_back(Duration::from_secs(60)).archived(false);
    read(&slower, end(&first)).await.unwrap();
}

#[tokio::test]
async fn records_that_a_batch_fails_at_come_again_and_archived_ones_do_not() {
    let names: Vec<String> = (0..80).map(|n| format!("a_property_with_a_long_name_{n}")).collect();
    let object = names.iter().fold(Object::new("contacts"), |object, name| object.property(name, Kind::Text));
    let portal = portal(HubSpot::builder().object(object));
    portal.create("contacts", json!({}));
    portal.advance(Duration::from_secs(3600));
    let source = builder(&portal, "contacts");
    let first = read(&source, None).await.unwrap();
    let made: Vec<u64> = portal.create_many("contacts", 3, |n| json!({ &names[0]: n.to_string() })).collect();
    portal.advance(Duration::from_secs(3600));
    portal.break_in_batches(made[1], "INTERNAL_ERROR");
    let mut worker = source.build().unwrap();
    worker.seek(end(&first)).await.unwrap();
    let error = drain(&mut worker).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, true), "{error}");
    portal.break_in_batches(made[1], "OBJECT_NOT_FOUND");
    let told = records(&drain(&mut worker).await.unwrap());
    assert_eq!(ids(&told), [made[0].to_string(), made[2].to_string()]);
}

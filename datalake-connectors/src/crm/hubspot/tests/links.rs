//! Links to other objects.

use super::{builder, end, fill, portal, read, settings};
use crate::crm::testing::{drain, records};
use datalake_core::{ErrorKind, Source};

#[tokio::test]
async fn links_come_behind_their_page_however_many_a_record_has() {
    let portal = portal(settings());
    let companies = fill(&portal, "companies", 1_201);
    let contacts = fill(&portal, "contacts", 3);
    let number = |id: &String| id.parse::<u64>().unwrap();
    for company in &companies {
        portal.associate(("contacts", number(&contacts[0])), ("companies", number(company)));
    }
    portal.associate(("contacts", number(&contacts[2])), ("companies", number(&companies[0])));
    let batches = read(&builder(&portal, "contacts").associations(["companies"]), None).await.unwrap();
    let records = records(&batches);
    let linked = |id: &String| -> Vec<String> {
        let of = records.iter().filter(|record| record["from"]["id"] == **id);
        of.flat_map(|record| record["to"].as_array().unwrap())
            .map(|to| to["toObjectId"].to_string())
            .collect()
    };
    assert_eq!(linked(&contacts[0]), companies);
    assert!(linked(&contacts[1]).is_empty());
    assert_eq!(linked(&contacts[2]), companies[..1]);
    assert_eq!(records.iter().filter(|record| record["id"].is_string()).count(), 3);
    assert!(batches.iter().all(|batch| batch.documents.len() == 1), "however many links, one answer a batch");
    let places: Vec<_> = batches.iter().map(|batch| batch.documents[0].locator().to_string()).collect();
    assert_eq!(places.len(), 4, "a page, and three of links");
    assert!(places[1..].iter().all(|place| place.ends_with("contacts/associations/companies")));
    for n in 0..batches.len() {
        let source = builder(&portal, "contacts").associations(["companies"]);
        let rest = read(&source, Some(&batches[n].position)).await.unwrap();
        let bodies = |batches: &[datalake_core::SourceBatch]| -> Vec<_> {
            batches
                .iter()
                .flat_map(|batch| &batch.documents)
                .map(|document| document.bytes().clone())
                .collect()
        };
        assert_eq!(
            bodies(&rest),
            bodies(&batches[n + 1..]),
            "another process goes on in the middle of links"
        );
    }
}

#[tokio::test]
async fn links_to_several_objects_come_page_by_page_and_only_of_what_is_new() {
    let portal = portal(settings());
    let companies = fill(&portal, "companies", 1);
    let contacts = fill(&portal, "contacts", 150);
    let number = |id: &String| id.parse::<u64>().unwrap();
    for contact in &contacts {
        portal.associate(("contacts", number(contact)), ("companies", number(&companies[0])));
        portal.associate(("contacts", number(contact)), ("contacts", number(&contacts[0])));
    }
    let source = builder(&portal, "contacts").associations(["companies", "contacts"]);
    let first = read(&source, None).await.unwrap();
    let places: Vec<_> =
        first.iter().map(|batch| batch.documents[0].locator().rsplit('/').next().unwrap()).collect();
    let page = ["contacts", "companies", "contacts"];
    assert_eq!(places, [page, page].concat());
    assert_eq!(records(&first).len(), 3 * 150);
    portal.faults().forget();
    assert!(records(&read(&source, end(&first)).await.unwrap()).is_empty());
    let seen = portal.faults().seen();
    assert!(!seen.iter().any(|seen| seen.operation == "associations"), "nothing new, no links");
}

#[tokio::test]
async fn links_that_the_system_fails_at_are_asked_for_again() {
    let portal = portal(settings());
    let companies = fill(&portal, "companies", 1);
    let contacts = fill(&portal, "contacts", 3);
    let number = |id: &String| id.parse::<u64>().unwrap();
    for contact in &contacts {
        portal.associate(("contacts", number(contact)), ("companies", number(&companies[0])));
    }
    portal.break_in_batches(number(&contacts[1]), "INTERNAL_ERROR");
    let mut source = builder(&portal, "contacts").associations(["companies"]).build().unwrap();
    source.seek(None).await.unwrap();
    let error = drain(&mut source).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, true), "{error}");
    portal.mend_batches();
    assert_eq!(records(&drain(&mut source).await.unwrap()).len(), 3);
}

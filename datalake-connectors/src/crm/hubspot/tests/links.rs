//! Links to other objects.

use super::{builder, fill, portal, read, settings};
use crate::crm::testing::records;

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
    let places: Vec<_> = batches[0].documents.iter().map(|document| document.locator().to_string()).collect();
    assert_eq!(places.len(), 4, "a page, and three of links");
    assert!(places[1..].iter().all(|place| place.ends_with("contacts/associations/companies")));
}

//! Records that are archived.

use std::time::Duration;

use super::{builder, end, fill, portal, read, settings};
use crate::crm::testing::{ids, records};
use datalake_core::ErrorKind;

#[tokio::test]
async fn an_archived_record_is_told_once_and_its_return_too() {
    let portal = portal(settings());
    let made = fill(&portal, "contacts", 250);
    let source = builder(&portal, "contacts");
    let first = read(&source, None).await.unwrap();
    portal.archive("contacts", made[3].parse().unwrap());
    portal.advance(Duration::from_secs(60));
    let second = read(&source, end(&first)).await.unwrap();
    let told = records(&second);
    assert_eq!(ids(&told), [&made[3]]);
    assert_eq!((&told[0]["archived"], told[0]["archivedAt"].is_string()), (&true.into(), true));
    portal.advance(Duration::from_secs(60));
    let third = read(&source, end(&second)).await.unwrap();
    assert!(records(&third).is_empty());
    portal.restore("contacts", made[3].parse().unwrap());
    portal.advance(Duration::from_secs(60));
    let from = end(&third).or(end(&second));
    let fourth = read(&source, from).await.unwrap();
    let told = records(&fourth);
    assert_eq!((ids(&told), &told[0]["archived"]), (vec![made[3].as_str()], &false.into()));
    portal.archive("contacts", made[3].parse().unwrap());
    portal.advance(Duration::from_secs(60));
    assert_eq!(records(&read(&source, end(&fourth)).await.unwrap()).len(), 1, "archived again, told again");
    let silent = read(&source.archived(false), end(&fourth)).await.unwrap();
    assert!(records(&silent).is_empty());
}

#[tokio::test]
async fn what_was_archived_before_the_first_cycle_is_not_told() {
    let portal = portal(settings());
    let made = fill(&portal, "contacts", 2);
    portal.archive("contacts", made[0].parse().unwrap());
    portal.advance(Duration::from_secs(3600));
    let source = builder(&portal, "contacts");
    let first = read(&source, None).await.unwrap();
    assert_eq!(ids(&records(&first)), [&made[1]]);
    portal.advance(Duration::from_secs(3600));
    assert!(records(&read(&source, end(&first)).await.unwrap()).is_empty());
}

#[tokio::test]
async fn archived_records_that_the_system_has_dropped_are_an_error_unless_accepted() {
    let portal = portal(settings());
    fill(&portal, "contacts", 1);
    let source = builder(&portal, "contacts");
    let first = read(&source, None).await.unwrap();
    portal.advance(Duration::from_secs(100 * 24 * 3600));
    assert_eq!(read(&source, end(&first)).await.unwrap_err().kind(), ErrorKind::PositionInvalid);
    read(&source.accept_missed_archived(), end(&first)).await.unwrap();
}

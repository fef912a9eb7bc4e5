//! Queries and their pages.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::{Bulk, builder, drain, fill, ids, org, read, records, settings};
use datalake_core::{ErrorKind, Next, Source};
use datalake_simulators::rest::{Fault, Refusal, Rule};
use datalake_simulators::salesforce::{Field, Object, Salesforce};

#[tokio::test]
async fn fifteen_hundred_records_in_one_timestamp_come_once_over_pages_of_400() {
    let org = org(settings().page(400));
    let made = fill(&org, 1500);
    let source = builder(&org);
    let batches = read(&source, None).await.unwrap();
    assert_eq!(batches.len(), 4);
    assert_eq!(ids(&records(&batches)), made);
    for n in 0..batches.len() {
        org.expire_cursors();
        let rest = read(&source, Some(&batches[n].position)).await.unwrap();
        assert_eq!(
            ids(&records(&rest)),
            made[(400 * (n + 1)).min(1500)..],
            "after page {n}, which led nowhere"
        );
    }
    let queries = org.faults().seen().into_iter().filter(|seen| seen.operation == "query_all");
    let stamped = queries.filter(|seen| seen.target.contains("Id%20%3E%20%27"));
    assert_eq!(stamped.count(), 3, "each of the forgotten pages was asked for by timestamp and id");
}

#[tokio::test]
async fn a_query_says_how_many_records_are_to_come() {
    let org = org(settings().page(400));
    fill(&org, 900);
    let mut source = builder(&org).build().unwrap();
    source.seek(None).await.unwrap();
    let mut left = Vec::new();
    while let Next::Batch(_) = source.next_batch().await.unwrap() {
        left.push(source.remaining().records.unwrap());
    }
    assert_eq!(left, [500, 100, 0]);
}

#[tokio::test]
async fn a_quiet_organisation_gives_nothing_again() {
    let org = org(settings().page(400));
    fill(&org, 900);
    org.set_clock(org.now() - 3_595_000);
    let mut source = builder(&org).build().unwrap();
    source.seek(None).await.unwrap();
    assert_eq!(records(&drain(&mut source).await.unwrap()).len(), 900);
    for _ in 0..3 {
        org.advance(Duration::from_secs(120));
        let batches = drain(&mut source).await.unwrap();
        assert!(records(&batches).is_empty() && batches.is_empty(), "{batches:?}");
    }
}

#[tokio::test]
async fn a_record_that_is_committed_late_is_found_by_looking_back() {
    let org = org(settings());
    fill(&org, 1);
    let source = builder(&org);
    let mut late = org.transaction();
    let id = late.create("Account", json!({ "Name": "late" }));
    org.advance(Duration::from_secs(30));
    let first = read(&source, None).await.unwrap();
    assert!(!ids(&records(&first)).contains(&id.as_str()), "nobody sees it yet");
    late.commit();
    org.advance(Duration::from_secs(30));
    let position = &first.last().unwrap().position;
    assert_eq!(ids(&records(&read(&source, Some(position)).await.unwrap())), [id.as_str()]);
    let blind = read(&source.look_back(Duration::ZERO), Some(position)).await.unwrap();
    assert!(records(&blind).is_empty(), "without looking back it is never seen");
}

#[tokio::test]
async fn a_record_that_changes_while_its_query_is_read_leads_past_no_other() {
    let org = Arc::new(org(settings().page(10).live_pages().cursor_pages(1)));
    let mut made = Vec::new();
    for _ in 0..4 {
        made.extend(fill(&org, 10));
    }
    let (of, last) = (Arc::downgrade(&org), made[19].clone());
    org.faults().meanwhile(Rule::of("query_more"), move || {
        of.upgrade().unwrap().update("Account", &last, json!({ "Name": "moved on" }));
    });
    let source = builder(&org);
    let first = read(&source, None).await.unwrap();
    org.advance(Duration::from_secs(60));
    let second = read(&source, Some(&first.last().unwrap().position)).await.unwrap();
    let given = records(first.iter().chain(&second));
    let given: BTreeSet<&str> = ids(&given).into_iter().collect();
    assert_eq!(given, made.iter().map(String::as_str).collect());
    assert!(records(&second).iter().any(|record| record["Name"] == "moved on"));
}

#[tokio::test]
async fn deleted_records_are_told_from_the_bin_and_for_good() {
    let org = org(settings());
    let made = fill(&org, 3);
    let source = builder(&org);
    let first = read(&source, None).await.unwrap();
    org.delete("Account", &made[0]);
    org.erase("Account", &made[1]);
    org.advance(Duration::from_secs(180));
    let second = read(&source, Some(&first.last().unwrap().position)).await.unwrap();
    let told = records(&second);
    let gone: Vec<_> = told.iter().filter(|record| record["deletedDate"].is_string()).collect();
    assert_eq!(gone.iter().map(|record| &record["id"]).collect::<Vec<_>>(), [&made[0], &made[1]]);
    let binned: Vec<_> = told.iter().filter(|record| record["IsDeleted"] == true).collect();
    assert_eq!(binned.iter().map(|record| &record["Id"]).collect::<Vec<_>>(), [&made[0]]);
    let third = read(&source, Some(&second.last().unwrap().position)).await.unwrap();
    assert!(records(&third).is_empty(), "it is told once");
    let silent = read(&source.deleted(false), Some(&first.last().unwrap().position)).await.unwrap();
    assert!(records(&silent).is_empty());
}

#[tokio::test]
async fn deletes_that_the_system_has_forgotten_are_an_error_unless_accepted() {
    let org = org(settings());
    fill(&org, 1);
    let source = builder(&org);
    let first = read(&source, None).await.unwrap();
    let position = first.last().map(|batch| batch.position.clone());
    org.advance(Duration::from_secs(20 * 24 * 3600));
    let error = read(&source, position.as_ref()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::PositionInvalid | ErrorKind::ConfigInvalid), "{error}");
    fill(&org, 1);
    let accepting = source.accept_missed_deletes();
    assert_eq!(records(&read(&accepting, position.as_ref()).await.unwrap()).len(), 1);
}

#[tokio::test]
async fn a_field_that_is_added_is_read_and_one_that_goes_in_the_middle_costs_nothing() {
    let org = Arc::new(org(settings().page(2)));
    fill(&org, 2);
    let mut source = builder(&org).build().unwrap();
    source.seek(None).await.unwrap();
    drain(&mut source).await.unwrap();
    org.add_field("Account", Field::text("City"));
    org.create("Account", json!({ "Name": "x", "City": "Wien" }));
    org.advance(Duration::from_secs(60));
    assert_eq!(records(&drain(&mut source).await.unwrap())[0]["City"], "Wien");
    let id = org.create("Account", json!({ "Name": "y" }));
    org.advance(Duration::from_secs(60));
    let of = Arc::downgrade(&org);
    let goes = move || of.upgrade().unwrap().remove_field("Account", "City");
    org.faults().meanwhile(Rule::of("query_all"), goes);
    let records = records(&drain(&mut source).await.unwrap());
    let record = records.iter().find(|record| record["Id"] == id).unwrap();
    assert!(record.get("City").is_none());
    let schema = source.describe().await.unwrap();
    assert!(schema.field("name").is_some() && schema.field("City").is_none());
}

#[tokio::test]
async fn a_wanted_field_that_is_not_there_is_named() {
    let org = org(settings());
    let error = read(&builder(&org).fields(["Name", "Nmae"]), None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    assert!(error.to_string().contains("Nmae"), "{error}");
}

#[tokio::test]
async fn a_query_that_takes_too_long_is_asked_in_halves() {
    let org = org(settings().page(50).query_rows(60));
    let made: Vec<String> = (0..10).flat_map(|_| fill(&org, 30)).collect();
    let batches = read(&builder(&org), None).await.unwrap();
    assert_eq!(ids(&records(&batches)), made);
    assert!(org.requests() < 150, "{} requests", org.requests());
}

#[tokio::test]
async fn a_query_that_is_too_long_for_a_url_becomes_a_bulk_job() {
    let fields = (0..500).map(|n| Field::text(format!("A_field_with_a_rather_long_name_{n}__c")));
    let account = fields.fold(Object::new("Account").field(Field::text("Name")), Object::field);
    let org = org(Salesforce::builder().object(account));
    let made = fill(&org, 3);
    let given = records(&read(&builder(&org).bulk(Bulk::From(1_000)), None).await.unwrap());
    assert_eq!(ids(&given), made);
    assert_eq!(given[0].as_object().unwrap().len(), 506);
    let error = read(&builder(&org), None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    assert!(error.to_string().contains("fewer fields"), "{error}");
}

#[tokio::test]
async fn an_object_without_a_time_is_read_whole_each_time() {
    let stamps = ["SystemModstamp", "LastModifiedDate", "CreatedDate"];
    let account = stamps.iter().fold(Object::new("Account").field(Field::text("Name")), |object, name| {
        object.field(Field::new(*name, datalake_simulators::salesforce::Kind::Datetime).not_filterable())
    });
    let org = org(Salesforce::builder().object(account).page(2));
    let made = fill(&org, 5);
    let source = builder(&org);
    let batches = read(&source, None).await.unwrap();
    assert_eq!(ids(&records(&batches)), made);
    org.expire_cursors();
    let rest = read(&source, Some(&batches[0].position)).await.unwrap();
    assert_eq!(ids(&records(&rest)), made[2..]);
    let again = read(&source, Some(&batches.last().unwrap().position)).await.unwrap();
    assert_eq!(ids(&records(&again)), made);
}

#[tokio::test]
async fn a_second_state_in_the_same_second_is_found_by_looking_back() {
    let org = org(settings());
    let made: Vec<_> =
        (0..2).map(|n| org.create("Account", json!({ "Name": format!("first {n}") }))).collect();
    let mut late = org.transaction();
    late.update("Account", &made[0], json!({ "Name": "second" }));
    late.erase("Account", &made[1]);
    org.advance(Duration::from_secs(90));
    let source = builder(&org);
    let first = read(&source, None).await.unwrap();
    assert_eq!(ids(&records(&first)), made);
    late.commit();
    org.advance(Duration::from_secs(90));
    let second = records(&read(&source, Some(&first.last().unwrap().position)).await.unwrap());
    assert_eq!(ids(&second), [&made[1], &made[0]]);
    assert!(second[0]["deletedDate"].is_string(), "{second:?}");
    assert_eq!(second[1]["Name"], "second");
    assert_eq!(second[1]["SystemModstamp"], records(&first)[0]["SystemModstamp"]);
}

#[tokio::test]
async fn a_window_that_was_cut_stays_so_for_another_process() {
    let org = org(settings().page(50).query_rows(20));
    let made: Vec<String> = (0..10).flat_map(|_| fill(&org, 10)).collect();
    let source = builder(&org);
    let (mut given, mut position, mut processes) = (Vec::new(), None, 0);
    while given.len() < made.len() {
        let mut worker = source.clone().build().unwrap();
        worker.seek(position.as_ref()).await.unwrap();
        // Each has the time for one request that takes too long, or for one page.
        let Next::Batch(batch) = worker.next_batch().await.unwrap() else { panic!("no batch") };
        given.extend(records([&batch]));
        position = Some(batch.position);
        processes += 1;
    }
    assert_eq!(ids(&given), made);
    let queries = org.faults().count("query_all");
    assert!(processes < 60 && queries < 2 * processes, "{processes} processes, {queries} queries");
}

#[tokio::test]
async fn an_answer_that_would_be_too_large_is_asked_for_in_halves() {
    let org = org(settings());
    let made: Vec<String> = [fill(&org, 3), fill(&org, 3)].concat();
    let large = Refusal::new(400, "OPERATION_TOO_LARGE");
    org.faults().add(Rule::of("query_all"), Fault::Refused(large));
    let batches = read(&builder(&org), None).await.unwrap();
    assert_eq!(ids(&records(&batches)), made);
    assert!(batches[0].documents.is_empty(), "the cut is handed over first");
}

#[tokio::test]
async fn more_deletes_than_are_told_at_once_are_asked_for_in_parts_of_the_time() {
    let org = org(settings().deleted_ids(3));
    let made = fill(&org, 10);
    let source = builder(&org);
    let first = read(&source, None).await.unwrap();
    for id in &made {
        org.erase("Account", id);
        org.advance(Duration::from_secs(300));
    }
    let second = read(&source, Some(&first.last().unwrap().position)).await.unwrap();
    let told = records(&second);
    assert_eq!(ids(&told).into_iter().collect::<BTreeSet<_>>(), made.iter().map(String::as_str).collect());
    for batch in &second {
        let rest = records(&read(&source, Some(&batch.position)).await.unwrap());
        let before = second.iter().take_while(|one| one.position != batch.position);
        let given = records(before.chain([batch]));
        let all: BTreeSet<_> = ids(&given).into_iter().chain(ids(&rest)).collect();
        assert_eq!(all.len(), made.len(), "nothing is passed over");
    }
    org.advance(Duration::from_secs(120));
    let third = read(&source, Some(&second.last().unwrap().position)).await.unwrap();
    assert!(records(&third).is_empty(), "each was told once");
}

#[tokio::test]
async fn archived_activities_are_read_whether_deletes_are_told_or_not() {
    let task = Field::new("IsArchived", datalake_simulators::salesforce::Kind::Boolean);
    let org =
        org(Salesforce::builder().object(Object::new("Account").field(Field::text("Name")).field(task)));
    let made = fill(&org, 3);
    org.update("Account", &made[0], json!({ "IsArchived": true }));
    org.delete("Account", &made[1]);
    org.advance(Duration::from_secs(60));
    for bulk in [Bulk::Never, Bulk::Always] {
        for (deleted, ids_told) in
            [(true, vec![&made[2], &made[0], &made[1]]), (false, vec![&made[2], &made[0]])]
        {
            let given = records(&read(&builder(&org).bulk(bulk).deleted(deleted), None).await.unwrap());
            let (mut given, mut told) = (ids(&given), ids_told);
            given.sort_unstable();
            told.sort_unstable();
            assert_eq!(given, told, "{bulk:?} {deleted}");
        }
    }
}

#[tokio::test]
async fn a_position_of_a_read_with_other_settings_is_refused_unless_it_is_accepted() {
    let org = org(settings().page(2));
    let made = fill(&org, 5);
    let source = builder(&org);
    for bulk in [Bulk::Never, Bulk::Always] {
        let source = source.clone().bulk(bulk).bulk_page_size(2);
        let position = read(&source, None).await.unwrap()[0].position.clone();
        let other = source.filter("Name != 'account 1'");
        let error = read(&other, Some(&position)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PositionInvalid, "{error}");
        let rest = records(&read(&other.accept_other_settings(), Some(&position)).await.unwrap());
        let left = if bulk == Bulk::Never {
            vec![&made[2], &made[3], &made[4]]
        } else {
            vec![&made[0], &made[2], &made[3], &made[4]]
        };
        assert_eq!(ids(&rest), left, "{bulk:?}");
    }
}

#[test]
fn a_field_of_a_parent_is_refused_where_it_would_come_in_two_shapes() {
    let org = org(settings());
    let source = builder(&org).fields(["Owner.Name"]);
    source.clone().build().unwrap();
    let error = source.bulk(Bulk::From(7)).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    assert!(error.to_string().contains("Owner.Name"), "{error}");
}

//! An answer has at most 6 MB.

use datalake_core::transform::flat_map;
use datalake_core::{ErrorKind, Pipeline};

use super::{FirehoseTransform, event, orders, plain, said};

const LIMIT: usize = 5_800_000;

/// Makes 200 records of each that has at least that many bytes.
fn bomb() -> FirehoseTransform {
    let many = flat_map("many", "1", |record| Ok(vec![record.body().clone(); record.body().len().min(200)]));
    plain(Pipeline::builder("bomb").transform(many))
}

#[tokio::test]
async fn what_does_not_fit_is_handed_back() {
    let body = format!("{{\"a\":\"{}\"}}", "x".repeat(10_000));
    let ids: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    let answer = bomb().answer(event(ids.iter().map(|id| (id.as_str(), body.as_bytes())))).await.unwrap();
    assert!(answer.len() <= LIMIT);
    let said = said(&answer);
    assert_eq!(said.len(), 20);
    // Two of the expanded ones fit; the others come back as they were.
    assert_eq!(said.iter().filter(|(_, result, _)| result == "Ok").count(), 2);
    assert!(
        said.iter()
            .filter(|(_, result, _)| result != "Ok")
            .all(|(_, result, data)| { result == "ProcessingFailed" && *data == body })
    );
}

#[tokio::test]
async fn a_record_too_large_for_any_answer_costs_no_other() {
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(40_000));
    let answer =
        bomb().answer(event([("1", large.as_bytes()), ("2", b"{}"), ("3", b"{\"b\":1}")])).await.unwrap();
    let results: Vec<_> = said(&answer).into_iter().map(|(_, result, _)| result).collect();
    assert_eq!(results, ["ProcessingFailed", "Ok", "Ok"]);
}

#[tokio::test]
async fn a_full_event_of_records_that_fail_comes_back_within_the_limit() {
    let ids: Vec<String> = (0..2_000).map(|n| format!("{n:056}")).collect();
    let body = vec![b'x'; 2_140];
    let given = event(ids.iter().map(|id| (id.as_str(), &body[..])));
    assert!(given.len() > 5_900_000 && given.len() < 6_291_456, "{}", given.len());
    let answer = plain(orders()).answer(given).await.unwrap();
    assert!(answer.len() <= LIMIT);
    let said = said(&answer);
    assert!(said.len() == 2_000 && said.iter().all(|(_, result, _)| result == "ProcessingFailed"));
}

#[tokio::test]
async fn an_event_of_nothing_but_ids_that_no_answer_can_hold_is_refused_as_a_whole() {
    let records: Vec<String> = (0..190_000).map(|n| format!(r#"{{"recordId":"{n}","data":""}}"#)).collect();
    let given = format!(r#"{{"records":[{}]}}"#, records.join(","));
    assert!(given.len() < 6_291_456);
    let error = plain(orders()).answer(given).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RecordTooLarge);
}

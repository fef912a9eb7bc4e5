//! Every fault, seen from the client's side and from the inside.

use std::time::{Duration, Instant};

use super::client::{put, send, simulator};
use crate::s3::{Fault, Op, Refusal, Rule, S3};

fn holds(s3: &S3, key: &str) -> Option<String> {
    s3.object("b", key).map(|object| String::from_utf8(object.bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn a_write_with_a_fault_happens_or_not_as_the_fault_says() {
    let code = "InternalError";
    for (fault, happens, status) in [
        (Fault::Refused(Refusal::SLOW_DOWN), false, Some(503)),
        (Fault::RefusedAfter(Refusal::PRECONDITION), true, Some(412)),
        (Fault::ErrorIn200(code), false, Some(200)),
        (Fault::ErrorIn200After(code), true, Some(200)),
        (Fault::Reset, false, None),
        (Fault::Lost, true, None),
        (Fault::Truncated, true, None),
        (Fault::Foreign, true, Some(200)),
    ] {
        let s3 = simulator().await;
        s3.fail(Rule::new(Op::PutObject, fault));
        let answer = send(&s3, "PUT", "/b/k", &[], "x".repeat(1 << 20)).await;
        assert_eq!(answer.as_ref().ok().map(|answer| answer.status), status, "{fault:?}: {answer:?}");
        assert_eq!(holds(&s3, "k").is_some(), happens, "{fault:?}");
        assert_eq!(put(&s3, "k", &[], "after").await, 200, "a rule strikes once");
    }
}

#[tokio::test]
async fn a_late_write_arrives_when_so_many_requests_have_begun() {
    let s3 = simulator().await;
    s3.fail(Rule::new(Op::PutObject, Fault::Late { after: 2 }));
    assert!(send(&s3, "PUT", "/b/k", &[("if-none-match", "*")], "late").await.is_err());
    assert_eq!((holds(&s3, "k"), s3.late()), (None, 1));
    put(&s3, "other", &[], "1").await;
    assert_eq!(holds(&s3, "k"), None);
    assert_eq!(put(&s3, "k", &[("if-none-match", "*")], "again").await, 412, "it arrives just before");
    assert_eq!(holds(&s3, "k").as_deref(), Some("late"));
    s3.fail(Rule::new(Op::PutObject, Fault::Late { after: 9 }).key("k"));
    send(&s3, "PUT", "/b/k", &[], "later").await.unwrap_err();
    s3.settle();
    assert_eq!(holds(&s3, "k").as_deref(), Some("later"));
}

#[tokio::test]
async fn an_answer_with_a_fault_is_short_wrong_late_or_none() {
    let s3 = simulator().await;
    let body = "0123456789".repeat(10);
    send(&s3, "PUT", "/b/k", &[], body.clone()).await.unwrap();
    let get = async |fault| {
        s3.fail(Rule::new(Op::GetObject, fault));
        send(&s3, "GET", "/b/k", &[], "").await
    };
    assert!(get(Fault::Truncated).await.is_err());
    assert_eq!(get(Fault::Short).await.unwrap().body.len(), 87);
    let flipped = get(Fault::Flipped).await.unwrap();
    let changed = flipped.body.iter().zip(body.bytes()).filter(|(a, b)| **a != *b).count();
    assert_eq!((flipped.body.len(), changed), (100, 1));
    let begun = Instant::now();
    assert_eq!(get(Fault::Slow(Duration::from_millis(60))).await.unwrap().body, body);
    assert!(begun.elapsed() >= Duration::from_millis(60));
    assert!(get(Fault::Lost).await.is_err());
    assert!(get(Fault::Refused(Refusal::MISSING)).await.unwrap().text().contains("<Code>NoSuchKey</Code>"));
    s3.fail(Rule::new(Op::GetObject, Fault::Silent));
    let silent = send(&s3, "GET", "/b/k", &[], "");
    tokio::time::timeout(Duration::from_millis(60), silent).await.unwrap_err();
}

#[tokio::test]
async fn a_rule_chooses_by_operation_key_condition_and_turn() {
    let s3 = simulator().await;
    let busy = Fault::Refused(Refusal::SLOW_DOWN);
    s3.fail(Rule::new(Op::PutObject, busy).key("_ledger/").after(1).times(2));
    s3.fail(Rule::new(Op::PutObject, Fault::Refused(Refusal::CONFLICT)).conditional(true).always());
    let condition = [("if-none-match", "*")];
    let mut found = Vec::new();
    for (key, condition) in [
        ("raw/1", &[][..]),
        ("_ledger/1", &[]),
        ("_ledger/2", &[]),
        ("raw/2", &condition),
        ("_ledger/3", &condition),
        ("_ledger/4", &condition),
        ("_ledger/5", &[]),
    ] {
        found.push(put(&s3, key, condition, "x").await);
    }
    assert_eq!(found, [200, 200, 503, 409, 503, 409, 200]);
    s3.calm();
    assert_eq!(put(&s3, "raw/3", &condition, "x").await, 200);
    let seen = s3.seen();
    assert_eq!((seen.len(), seen[2].fault, seen[3].conditional), (8, Some(busy), true));
    assert_eq!((seen[0].op, seen[0].key.as_str(), seen[0].bytes), (Op::PutObject, "raw/1", 1));
}

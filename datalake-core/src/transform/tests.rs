//! Records in a pipeline of transforms.

use std::sync::Arc;

use bytes::Bytes;

use super::json::{Type, cast, drop_fields, mask, rename};
use super::*;
use crate::records::Step;
use crate::{Content, Record, RecordRef};

pub(super) fn step(n: u32) -> Arc<Step> {
    Arc::new(Step { n, name: format!("step-{n}"), version: "1".to_owned() })
}

/// Records of one document, a line each.
pub(super) fn records(lines: &[&str]) -> Records {
    let document = Bytes::from(lines.join("\n"));
    let mut offset = 0;
    let records = lines.iter().zip(0..).map(|(line, ordinal)| {
        let body = document.slice(offset..offset + line.len());
        let origin =
            RecordRef { ordinal, offset: offset as u32, length: line.len() as u32, document: 0, child: 0 };
        offset += line.len() + 1;
        Record::new(body, origin, Content::Json)
    });
    Records::new(Arc::new([]), records.collect(), step(1))
}

pub(super) fn bodies(records: &Records) -> Vec<String> {
    records.iter().map(|record| String::from_utf8(record.body().to_vec()).unwrap()).collect()
}

/// What becomes of one JSON record in one transform.
pub(super) fn one(transform: &dyn Transform, json: &str) -> std::result::Result<String, String> {
    let records = futures::FutureExt::now_or_never(transform.apply(records(&[json]))).unwrap().unwrap();
    match (records.rejected(), bodies(&records).pop()) {
        ([rejected], None) => Err(rejected.error.to_string()),
        ([], Some(body)) => Ok(body),
        _ => Err("filtered".to_owned()),
    }
}

fn chain(transforms: Vec<Arc<dyn Transform>>) -> Vec<(Arc<Step>, Arc<dyn Transform>)> {
    (1..).map(step).zip(transforms).collect()
}

fn tally(records_in: u64, records_out: u64, filtered: u64, rejected: u64) -> Tally {
    Tally { records_in, records_out, filtered, rejected }
}

#[test]
fn the_reference_chain_keeps_its_books_and_every_byte_it_does_not_name() {
    let status = Pointer::parse("/status").unwrap();
    let chain = chain(vec![
        Arc::new(filter("no-tests", "1", move |draft| Ok(draft.string(&status)?.as_deref() != Some("test")))),
        Arc::new(drop_fields("no-notes", ["/note"]).unwrap()),
        Arc::new(rename("reference", "/ref", "reference").unwrap()),
        Arc::new(mask("mask-email", "/customer/email").unwrap()),
    ]);
    let lines: Vec<_> = (0..1_000)
        .map(|n| match n {
            _ if n % 100 == 7 => format!("{{\"id\":{n},\"status\":"),
            _ if n % 10 == 0 => format!("{{\"id\":{n},\"status\":\"test\",\"customer\":{{\"email\":\"e{n}\"}}}}"),
            _ if n % 10 == 1 => format!("{{\"id\":{n},  \"net\":0.30}}"),
            _ => format!(
                "{{\"id\":{n},\"ref\":\"R{n}\", \"customer\": {{\"name\":\"Ü\",\"email\":\"e{n}@x.example\"}},\"note\":\"n\",\"net\":0.30}}"
            ),
        })
        .collect();
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    let mut records = records(&lines);
    let tallies = run(&mut records, Some(&step(0)), &chain);
    assert_eq!(
        tallies,
        [
            tally(1_000, 990, 0, 10),
            tally(990, 890, 100, 0),
            tally(890, 890, 0, 0),
            tally(890, 890, 0, 0),
            tally(890, 890, 0, 0)
        ]
    );
    assert_eq!((records.len(), records.filtered, records.rejected().len()), (890, 100, 10));
    for rejected in records.rejected() {
        assert_eq!((rejected.step.n, &*rejected.error.reason, rejected.origin.ordinal % 100), (0, "json", 7));
    }
    let mut before = None;
    for record in &records {
        let n = record.origin().ordinal;
        assert!(before < Some(n), "the order is kept");
        before = Some(n);
        let expected = match n % 10 {
            1 => format!("{{\"id\":{n},  \"net\":0.30}}"),
            _ => format!(
                "{{\"id\":{n},\"reference\":\"R{n}\", \"customer\": {{\"name\":\"Ü\",\"email\":\"***\"}},\"net\":0.30}}"
            ),
        };
        assert_eq!(record.body(), &expected);
    }
}

#[test]
fn a_record_that_no_step_changes_is_not_copied() {
    let mut records = records(&["{\"a\": 1}", "[2]", " null "]);
    let before: Vec<_> = records.iter().map(|record| record.body().as_ptr()).collect();
    run(&mut records, Some(&step(0)), &chain(vec![Arc::new(drop_fields("drop", ["/b"]).unwrap())]));
    let after: Vec<_> = records.iter().map(|record| record.body().as_ptr()).collect();
    assert_eq!(before, after);
}

#[test]
fn a_panic_costs_its_record_alone() {
    let calls = std::sync::atomic::AtomicU32::new(0);
    let chain = chain(vec![
        Arc::new(drop_fields("drop", ["/b"]).unwrap()),
        Arc::new(edit("fragile", "1", move |draft| {
            let n = calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            assert!(n != 1, "the secret is {:?}", draft.body());
            Ok(Verdict::Keep)
        })),
    ]);
    let mut records = records(&[r#"{"a":1,"b":0}"#, r#"{"a":2,"b":0}"#, r#"{"a":3,"b":0}"#]);
    let tallies = run(&mut records, None, &chain);
    assert_eq!(tallies, [tally(3, 3, 0, 0), tally(3, 2, 0, 1)]);
    assert_eq!(bodies(&records), [r#"{"a":1}"#, r#"{"a":3}"#]);
    let rejected = &records.rejected()[0];
    assert_eq!((rejected.step.n, rejected.origin.ordinal), (2, 1));
    assert_eq!(rejected.error.to_string(), "panic: the transform panicked at this record");
}

#[test]
fn a_step_that_makes_what_is_no_json_is_the_one_that_refuses() {
    let chain = chain(vec![
        Arc::new(map("cut", "1", |body| body[..body.len() - 1].to_vec())),
        Arc::new(map("mend", "1", |body| [body, b"}"].concat())),
    ]);
    let mut records = records(&["{}", "[1] "]);
    let tallies = run(&mut records, Some(&step(0)), &chain);
    assert_eq!(tallies[1], tally(2, 1, 0, 1));
    assert_eq!(tallies[2], tally(1, 0, 0, 1));
    assert_eq!(records.rejected()[0].step.n, 1);
}

#[test]
fn a_record_that_is_not_json_is_not_checked() {
    let mut opaque = records(&["not json"]);
    opaque.records = opaque.records.drain(..).map(|record| record.with_content(Content::Opaque)).collect();
    let upper: Arc<dyn Transform> = Arc::new(map("upper", "1", |body| body.to_ascii_uppercase()));
    let tallies = run(&mut opaque, Some(&step(0)), &chain(vec![Arc::clone(&upper)]));
    assert_eq!(tallies, [tally(1, 1, 0, 0), tally(1, 1, 0, 0)]);
    assert_eq!(bodies(&opaque), ["NOT JSON"]);
    run(&mut opaque, None, &chain(vec![Arc::new(mask("mask", "/a").unwrap())]));
    assert_eq!(opaque.rejected()[0].error.reason, "not-json");
}

#[test]
fn large_and_many_records_share_chunks_without_harm() {
    let long = "x".repeat(700_000);
    let lines: Vec<_> = (0..400)
        .map(|n| format!("{{\"n\":{n},\"pad\":\"{}\"}}", if n % 100 == 3 { &long } else { &long[..n * 7] }))
        .collect();
    let mut records = records(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    run(&mut records, Some(&step(0)), &chain(vec![Arc::new(rename("n", "/n", "number").unwrap())]));
    for (body, line) in bodies(&records).iter().zip(&lines) {
        assert!(*body == line.replacen("\"n\"", "\"number\"", 1));
    }
}

#[test]
fn a_run_over_nothing_does_nothing() {
    let mut none = records(&[]);
    none.records.clear();
    assert_eq!(run(&mut none, Some(&step(0)), &[]), [tally(0, 0, 0, 0)]);
    assert!(run(&mut records(&["x"]), None, &[]).is_empty());
}

#[tokio::test]
async fn a_record_may_become_several_or_none() {
    let split = flat_map("split", "1", |record| {
        let text = std::str::from_utf8(record.body()).unwrap();
        match text {
            "\"panic\"" => panic!("here"),
            "\"refuse\"" => Err(RecordError::new("no", "not this one")),
            _ => Ok(text.trim_matches('"').split_whitespace().map(|word| format!("[{word}]")).collect()),
        }
    });
    let lines = ["\"1 2 3\"", "\"panic\"", "\"\"", "\"refuse\"", "\"4\"", "\"5 x\""];
    let out = split.apply(records(&lines)).await.unwrap();
    assert_eq!(bodies(&out), ["[1]", "[2]", "[3]", "[4]"]);
    assert_eq!((out.filtered, out.expanded), (1, 2));
    let reasons: Vec<_> = out.rejected().iter().map(|rejected| &*rejected.error.reason).collect();
    assert_eq!(reasons, ["panic", "no", "json"]);
}

#[test]
fn a_batch_that_is_changed_by_hand_is_checked_again() {
    let mut records = records(&["1", "2", "3", "4"]);
    records.try_map(|record| {
        Ok(match &**record.body() {
            b"1" => record.with_body("nope"),
            b"2" => record.with_body(r#"{"_lake":1}"#),
            b"3" => record.with_body("free text").with_content(Content::Opaque),
            _ => record,
        })
    });
    assert_eq!(bodies(&records), [r#"{"_lake_origin":1}"#, "free text", "4"]);
    assert_eq!(records.rejected()[0].error.reason, "json");
}

#[test]
fn closures_change_filter_and_refuse() {
    use std::collections::BTreeMap;
    let sum =
        try_map_json("sum", "1", |list: Vec<i64>| Ok(BTreeMap::from([("sum", list.iter().sum::<i64>())])));
    assert_eq!(one(&sum, "[1, 2,3]").unwrap(), r#"{"sum":6}"#);
    assert_eq!(one(&sum, r#"[1,"secret"]"#).unwrap_err(), "type: invalid type: string, expected i64 at /1");
    let refuse = try_map("refuse", "1", |_| Err::<Vec<u8>, _>(RecordError::new("no", "never")));
    assert_eq!(one(&refuse, "1").unwrap_err(), "no: never");
    assert_eq!(one(&filter("none", "1", |_| Ok(false)), "1").unwrap_err(), "filtered");
    assert_eq!(
        format!("{:?}", map("m", "2", <[u8]>::to_vec)),
        "PerRecord { name: \"m\", version: \"2\", config: Null }"
    );
}

#[test]
fn a_draft_read_for_the_first_time_in_a_later_run_is_whole() {
    let cast: Arc<dyn Transform> = Arc::new(cast("cast", "/a", Type::Number).unwrap());
    let mut records = records(&[r#"{"a":"0.30"}"#, "nope"]);
    run(&mut records, None, &chain(vec![cast]));
    assert_eq!(bodies(&records), [r#"{"a":0.30}"#]);
    assert_eq!(records.rejected()[0].error.reason, "json");
}

//! What becomes of records.

use datalake_core::lake::Partition;
use datalake_core::transform::{Pointer, dedupe, flat_map, map};
use datalake_core::{
    Ambient, Cpu, Error, ErrorKind, Format, Pipeline, Records, Result, Retry, SystemClock, SystemEntropy,
    Transform, async_trait,
};
use serde_json::{Value, json};

use super::{FirehoseTransform, entry, event, orders, plain, said};

#[tokio::test]
async fn a_record_is_kept_dropped_or_refused() {
    let given = event([
        ("1", &br#"{"email":"a@b.example","sum":0.30}"#[..]),
        ("2", br#"{"drop":true}"#),
        ("3", b"no json"),
        ("4", b""),
        ("5", b"{\"a\":1}\n\n{\"b\":\n"),
    ]);
    assert_eq!(
        said(&plain(orders()).answer(given).await.unwrap()),
        [
            entry("1", "Ok", "{\"email\":\"***\",\"sum\":0.30}\n"),
            entry("2", "Dropped", ""),
            entry("3", "ProcessingFailed", "no json"),
            entry("4", "Dropped", ""),
            entry("5", "ProcessingFailed", "{\"a\":1}\n\n{\"b\":\n"),
        ]
    );
}

#[tokio::test]
async fn a_record_that_a_step_refuses_for_any_reason_comes_back_as_it_came() {
    let refuse = || {
        Pipeline::builder("orders").transform(datalake_core::transform::filter("odd", "1", |_| {
            Err(datalake_core::RecordError::new("base64", "a field is no Base64"))
        }))
    };
    for ids in [["1", "2"], ["2", "1"]] {
        let given = event(ids.map(|id| (id, &b"{\"id\":1}"[..])));
        assert_eq!(
            said(&plain(refuse()).answer(given).await.unwrap()),
            ids.map(|id| entry(id, "ProcessingFailed", "{\"id\":1}"))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_several_threads_is_that_of_one() {
    let note = "x".repeat(700);
    let orders: Vec<_> = (0..2500)
        .map(|n| {
            let line = match n % 50 {
                7 => "no json".to_owned(),
                9 => "{\"drop\":true}".to_owned(),
                _ => format!("{{\"id\":{n},\"email\":\"a@b.example\",\"note\":\"{note}\"}}"),
            };
            (format!("{n:05}"), line)
        })
        .collect();
    let given = event(orders.iter().map(|(id, line)| (id.as_str(), line.as_bytes())));
    let mut answers = Vec::new();
    for cpu in [Cpu::inline(), Cpu::threads(1), Cpu::threads(3)] {
        let ambient = Ambient::new(SystemClock, SystemEntropy, cpu);
        let transform = plain(super::orders().ambient(ambient));
        for _ in 0..3 {
            answers.push(transform.answer(given.clone()).await.unwrap());
        }
    }
    assert_eq!(said(&answers[0]).len(), 2500);
    assert!(answers.iter().all(|answer| answer == &answers[0]));
}

#[tokio::test]
async fn records_of_one_record_are_lines_of_one_answer() {
    let items = Pointer::parse("/items").unwrap();
    let pipeline = Pipeline::builder("items").transform(flat_map("items", "1", move |record| {
        let mut draft = datalake_core::transform::Draft::new(record.body().clone(), record.content());
        let items: Vec<Value> = draft.value(&items)?.unwrap_or_default();
        Ok(items.iter().map(|item| item.to_string()).collect())
    }));
    let given =
        event([("1", &b"{\"items\":[{\"a\":1},{\"a\":2}]}\n{\"items\":[{\"a\":3}]}\n"[..]), ("2", b"{}")]);
    assert_eq!(
        said(&plain(pipeline).answer(given).await.unwrap()),
        [entry("1", "Ok", "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n"), entry("2", "Dropped", "")]
    );
}

#[tokio::test]
async fn a_changed_record_says_by_whom_and_when() {
    let transform = FirehoseTransform::builder(orders().reshaper().unwrap()).build().unwrap();
    let answer = transform.answer(event([("1", &br#"{"id":1,"_lake":"mine"}"#[..]), ("2", b"[1, 2]")])).await;
    let lines: Vec<Value> =
        said(&answer.unwrap()).iter().map(|(_, _, line)| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["id"], &lines[0]["_lake_origin"]), (&json!(1), &json!("mine")));
    assert_eq!((&lines[1]["value"], &lines[1]["_lake"]["w"]), (&json!([1, 2]), &json!(1)));
    let hop = &lines[0]["_lake"]["h"][0];
    assert_eq!(hop["steps"], json!(["mask-email/1", "no-drops/2"]));
    assert_eq!(hop["run"], "2b4d1ad9-2f48-94bd-a088-767c317e994a");
    assert_eq!(hop["config"].as_str().unwrap().len(), 16);
    assert!(chrono::DateTime::parse_from_rfc3339(hop["at"].as_str().unwrap()).is_ok());
}

#[tokio::test]
async fn text_and_bytes_go_through_as_they_are_or_as_lines_of_the_lake() {
    let reshaper =
        || Pipeline::builder("logs").transform(map("loud", "1", <[u8]>::to_ascii_uppercase)).reshaper();
    let builder = || FirehoseTransform::builder(reshaper().unwrap()).format(Format::Lines);
    let given = || event([("1", &b"one\ntwo\n"[..])]);
    let bare = builder().bare().build().unwrap().answer(given()).await.unwrap();
    assert_eq!(said(&bare), [entry("1", "Ok", "ONE\nTWO\n")]);
    let told = said(&builder().build().unwrap().answer(given()).await.unwrap());
    assert!(told[0].2.starts_with(r#"{"text":"ONE","_lake":{"w":1,"h":["#), "{told:?}");
}

fn keys(answer: &[u8]) -> Vec<Value> {
    let answer: Value = serde_json::from_slice(answer).unwrap();
    answer["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["metadata"]["partitionKeys"].clone())
        .collect()
}

#[tokio::test]
async fn partition_keys_come_out_of_the_record_and_cannot_leave_their_folder() {
    let transform = FirehoseTransform::builder(orders().reshaper().unwrap())
        .partition(Partition::acquired())
        .partition(Partition::field("region", "/region").unwrap())
        .build()
        .unwrap();
    let given = event([
        ("1", &br#"{"region":"eu"}"#[..]),
        ("2", br#"{"region":"../..\"\u0000"}"#),
        ("3", b"{}"),
        ("4", b"{\"region\":\"eu\"}\n{\"region\":\"eu\"}"),
        ("5", b"{\"region\":\"eu\"}\n{\"region\":\"us\"}"),
        ("6", br#"{"drop":true}"#),
    ]);
    let answer = transform.answer(given).await.unwrap();
    let day = "2025-11-22";
    assert_eq!(
        keys(&answer),
        [
            json!({ "dt": day, "region": "eu" }),
            json!({ "dt": day, "region": "%2E.%2F..%22%00" }),
            json!({ "dt": day, "region": "__HIVE_DEFAULT_PARTITION__" }),
            json!({ "dt": day, "region": "eu" }),
            Value::Null,
            Value::Null,
        ]
    );
    assert_eq!(said(&answer)[4].1, "ProcessingFailed");
}

#[tokio::test]
async fn two_keys_of_one_name_are_refused() {
    let builder = FirehoseTransform::builder(orders().reshaper().unwrap());
    let twice = builder.partition(Partition::acquired()).partition(Partition::day("/at").unwrap());
    assert_eq!(twice.build().unwrap_err().kind(), ErrorKind::ConfigInvalid);
}

#[tokio::test]
async fn an_event_that_comes_again_is_answered_alike() {
    let transform = plain(orders().transform(dedupe("once", ["/id"], 100).unwrap()));
    let given = event([("1", &br#"{"id":1}"#[..]), ("2", br#"{"id":1}"#), ("3", br#"{"id":2}"#)]);
    let first = transform.answer(given.clone()).await.unwrap();
    assert_eq!(said(&first).iter().filter(|(_, result, _)| result == "Ok").count(), 2);
    assert_eq!(transform.answer(given).await.unwrap(), first);
}

#[tokio::test]
async fn records_that_share_an_id_are_refused_together() {
    let given = event([("1", &br#"{"id":1}"#[..]), ("2", br#"{"id":2}"#), ("1", br#"{"id":3}"#)]);
    assert_eq!(
        said(&plain(orders()).answer(given).await.unwrap()),
        [entry("1", "ProcessingFailed", "{\"id\":1}"), entry("2", "Ok", "{\"id\":2}\n")]
    );
}

struct Down;

#[async_trait]
impl Transform for Down {
    fn name(&self) -> &str {
        "look-up"
    }

    fn version(&self) -> &str {
        "1"
    }

    async fn apply(&self, _: Records) -> Result<Records> {
        Err(Error::new(ErrorKind::Unavailable, "the register is down"))
    }
}

#[tokio::test]
async fn a_step_that_is_down_fails_the_call_and_no_record() {
    let transform = plain(orders().transform(Down).retry(Retry::never()));
    let error = transform.answer(event([("1", &b"{}"[..])])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_step_that_panics_costs_its_record_alone() {
    let transform = plain(orders().transform(map("fragile", "1", |body| {
        assert!(!body.ends_with(b"13}"), "bad luck");
        body.to_vec()
    })));
    let answer =
        transform.answer(event([("1", &br#"{"id":12}"#[..]), ("2", br#"{"id":13}"#)])).await.unwrap();
    assert_eq!(
        said(&answer),
        [entry("1", "Ok", "{\"id\":12}\n"), entry("2", "ProcessingFailed", "{\"id\":13}")]
    );
}

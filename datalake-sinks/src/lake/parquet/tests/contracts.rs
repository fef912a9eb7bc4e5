//! What becomes of values that do not fit.

use datalake_core::ErrorKind;

use super::{lake, read, sink, types, written};
use crate::lake::{Contract, ParquetSettings, Schema};

fn orders() -> Schema {
    r#"{"id":"int64","price":"decimal(6,2)","customer":{"name":"text"},"tags":["text"]}"#.parse().unwrap()
}

const GOOD: &str = r#"{"id":1,"price":9999.50,"customer":{"name":"A"},"tags":["x"]}"#;

/// Records that do not fit into the columns of an order, where, and the value.
const BAD: [(&str, &str, &str); 9] = [
    (r#"{"id":"one"}"#, "/id", "\"one\""),
    (r#"{"id":1.5}"#, "/id", "1.5"),
    (r#"{"id":9223372036854775808}"#, "/id", "9223372036854775808"),
    (r#"{"id":2,"price":0.305}"#, "/price", "0.305"),
    (r#"{"id":2,"price":10000}"#, "/price", "10000"),
    (r#"{"id":2,"customer":{"name":[]}}"#, "/customer/name", "[]"),
    (r#"{"id":2,"customer":{"name":"B","e/mail":"x"}}"#, "/customer/e~1mail", "\"x\""),
    (r#"{"id":2,"tags":["x",5]}"#, "/tags/1", "5"),
    (r#"{"id":2,"new":{"a" : 1}}"#, "/new", r#"{"a" : 1}"#),
];

#[tokio::test]
async fn a_record_that_does_not_fit_goes_to_quarantine_alone() {
    let lake = lake();
    let sink = sink(&lake, ParquetSettings::new().schema(orders()).contract(Contract::QuarantineRow));
    for (number, (bad, path, _)) in (1..).zip(BAD) {
        let receipt = written(&*sink, number, &[GOOD, bad, GOOD]).await.unwrap();
        assert_eq!(read(&lake, &receipt).await, [GOOD, GOOD], "{bad}");
        let refused: Vec<_> = receipt.refused.iter().map(|refused| refused.index).collect();
        assert_eq!(refused, [1], "{bad}");
        let error = &receipt.refused[0].error;
        assert_eq!((&*error.reason, error.path.as_deref()), ("schema", Some(path)), "{error}");
    }
}

#[tokio::test]
async fn a_frozen_schema_stops_the_pipeline_and_names_the_record() {
    let lake = lake();
    let sink = sink(&lake, ParquetSettings::new().schema(orders()).contract(Contract::Freeze));
    for (bad, path, _) in BAD {
        let error = written(&*sink, 7, &[GOOD, bad]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RecordInvalid);
        let text = format!("{error:?} {error}");
        assert!(!error.is_retryable() && text.contains("things/7/1") && text.contains(path), "{text}");
    }
    let receipt = written(&*sink, 7, &[GOOD, GOOD]).await.unwrap();
    assert_eq!(read(&lake, &receipt).await, [GOOD, GOOD]);
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_kept_beside_its_record() {
    let lake = lake();
    let sink = sink(&lake, ParquetSettings::new().schema(orders()).contract(Contract::QuarantineValue));
    for (number, (bad, path, value)) in (1..).zip(BAD) {
        let receipt = written(&*sink, number, &[GOOD, bad]).await.unwrap();
        assert!(receipt.refused.is_empty());
        let found = read(&lake, &receipt).await;
        assert_eq!(found[0], GOOD);
        assert!(
            found[1].ends_with(&format!("\"_lake_rescued\":{{\"{path}\":{value}}}}}")),
            "{bad}: {}",
            found[1]
        );
    }
    let receipt = written(&*sink, 20, &[r#"{"id":true,"x":"y","price":1}"#]).await.unwrap();
    assert_eq!(
        read(&lake, &receipt).await,
        [r#"{"price":1.00,"_lake_rescued":{"/id":true,"/x":"y"}}"#],
        "several of one record"
    );
}

#[tokio::test]
async fn a_schema_evolves_from_batch_to_batch_and_never_narrows() {
    let lake = lake();
    let sink = sink(&lake, ParquetSettings::new());
    let steps = [
        (r#"{"a":1}"#, r#"{"a":"int64"}"#),
        (r#"{"b":"2026-11-26"}"#, r#"{"a":"int64","b":"date"}"#),
        (r#"{"a":2.5,"c":null}"#, r#"{"a":"decimal(38,1)","b":"date","c":"null"}"#),
        (r#"{"c":{"d":1}}"#, r#"{"a":"decimal(38,1)","b":"date","c":{"d":"int64"}}"#),
        (
            r#"{"b":"soon","c":{"e":[1]}}"#,
            r#"{"a":"decimal(38,1)","b":"text","c":{"d":"int64","e":["int64"]}}"#,
        ),
        (r#"{"c":5}"#, r#"{"a":"decimal(38,1)","b":"text","c":"json"}"#),
        (r#"{"a":3}"#, r#"{"a":"decimal(38,1)","b":"text","c":"json"}"#),
    ];
    for (number, (line, columns)) in (1..).zip(steps) {
        let receipt = written(&*sink, number, &[line]).await.unwrap();
        let found = types(&lake, &receipt).await;
        assert_eq!(found.replace("decimal(18,1)", "decimal(38,1)"), columns, "{line}");
    }
}

#[tokio::test]
async fn the_first_batch_decides_where_no_schema_is_given() {
    let lake = lake();
    let sink = sink(&lake, ParquetSettings::new().contract(Contract::QuarantineRow));
    let first = written(&*sink, 1, &[r#"{"a":1}"#, r#"{"a":2}"#]).await.unwrap();
    assert!(first.refused.is_empty());
    let second = written(&*sink, 2, &[r#"{"a":3}"#, r#"{"a":"x"}"#, r#"{"b":1}"#]).await.unwrap();
    assert_eq!(second.refused.iter().map(|refused| refused.index).collect::<Vec<_>>(), [1, 2]);
}

#[tokio::test]
async fn columns_without_end_do_not_make_a_file_without_end() {
    let lake = lake();
    let lines: Vec<_> = (0..4000).map(|n| format!("{{\"column{n}\":{n}}}")).collect();
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    let receipt = written(&*sink(&lake, ParquetSettings::new()), 1, &lines).await.unwrap();
    let found = read(&lake, &receipt).await;
    assert_eq!(found[2999], lines[2999]);
    assert_eq!(found[3999], r#"{"_lake_rescued":{"/column3999":3999}}"#);
}

#[tokio::test]
async fn the_names_of_the_lakes_own_columns_are_refused() {
    let lake = lake();
    let lines = [r#"{"_lake_batch":1}"#, r#"{"_lake":1,"_lake_x":2}"#, r#"{"_lake_rescued":{}}"#];
    let receipt = written(&*sink(&lake, ParquetSettings::new()), 1, &lines).await.unwrap();
    assert_eq!(receipt.refused.iter().map(|refused| refused.index).collect::<Vec<_>>(), [0, 2]);
    assert_eq!(read(&lake, &receipt).await, [lines[1]]);
}

#[test]
fn a_schema_that_is_none_is_refused() {
    for text in
        ["", "[]", "\"text\"", r#"{"a":"int"}"#, r#"{"a":[]}"#, r#"{"a":1}"#, r#"{"a":"decimal(39,0)"}"#]
    {
        assert!(
            text.parse::<Schema>().is_err_and(|error| error.kind() == ErrorKind::ConfigInvalid),
            "{text}"
        );
    }
}

//! Records that a sink may not like.

use std::sync::Arc;

use bytes::Bytes;

use super::SinkHarness;
use super::reading::{of, written};
use crate::format::Content;
use crate::record::Record;
use crate::testkit::case::{CaseResult, Failure, Outcome, ensure};
use crate::testkit::{batch, records};

/// Records that the sink must refuse are refused, each once and no other, wherever they are in the batch; the others
/// are written.
///
/// # Errors
/// The sink fails the case.
pub async fn refused_records_cost_no_other(harness: &dyn SinkHarness) -> CaseResult {
    let Some(bad) = harness.refused() else {
        return Ok(Outcome::Skipped("the sink takes everything"));
    };
    let sink = harness.open().await?;
    let all: Vec<usize> = (0..10).collect();
    let rows = [vec![0], vec![9], vec![4], vec![0, 4, 5, 9], all];
    for (number, expected) in (1..).zip(rows) {
        let body = |n| if expected.contains(&n) { bad.clone() } else { harness.body(n) };
        let batch = batch((0..10).map(body)).content(Content::Json).number(number).build()?;
        let receipt = written(harness, &*sink, &batch).await?;
        let mut refused: Vec<usize> = receipt.refused.iter().map(|refused| refused.index).collect();
        refused.sort_unstable();
        ensure!(refused == expected, "records {refused:?} are refused, not {expected:?}");
    }
    Ok(Outcome::Passed)
}

/// Values of every type, with line ends, without bytes, in letters of any script, and bytes that are no text: each is
/// written as it is or refused, and never fails the batch.
///
/// # Errors
/// The sink fails the case.
pub async fn odd_records_are_written_or_refused(harness: &dyn SinkHarness) -> CaseResult {
    let json = [
        "{}",
        "[]",
        "null",
        "true",
        "0",
        "-1.5e300",
        "\"\"",
        "{\n  \"pretty\": 1\r\n}",
        "[\n1,\n2\n]",
        " {\"a\": 1} ",
        r#"{"":0,"a b":{"c":[{}]}}"#,
        r#"{"text":"\u0000\n\t\"\\"}"#,
        "{\"text\":\"ä語🚂\u{2028}\"}",
        r#"{"_lake":{"b":"another/1","i":7}}"#,
        "{\"big\":12345678901234567890}",
    ];
    let opaque: [&[u8]; 7] =
        [b"", b"text", b"two\nlines\n", b"\r\n", b"\xff\xfe\0", b"{not json", b"a,b;\"c\""];
    let sink = harness.open().await?;
    let bodies = |bodies: &[&[u8]]| -> Vec<Bytes> {
        let odd = bodies.iter().map(|body| Bytes::copy_from_slice(body));
        [harness.body(0)].into_iter().chain(odd).chain([harness.body(1)]).collect()
    };
    let json: Vec<&[u8]> = json.iter().map(|body| body.as_bytes()).collect();
    let rows = [(1, bodies(&json), Content::Json), (2, bodies(&opaque), Content::Opaque)];
    for (number, bodies, content) in rows {
        let batch = batch(bodies).content(content).number(number).build()?;
        let doing = format!("writing odd records, {content:?}");
        let receipt = written(harness, &*sink, &batch).await.map_err(|failure| failure.during(&doing))?;
        let good = [0, batch.records.len() - 1];
        let refused = receipt.refused.iter().any(|refused| good.contains(&refused.index));
        ensure!(!(refused && content == Content::Json), "a good record between odd ones is refused");
    }
    Ok(Outcome::Passed)
}

/// A record of 12 MiB is written or refused; the others of its batch are written.
///
/// # Errors
/// The sink fails the case.
pub async fn very_large_record_costs_no_other(harness: &dyn SinkHarness) -> CaseResult {
    let sink = harness.open().await?;
    let large = Bytes::from(format!(r#"{{"n":1,"text":"{}"}}"#, "x".repeat(12 << 20)));
    let batch = batch([harness.body(0), large, harness.body(2)]).content(Content::Json).build()?;
    let receipt = written(harness, &*sink, &batch).await?;
    let others: Vec<_> = receipt.refused.iter().map(|refused| refused.index).filter(|n| *n != 1).collect();
    ensure!(others.is_empty(), "records {others:?} are refused for another");
    Ok(Outcome::Passed)
}

/// Records that came of one record keep their own ids.
///
/// # Errors
/// The sink fails the case.
pub async fn children_keep_their_ids(harness: &dyn SinkHarness) -> CaseResult {
    let sink = harness.open().await?;
    let mut family = records((0..5).map(|n| harness.body(n)));
    let mut n = 100;
    family.try_flat_map(|_| {
        n += 3;
        Ok((n..n + 3).map(|n| harness.body(n)).collect())
    });
    let mut batch = of(harness, 1, 0).build()?;
    batch.documents = Arc::clone(family.documents());
    let kept: Vec<Record> = family.iter().cloned().collect();
    batch.records = Arc::new(kept);
    let receipt = written(harness, &*sink, &batch)
        .await
        .map_err(|failure: Failure| failure.during("writing children"))?;
    let refused = receipt.refused.len();
    ensure!(refused == 0, "{refused} children are refused");
    Ok(Outcome::Passed)
}

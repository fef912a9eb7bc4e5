use datalake_core::ErrorKind;

use super::*;
use crate::kinesis::place::{Place, Places};

/// A position after the first of three records, last seen so many hours ago.
async fn after_the_first(kinesis: &Kinesis, hours: i64) -> Position {
    kinesis.create(STREAM, 1);
    let mut source = builder(&config(&kinesis.url()).await).batch_bytes(1).build().unwrap();
    for text in ["a", "b", "c"] {
        kinesis.put(STREAM, "k", text.as_bytes());
    }
    source.seek(None).await.unwrap();
    let Next::Batch(batch) = source.next_batch().await.unwrap() else { panic!("there is a record") };
    let mut places = Places::parse(&batch.position, STREAM).unwrap();
    for place in places.shards.values_mut() {
        let Place::After(after) = place else { panic!("{place:?}") };
        after.seen -= hours * 3_600_000;
    }
    places.position().unwrap()
}

#[tokio::test]
async fn records_that_have_fallen_out_of_the_stream_are_an_error_and_no_silent_gap() {
    let kinesis = Kinesis::start().unwrap();
    let position = after_the_first(&kinesis, 25).await;
    kinesis.trim(STREAM, 1);
    let mut strict = source(&kinesis).await;
    strict.seek(Some(&position)).await.unwrap();
    let error = strict.next_batch().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PositionInvalid, "{error}");

    let mut lenient = builder(&config(&kinesis.url()).await).over_gaps(true).build().unwrap();
    lenient.seek(Some(&position)).await.unwrap();
    assert_eq!(texts(&drain(&mut lenient).await.0), ["c"]);
}

#[tokio::test]
async fn a_place_that_is_still_there_is_no_gap_however_old() {
    let kinesis = Kinesis::start().unwrap();
    let position = after_the_first(&kinesis, 25).await;
    let mut source = source(&kinesis).await;
    source.seek(Some(&position)).await.unwrap();
    assert_eq!(texts(&drain(&mut source).await.0), ["b", "c"]);
}

#[tokio::test]
async fn a_quiet_stream_renews_its_position() {
    let kinesis = Kinesis::start().unwrap();
    let position = after_the_first(&kinesis, 2).await;
    let mut first = source(&kinesis).await;
    first.seek(Some(&position)).await.unwrap();
    let (_, end) = drain(&mut first).await;
    let mut places = Places::parse(&end.unwrap(), STREAM).unwrap();
    for place in places.shards.values_mut() {
        let Place::After(after) = place else { panic!("{place:?}") };
        after.seen -= 2 * 3_600_000;
    }
    let mut second = source(&kinesis).await;
    second.seek(Some(&places.position().unwrap())).await.unwrap();
    let (found, renewed) = drain(&mut second).await;
    assert!(found.is_empty());
    let renewed = renewed.expect("the position is renewed");
    let mut third = source(&kinesis).await;
    third.seek(Some(&renewed)).await.unwrap();
    assert_eq!(drain(&mut third).await, (Vec::new(), None), "it is not renewed before an hour has gone");
}

#[tokio::test]
async fn the_position_of_another_stream_is_refused() {
    let kinesis = Kinesis::start().unwrap();
    let mut source = source(&kinesis).await;
    let other = Places::new("others").position().unwrap();
    assert_eq!(source.seek(Some(&other)).await.unwrap_err().kind(), ErrorKind::PositionInvalid);
}

use datalake_core::ErrorKind;

use super::*;

const ONE: &str = "{\"n\":1}";
const TWO: &str = "{\"n\":\"two\"}";
const THREE: &str = "{\"n\":3}";
const FOUR: &str = "{\"n\":4}";

/// Two commits, of which the first has a record in quarantine; then that record is replayed, and all is rebuilt.
struct Remade {
    filled: Filled,
    lane: Lane,
}

impl Remade {
    async fn new() -> Self {
        let filled = Filled::new();
        let mut lane = filled.lane("a");
        lane.strict = true;
        lane.commits(&[ONE, TWO]).await;
        lane.commits(&[THREE]).await;
        lane.strict = false;
        Self { filled, lane }
    }

    async fn replay(&self) {
        assert_eq!(self.lane.pipeline().replay(&self.filled.lake).await.unwrap().commits, 1);
    }

    async fn rebuild(&self) {
        assert!(self.lane.pipeline().rebuild(&self.filled.lake).await.unwrap().commits > 0);
    }

    async fn read(&self, from: Option<&Position>) -> (Vec<String>, Option<Position>) {
        read(&self.filled.source(Zone::Curated), from).await
    }
}

#[tokio::test]
async fn a_replay_is_given_and_a_rebuild_is_not_given_again() {
    let remade = Remade::new().await;
    let (found, position) = remade.read(None).await;
    assert_eq!(found, [ONE, THREE]);
    remade.replay().await;
    let (found, position) = remade.read(position.as_ref()).await;
    assert_eq!(found, [TWO]);
    remade.rebuild().await;
    remade.lane.commits(&[FOUR]).await;
    assert_eq!(remade.read(position.as_ref()).await.0, [FOUR]);
    let (raw, _) = read(&remade.filled.source(Zone::Raw), None).await;
    assert_eq!(raw, [ONE, TWO, THREE, FOUR], "the raw zone never changes");
}

#[tokio::test]
async fn what_is_superseded_and_still_there_is_read_as_it_was_written() {
    let remade = Remade::new().await;
    remade.replay().await;
    remade.rebuild().await;
    assert_eq!(remade.read(None).await.0, [ONE, THREE, TWO]);
}

#[tokio::test]
async fn a_lane_whose_objects_are_gone_is_read_as_it_stands_each_record_once() {
    let remade = Remade::new().await;
    remade.replay().await;
    remade.rebuild().await;
    remade.filled.clean().await;
    let (found, position) = remade.read(None).await;
    assert_eq!(found, [ONE, TWO, THREE]);
    remade.lane.commits(&[FOUR]).await;
    assert_eq!(remade.read(position.as_ref()).await.0, [FOUR]);
}

#[tokio::test]
async fn reading_as_it_stands_goes_on_in_the_middle() {
    let remade = Remade::new().await;
    remade.replay().await;
    remade.rebuild().await;
    remade.filled.clean().await;
    let builder = remade.filled.source(Zone::Curated).batch_bytes(1);
    let mut source = builder.clone().build().unwrap();
    source.seek(None).await.unwrap();
    let batches = drain(&mut source).await;
    assert!(batches.len() > 2);
    for n in 0..batches.len() {
        let (rest, _) = read(&builder, Some(&batches[n].position)).await;
        assert_eq!([bodies(&batches[..=n]), rest].concat(), [ONE, TWO, THREE], "after {n}");
    }
}

#[tokio::test]
async fn only_what_was_not_read_before_is_given_of_a_lane_as_it_stands() {
    let remade = Remade::new().await;
    let (found, position) = remade.read(None).await;
    assert_eq!(found, [ONE, THREE]);
    remade.lane.commits(&[FOUR]).await;
    remade.rebuild().await;
    remade.filled.clean().await;
    assert_eq!(remade.read(position.as_ref()).await.0, [FOUR]);
}

#[tokio::test]
async fn a_replay_that_is_gone_is_an_error_and_not_a_guess() {
    let remade = Remade::new().await;
    let (_, position) = remade.read(None).await;
    remade.replay().await;
    remade.rebuild().await;
    remade.filled.clean().await;
    let mut source = remade.filled.source(Zone::Curated).build().unwrap();
    source.seek(position.as_ref()).await.unwrap();
    let error = source.next_batch().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PositionInvalid, "{error}");
}

#[tokio::test]
async fn an_object_that_counts_and_is_missing_is_damage() {
    let filled = Filled::new();
    filled.lane("a").commits(&[ONE]).await;
    let object = filled.lake.objects(&orders(), Zone::Curated).await.unwrap().remove(0);
    filled.lake.store().delete(&object.location).await.unwrap();
    let mut source = filled.source(Zone::Curated).build().unwrap();
    assert_eq!(source.next_batch().await.unwrap_err().kind(), ErrorKind::Corrupt);
}

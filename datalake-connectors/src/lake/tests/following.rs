use datalake_core::ErrorKind;

use super::*;

#[tokio::test]
async fn lanes_take_turns_and_new_ones_are_found() {
    let filled = Filled::new();
    let (a, b) = (filled.lane("a"), filled.lane("b"));
    a.commits(&["{\"n\":1}"]).await;
    a.commits(&["{\"n\":2}"]).await;
    b.commits(&["{\"n\":3}"]).await;
    for zone in [Zone::Raw, Zone::Curated] {
        let (found, _) = read(&filled.source(zone), None).await;
        assert_eq!(found, ["{\"n\":1}", "{\"n\":3}", "{\"n\":2}"], "{zone}");
    }
    let (_, position) = read(&filled.source(Zone::Raw), None).await;
    filled.lane("c").commits(&["{\"n\":4}"]).await;
    b.commits(&["{\"n\":5}"]).await;
    let (found, position) = read(&filled.source(Zone::Raw), position.as_ref()).await;
    assert_eq!(found, ["{\"n\":5}", "{\"n\":4}"]);
    let (found, _) = read(&filled.source(Zone::Raw), position.as_ref()).await;
    assert_eq!(found, [""; 0]);
    let only = filled.source(Zone::Raw).pipeline("b".parse().unwrap());
    assert_eq!(read(&only, None).await.0, ["{\"n\":3}", "{\"n\":5}"]);
}

#[tokio::test]
async fn another_dataset_of_the_same_pipelines_is_not_read() {
    let filled = Filled::new();
    filled.lane("a").commits(&["{\"n\":1}"]).await;
    let other = LakeSource::builder(&filled.lake, Zone::Raw, Dataset::new("returns").unwrap());
    assert_eq!(read(&other, None).await.0, [""; 0]);
}

#[tokio::test]
async fn many_commits_without_anything_to_read_move_the_position() {
    let filled = Filled::new();
    let lane = filled.lane("a");
    for n in 0..101 {
        lane.commits(&[&format!("{{\"n\":{n}}}")]).await;
    }
    let other = LakeSource::builder(&filled.lake, Zone::Raw, Dataset::new("returns").unwrap());
    let mut source = other.build().unwrap();
    let batches = drain(&mut source).await;
    let [batch] = &batches[..] else { panic!("one batch, without documents") };
    assert!(batch.documents.is_empty());
    assert_eq!(batch.position.state()["lanes"]["a"]["seq"], 101);
}

#[tokio::test]
async fn a_position_of_another_lake_or_zone_is_refused() {
    let (one, other) = (Filled::new(), Filled::new());
    for filled in [&one, &other] {
        filled.lane("a").commits(&["{\"n\":1}"]).await;
    }
    let (_, position) = read(&one.source(Zone::Raw), None).await;
    for builder in [other.source(Zone::Raw), one.source(Zone::Curated), Filled::new().source(Zone::Raw)] {
        let error = builder.build().unwrap().seek(position.as_ref()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PositionInvalid, "{error}");
    }
}

#[tokio::test]
async fn a_pipeline_that_writes_back_into_what_it_reads_does_not_read_itself() {
    let filled = Filled::new();
    filled.lane("a").commits(&["{\"n\":1}", "{\"n\":2}"]).await;
    let sink = LakeSink::builder(&filled.lake).without_raw().build();
    for records in [2, 0] {
        let source = filled.source(Zone::Curated).build().unwrap();
        let mut own = Pipeline::builder("own").source(source).lake(&sink).build().unwrap();
        assert_eq!(own.drain(Default::default()).await.unwrap().counts.read, records);
    }
}

#[tokio::test]
async fn the_quarantine_is_no_source() {
    let error = Filled::new().source(Zone::Quarantine).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

//! Documents whose records only a decoder can tell, and what the silo says of documents beside their bytes.

use std::ops::Range;

use datalake_core::lake::{Lake, QuarantineLine, Zone};
use datalake_core::pipeline::{Budget, PipelineBuilder};
use datalake_core::split::{Decoder, Piece};
use datalake_core::{Content, Cut, Document, ErrorKind, Format, RecordError, Transform};
use serde_json::{Value, json};

use super::cases::{Names, Told, curated, read};
use super::{Refuse, lake, pipeline, verify};

/// Words between semicolons, upside down; a word with a digit is an error.
#[derive(Debug)]
struct Backwards;

impl Decoder for Backwards {
    fn name(&self) -> &str {
        "test.backwards"
    }

    fn decode(&self, document: &Document, settings: &Value, piece: &mut dyn FnMut(Piece)) {
        let name = settings["name"].as_str().unwrap_or_default();
        let whole: Range<usize> = 0..document.len();
        for word in document.bytes().split(|&byte| byte == b';') {
            let word: String = String::from_utf8_lossy(word).chars().rev().collect();
            if word.contains(char::is_numeric) {
                piece(Piece::error(whole.clone(), RecordError::new("digit", format!("{word} has a digit"))));
            } else {
                piece(Piece::new(whole.clone(), json!({ name: word }).to_string(), Content::Json));
            }
        }
    }
}

fn backwards(text: &'static str) -> Document {
    let settings = json!({ "name": "word" });
    let format = Format::Decoded { decoder: "test.backwards".into(), settings, cut: Cut::Whole };
    Document::new(text, "memory:///input", format)
}

fn decoded(lake: &Lake, documents: impl IntoIterator<Item = Document>) -> PipelineBuilder {
    pipeline(lake, documents).decoder(Backwards)
}

async fn quarantined(lake: &Lake) -> Vec<QuarantineLine> {
    let lines = read(lake, Zone::Quarantine).await;
    lines
        .split(|&b| b == b'\n')
        .filter(|l| !l.is_empty())
        .map(|l| QuarantineLine::parse(l).unwrap())
        .collect()
}

#[tokio::test]
async fn a_decoder_makes_the_records_and_the_raw_zone_keeps_the_document() {
    let lake = lake();
    let mut pipeline = decoded(&lake, [backwards("eno;owt"), backwards("eerht")]).build().unwrap();
    let report = pipeline.drain(Budget::unlimited()).await.unwrap();
    assert_eq!((report.counts.read, report.counts.written), (3, 3));
    assert_eq!(curated(&lake).await, [r#"{"word":"one"}"#, r#"{"word":"two"}"#, r#"{"word":"three"}"#]);
    assert_eq!(read(&lake, Zone::Raw).await, "eno;owteerht");
    for lake in [&lake, pipeline.lake().unwrap()] {
        let trace = lake.trace(&"things/1/1".parse().unwrap()).await.unwrap();
        assert_eq!((trace.raw.unwrap(), trace.length), ("eno;owt".into(), 7));
    }
    assert_eq!(pipeline.rebuild(&lake).await.unwrap().counts.written, 3);
    assert_eq!(curated(&lake).await.len(), 3);
    verify(&lake).await;
}

#[tokio::test]
async fn refused_records_of_one_document_share_its_bytes_and_are_replayed_each() {
    let lake = lake();
    let documents = || [backwards("dab;eno;2x;dab;owt"), backwards("dab")];
    let mut first = decoded(&lake, documents()).transform(Refuse("bad")).build().unwrap();
    let report = first.drain(Budget::unlimited()).await.unwrap();
    assert_eq!((report.counts.written, report.counts.quarantined), (2, 4));
    let mut lines = quarantined(&lake).await;
    lines.sort_by_key(|line| line.id.ordinal);
    assert_eq!(lines.iter().map(|line| line.id.ordinal).collect::<Vec<_>>(), [0, 2, 3, 5]);
    let with_bytes: Vec<_> = lines.iter().filter(|line| line.bytes_with.is_none()).collect();
    assert_eq!(with_bytes.len(), 2, "one a document");
    assert_eq!(with_bytes[0].bytes().unwrap(), "dab;eno;2x;dab;owt");
    assert!(lines.iter().any(|line| line.bytes().is_err()));

    let mut mended = decoded(&lake, []).transform(Refuse("")).build().unwrap();
    let report = mended.replay(&lake).await.unwrap();
    assert_eq!((report.counts.read, report.counts.written, report.counts.quarantined), (4, 3, 1));
    let mut words = curated(&lake).await;
    words.sort();
    let bad = r#"{"word":"bad"}"#;
    assert_eq!(words, [bad, bad, bad, r#"{"word":"one"}"#, r#"{"word":"two"}"#]);
    let left = quarantined(&lake).await;
    assert_eq!((left.len(), left[0].id.ordinal, &*left[0].error.reason), (1, 2, "digit"));
    assert_eq!(left[0].bytes().unwrap(), "dab;eno;2x;dab;owt");
    verify(&lake).await;
}

#[tokio::test]
async fn records_made_from_the_same_bytes_have_names_of_their_own_which_a_replay_keeps() {
    let documents = || [backwards("eno"), backwards("dab;owt;dab;eno"), backwards("dab")];
    let names = async |word, replay| {
        let (lake, told) = (lake(), Told::default());
        let made = decoded(&lake, documents()).transform(Refuse(word)).sink(Names::new(&told));
        made.build().unwrap().drain(Budget::unlimited()).await.unwrap();
        if replay {
            let mended = decoded(&lake, []).transform(Refuse("")).sink(Names::new(&told));
            assert_eq!(mended.build().unwrap().replay(&lake).await.unwrap().counts.written, 3);
        }
        let mut names = told.lock().unwrap().clone();
        names.sort();
        names
    };
    let (at_once, later) = (names("", false).await, names("bad", true).await);
    assert_eq!(at_once, later);
    let mut ids: Vec<_> = at_once.into_iter().map(|(id, _)| id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 6);
}

#[tokio::test]
async fn a_document_without_its_decoder_waits_in_quarantine() {
    let lake = lake();
    let mut without = pipeline(&lake, [backwards("eno;owt")]).build().unwrap();
    assert_eq!(without.drain(Budget::unlimited()).await.unwrap().counts.quarantined, 1);
    assert_eq!(quarantined(&lake).await[0].error.reason, "decoder");
    let mut with = decoded(&lake, []).build().unwrap();
    assert_eq!(with.rebuild(&lake).await.unwrap().counts.written, 2);
    verify(&lake).await;
}

fn by_lines(text: &'static str) -> Document {
    let settings = json!({ "name": "word" });
    let format = Format::Decoded { decoder: "test.backwards".into(), settings, cut: Cut::Lines };
    Document::new(text, "memory:///input", format)
}

#[tokio::test]
async fn nothing_is_remade_by_a_worker_without_the_decoder() {
    let lake = lake();
    let made = decoded(&lake, [backwards("eno;dab;owt"), backwards("dab")]).transform(Refuse("bad"));
    made.build().unwrap().drain(Budget::unlimited()).await.unwrap();
    let before = (curated(&lake).await, quarantined(&lake).await.len());
    assert_eq!((before.0.len(), before.1), (2, 2));
    let mut without = pipeline(&lake, []).build().unwrap();
    for refused in [without.replay(&lake).await, without.rebuild(&lake).await] {
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("no decoder"), "{error}");
    }
    assert_eq!((curated(&lake).await, quarantined(&lake).await.len()), before);
    let mut with = decoded(&lake, []).build().unwrap();
    assert_eq!(with.replay(&lake).await.unwrap().counts.written, 2);
    assert_eq!(curated(&lake).await.len(), 4);
    verify(&lake).await;
}

#[tokio::test]
async fn a_batch_that_cannot_be_remade_costs_no_other_anything() {
    let lake = lake();
    let json = || Document::new("{\"word\":\"bad\"}\n{\"word\":\"one\"}", "memory:///input", Format::Ndjson);
    let documents = [backwards("dab;owt"), json(), backwards("dab;owt"), json()];
    let mut made = decoded(&lake, documents).transform(Refuse("bad")).target_bytes(1).build().unwrap();
    let report = made.drain(Budget::unlimited()).await.unwrap();
    assert_eq!((report.commits, report.counts.written, report.counts.quarantined), (4, 4, 4));
    let mut without = pipeline(&lake, []).build().unwrap();
    let error = without.replay(&lake).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let said = error.to_string();
    assert!(said.contains("batch: 1,"), "{said}");
    assert!(said.contains("batches_left: 2") && said.contains("batches_done: 2"), "{said}");
    assert_eq!((curated(&lake).await.len(), quarantined(&lake).await.len()), (6, 2));
    assert!(without.rebuild(&lake).await.unwrap_err().to_string().contains("batches_done: 2"));
    assert_eq!(decoded(&lake, []).build().unwrap().replay(&lake).await.unwrap().counts.written, 2);
    assert_eq!((curated(&lake).await.len(), quarantined(&lake).await.len()), (8, 0));
    verify(&lake).await;
}

#[tokio::test]
async fn documents_that_give_other_records_than_they_did_are_not_replayed_but_rebuilt() {
    for of in [backwards, by_lines] {
        let lake = lake();
        let mut without = pipeline(&lake, [of("eno;owt;eerht"), of("ruof;evif")]).build().unwrap();
        assert_eq!(without.drain(Budget::unlimited()).await.unwrap().counts.quarantined, 2);
        let mut with = decoded(&lake, []).build().unwrap();
        let error = with.replay(&lake).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("use rebuild"), "{error}");
        assert_eq!((curated(&lake).await.len(), quarantined(&lake).await.len()), (0, 2));
        assert_eq!(with.rebuild(&lake).await.unwrap().counts.written, 5);
        assert_eq!((curated(&lake).await.len(), quarantined(&lake).await.len()), (5, 0));
        verify(&lake).await;
    }
}

#[tokio::test]
async fn what_the_silo_said_of_a_document_is_in_its_lineage_and_there_for_transforms() {
    let lake = lake();
    let message = |topic: &str| {
        let properties = json!({ "topic": topic, "qos": 1 });
        Document::new("{}", "memory:///input", Format::Json)
            .with_properties(properties.as_object().unwrap().clone())
    };
    let plain = Document::new("{}", "memory:///input", Format::Json);
    struct Topic;
    #[datalake_core::async_trait]
    impl Transform for Topic {
        fn name(&self) -> &str {
            "topic"
        }
        fn version(&self) -> &str {
            "1"
        }
        async fn apply(
            &self,
            mut records: datalake_core::Records,
        ) -> datalake_core::Result<datalake_core::Records> {
            let topics: Vec<_> =
                records.iter().map(|r| records.document_of(r).properties().cloned()).collect();
            let mut topics = topics.into_iter();
            records.try_map(|record| {
                let topic = topics.next().flatten().map(|properties| properties["topic"].clone());
                Ok(record.with_body(json!({ "topic": topic }).to_string()))
            });
            Ok(records)
        }
    }
    let documents = [message("a"), plain, message("b")];
    let mut run = pipeline(&lake, documents).transform(Topic).target_bytes(1 << 20).build().unwrap();
    run.drain(Budget::unlimited()).await.unwrap();
    let expected = [r#"{"topic":"a"}"#, r#"{"topic":null}"#, r#"{"topic":"b"}"#];
    assert_eq!(curated(&lake).await, expected);
    run.rebuild(&lake).await.unwrap();
    assert_eq!(curated(&lake).await, expected);
    let trace = async |id: &str| lake.trace(&id.parse().unwrap()).await.unwrap().properties;
    assert_eq!(trace("things/1/2").await.unwrap()["topic"], "b");
    assert!(trace("things/1/1").await.is_none());
    verify(&lake).await;
}

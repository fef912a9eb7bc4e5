//! A lake written by pipelines and read back, wherever it is.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use datalake_core::codec::Compression;
use datalake_core::lake::{Lake, Zone, clean, stamp};
use datalake_core::ledger::Ledger;
use datalake_core::pipeline::{Budget, PipelineBuilder};
use datalake_core::store::PutOptions;
use datalake_core::testkit::VecSource;
use datalake_core::{
    Batch, Content, Dataset, Document, Format, Pipeline, PipelineId, Receipt, RecordError, RecordId, Records,
    Sink, SinkInfo, Transform, async_trait,
};
use futures::TryStreamExt;

use super::place::Place;
use crate::lake::{LakeSink, Partition};

/// Refuses records that hold a word, as long as it is told to.
pub(super) struct Refuse(pub(super) &'static str);

#[async_trait]
impl Transform for Refuse {
    fn name(&self) -> &str {
        "refuse"
    }

    fn version(&self) -> &str {
        "1"
    }

    async fn apply(&self, mut records: Records) -> datalake_core::Result<Records> {
        let word = self.0;
        records.try_map(|record| match std::str::from_utf8(record.body()) {
            Ok(text) if !word.is_empty() && text.contains(word) => Err(RecordError::new("refused", word)),
            _ => Ok(record),
        });
        Ok(records)
    }
}

/// Makes two records of each.
pub(super) struct Twice;

#[async_trait]
impl Transform for Twice {
    fn name(&self) -> &str {
        "twice"
    }

    fn version(&self) -> &str {
        "1"
    }

    async fn apply(&self, mut records: Records) -> datalake_core::Result<Records> {
        records.try_flat_map(|record| Ok(vec![record.body().clone(), record.body().clone()]));
        Ok(records)
    }
}

/// Remembers by which name it was given which record.
pub(super) struct Names {
    info: SinkInfo,
    names: Told,
}

/// Names and records.
pub(super) type Told = Arc<std::sync::Mutex<Vec<(String, Bytes)>>>;

impl Names {
    pub(super) fn new(names: &Told) -> Self {
        Self { info: SinkInfo::new("names"), names: Arc::clone(names) }
    }
}

#[async_trait]
impl Sink for Names {
    fn info(&self) -> &SinkInfo {
        &self.info
    }

    async fn write(&self, batch: &Batch) -> datalake_core::Result<Receipt> {
        let named = batch.records.iter().map(|record| (batch.event_id(record), record.body().clone()));
        self.names.lock().unwrap().extend(named);
        Ok(Receipt::default())
    }
}

pub(super) fn things() -> Dataset {
    Dataset::new("things").unwrap()
}

pub(super) fn ndjson(text: &'static str) -> Document {
    Document::new(text, "memory:///input", Format::Ndjson)
}

pub(super) fn pipeline(lake: &Lake, documents: impl IntoIterator<Item = Document>) -> PipelineBuilder {
    Pipeline::builder("things").source(VecSource::new(documents)).lake(&LakeSink::builder(lake).build())
}

pub(super) async fn read(lake: &Lake, zone: Zone) -> Bytes {
    let parts: Vec<Bytes> = lake.read(&things(), zone).await.unwrap().try_collect().await.unwrap();
    parts.concat().into()
}

pub(super) async fn curated(lake: &Lake) -> Vec<String> {
    let lines = read(lake, Zone::Curated).await;
    let lines = std::str::from_utf8(&lines).unwrap().lines();
    lines.map(|line| String::from_utf8(stamp::read(line.as_bytes()).unwrap().0).unwrap()).collect()
}

pub(super) async fn verify(lake: &Lake) {
    for pipeline in lake.pipelines().await.unwrap() {
        let verified = lake.verify(&pipeline).await.unwrap();
        assert!(verified.is_whole(), "{:?}", verified.problems);
    }
}

pub(super) async fn documents_come_back_byte_exact_and_records_stamped(place: &Place) {
    let texts = ["{\"a\":0.30}\r\n\r\n{\"b\": 12345678901234567890 }\n", "{}\n[1,2]", "\u{feff}"];
    for codec in [Compression::None, Compression::Zstd, Compression::Gzip] {
        let lake = place.lake().await;
        let landing = LakeSink::builder(&lake).raw_compression(codec, 3).compression(codec, 3).build();
        let source = VecSource::new(texts.map(ndjson));
        let mut pipeline = Pipeline::builder("things").source(source).lake(&landing).build().unwrap();
        let report = pipeline.drain(Budget::unlimited()).await.unwrap();
        assert_eq!((report.counts.read, report.counts.written), (4, 4));
        assert_eq!(read(&lake, Zone::Raw).await, texts.concat());
        let lines = ["{\"a\":0.30}", "{\"b\": 12345678901234567890 }", "{}", "{\"value\":[1,2]}"];
        assert_eq!(curated(&lake).await, lines);
        verify(&lake).await;
    }
}

pub(super) async fn a_broken_record_goes_to_quarantine_and_costs_no_other_anything(place: &Place) {
    let lake = place.lake().await;
    let mut pipeline = pipeline(&lake, [ndjson("{\"a\":1}\n{\"a\":\n{\"a\":3}\n")]).build().unwrap();
    let report = pipeline.drain(Budget::unlimited()).await.unwrap();
    assert_eq!((report.counts.read, report.counts.written, report.counts.quarantined), (3, 2, 1));
    assert_eq!(curated(&lake).await, ["{\"a\":1}", "{\"a\":3}"]);
    let line = read(&lake, Zone::Quarantine).await;
    let line = datalake_core::lake::QuarantineLine::parse(line.trim_ascii()).unwrap();
    assert_eq!((line.id.to_string().as_str(), line.offset, line.length), ("things/1/1", 8, 5));
    assert_eq!(line.error.reason, "json");
    assert_eq!(line.bytes().unwrap(), "{\"a\":");
    verify(&lake).await;
}

pub(super) async fn a_second_run_takes_only_what_is_new(place: &Place) {
    let lake = place.lake().await;
    let source = VecSource::new([ndjson("{\"n\":1}\n")]);
    let silo = source.silo();
    let run = |source: VecSource| async {
        let landing = LakeSink::builder(&lake).build();
        let mut pipeline = Pipeline::builder("things").source(source).lake(&landing).build().unwrap();
        pipeline.drain(Budget::unlimited()).await.unwrap()
    };
    let again = source.reopen();
    assert_eq!(run(source).await.counts.read, 1);
    silo.push(ndjson("{\"n\":2}\n"));
    assert_eq!(run(again.reopen()).await.counts.read, 1);
    assert_eq!(run(again.reopen()).await.commits, 0);
    assert_eq!(curated(&lake).await, ["{\"n\":1}", "{\"n\":2}"]);
    verify(&lake).await;
}

pub(super) async fn a_record_is_traced_to_its_bytes_through_children_and_partitions(place: &Place) {
    let lake = place.lake().await;
    let landing = LakeSink::builder(&lake)
        .partition(Partition::day("/t").unwrap())
        .partition(Partition::field("r", "/r").unwrap())
        .build();
    let text = "{\"t\":\"2026-03-29T00:30:00+01:00\",\"r\":\"../x\"}\n{\"r\":\"eu\"}\n";
    let mut pipeline = Pipeline::builder("things")
        .source(VecSource::new([ndjson("{\"first\":1}\n"), ndjson(text)]))
        .lake(&landing)
        .transform(Twice)
        .build()
        .unwrap();
    pipeline.drain(Budget::unlimited()).await.unwrap();
    let objects = lake.objects(&things(), Zone::Curated).await.unwrap();
    let partitions: Vec<_> = objects.iter().filter_map(|object| object.partition.clone()).collect();
    let nowhere = "__HIVE_DEFAULT_PARTITION__";
    assert_eq!(
        partitions,
        [
            "dt=2026-03-28/r=%2E.%2Fx".to_owned(),
            format!("dt={nowhere}/r={nowhere}"),
            format!("dt={nowhere}/r=eu")
        ]
    );
    let id: RecordId = "things/1/1".parse().unwrap();
    let trace = lake.trace(&id).await.unwrap();
    assert_eq!(trace.raw.unwrap(), text.lines().next().unwrap());
    assert_eq!((trace.offset, trace.raw_offset), (0, 12));
    assert_eq!(trace.curated.len(), 2);
    assert_eq!(trace.curated[1].record.to_string(), "things/1/1.2");
    let names: Vec<_> = trace.envelope.hops.iter().map(|hop| hop.name.as_str()).collect();
    assert_eq!(names, ["parse", "twice"]);
    let child = lake.trace(&"things/1/2.1".parse().unwrap()).await.unwrap();
    assert_eq!(child.curated.len(), 1);
    assert!(lake.trace(&"things/1/9".parse().unwrap()).await.is_err());
    assert!(lake.trace(&"things/2/0".parse().unwrap()).await.is_err());
    verify(&lake).await;
}

pub(super) async fn quarantined_records_are_replayed_and_only_they(place: &Place) {
    let lake = place.lake().await;
    let text = "{\"n\":\"good\"}\n{\"n\":\"bad\"}\nbroken\n";
    let mut first =
        pipeline(&lake, [ndjson(text)]).transform(Refuse("bad")).transform(Twice).build().unwrap();
    let report = first.drain(Budget::unlimited()).await.unwrap();
    assert_eq!((report.counts.written, report.counts.quarantined), (2, 2));

    let mut mended = pipeline(&lake, []).transform(Refuse("")).transform(Twice).build().unwrap();
    let report = mended.replay(&lake).await.unwrap();
    assert_eq!((report.counts.read, report.counts.written, report.counts.quarantined), (2, 2, 1));
    assert_eq!(curated(&lake).await.iter().filter(|line| line.contains("bad")).count(), 2);
    let trace = lake.trace(&"things/1/1".parse().unwrap()).await.unwrap();
    assert_eq!(trace.curated.len(), 2);
    assert_eq!(trace.raw.unwrap(), "{\"n\":\"bad\"}");
    verify(&lake).await;

    let report = mended.replay(&lake).await.unwrap();
    assert_eq!((report.counts.read, report.counts.quarantined), (1, 1), "what is still broken stays");
    verify(&lake).await;
}

pub(super) async fn a_replayed_record_has_the_name_outside_of_the_lake_that_it_would_have_had(place: &Place) {
    let documents = || {
        let page = |id: &str| ndjson("{\"n\":1}\n{\"bad\":1}\n").with_id(id);
        [ndjson("{\"n\":0}\n{\"bad\":0}\n").at(70), page("a"), page("b")]
    };
    let names = async |word, replay| {
        let (lake, names) = (place.lake().await, Told::default());
        let made = pipeline(&lake, documents()).transform(Refuse(word)).sink(Names::new(&names));
        made.build().unwrap().drain(Budget::unlimited()).await.unwrap();
        if replay {
            let mut mended =
                pipeline(&lake, []).transform(Refuse("")).sink(Names::new(&names)).build().unwrap();
            assert_eq!(mended.replay(&lake).await.unwrap().counts.written, 3);
        }
        let mut names = names.lock().unwrap().clone();
        names.sort();
        names
    };
    let (at_once, later) = (names("", false).await, names("bad", true).await);
    assert_eq!(at_once.len(), 6);
    assert_eq!(at_once, later);
}

pub(super) async fn a_refused_child_is_replayed_without_its_siblings(place: &Place) {
    let lake = place.lake().await;
    let text = "{\"n\":\"x\"}\n";
    struct OneOfTwo;
    #[async_trait]
    impl Transform for OneOfTwo {
        fn name(&self) -> &str {
            "one-of-two"
        }
        fn version(&self) -> &str {
            "1"
        }
        async fn apply(&self, mut records: Records) -> datalake_core::Result<Records> {
            records.try_map(|record| match record.origin().child {
                2 => Err(RecordError::new("child", "no")),
                _ => Ok(record),
            });
            Ok(records)
        }
    }
    let mut first = pipeline(&lake, [ndjson(text)]).transform(Twice).transform(OneOfTwo).build().unwrap();
    let report = first.drain(Budget::unlimited()).await.unwrap();
    assert_eq!((report.counts.written, report.counts.quarantined, report.counts.expanded), (1, 1, 1));
    let mut mended = pipeline(&lake, []).transform(Twice).build().unwrap();
    let report = mended.replay(&lake).await.unwrap();
    assert_eq!((report.counts.read, report.counts.written, report.counts.expanded), (1, 1, 0));
    assert_eq!(curated(&lake).await.len(), 2);
    verify(&lake).await;
}

pub(super) async fn curated_is_rebuilt_from_raw_with_the_transforms_of_today(place: &Place) {
    let lake = place.lake().await;
    let documents = [ndjson("{\"n\":1}\n{\"n\":2}\nbad\n"), ndjson("{\"n\":3}\n")];
    let mut first = pipeline(&lake, documents).target_bytes(1).build().unwrap();
    assert_eq!(first.drain(Budget::unlimited()).await.unwrap().commits, 2);
    let before = curated(&lake).await;
    let mut changed = pipeline(&lake, []).transform(Twice).build().unwrap();
    let report = changed.rebuild(&lake).await.unwrap();
    assert_eq!((report.commits, report.counts.written, report.counts.quarantined), (2, 6, 1));
    let after = curated(&lake).await;
    let twice: Vec<_> = before.iter().flat_map(|line| [line.clone(), line.clone()]).collect();
    assert_eq!(after, twice);
    verify(&lake).await;

    let removed = clean(&lake, chrono::Utc::now(), Duration::ZERO, false).await.unwrap().removed;
    assert_eq!(removed.len(), 3, "two curated objects and one of the quarantine were replaced: {removed:?}");
    assert_eq!(curated(&lake).await, after);
    verify(&lake).await;
}

pub(super) async fn an_object_without_a_commit_is_invisible_and_cleaned_when_old(place: &Place) {
    let lake = place.lake().await;
    pipeline(&lake, [ndjson("{\"n\":1}\n")]).build().unwrap().drain(Budget::unlimited()).await.unwrap();
    let orphan = "curated/things/dt=2026-11-22/things-0000000002-x.ndjson";
    lake.store().put(orphan, "{\"n\":9}\n".into(), PutOptions::default()).await.unwrap();
    assert_eq!(curated(&lake).await, ["{\"n\":1}"]);
    let now = chrono::Utc::now();
    assert_eq!(clean(&lake, now, Duration::from_secs(3600), false).await.unwrap().spared, 1);
    assert_eq!(clean(&lake, now, Duration::ZERO, true).await.unwrap().removed, [orphan]);
    assert!(lake.store().head(orphan).await.is_ok(), "a dry run removes nothing");
    assert_eq!(clean(&lake, now, Duration::ZERO, false).await.unwrap().removed, [orphan]);
    assert!(lake.store().head(orphan).await.is_err());
    verify(&lake).await;
}

pub(super) async fn any_changed_entry_or_object_is_found(place: &Place) {
    let lake = place.lake().await;
    let documents = [ndjson("{\"n\":1}\nbad\n"), ndjson("{\"n\":2}\n"), ndjson("{\"n\":3}\n")];
    let mut pipeline = pipeline(&lake, documents).target_bytes(1).build().unwrap();
    pipeline.drain(Budget::unlimited()).await.unwrap();
    verify(&lake).await;
    let keys: Vec<_> = lake.store().list("", None).map_ok(|object| object.key).try_collect().await.unwrap();
    assert_eq!(keys.len(), 10, "3 raw, 3 curated, 1 quarantine, 3 entries: {keys:?}");
    let id = PipelineId::new("things").unwrap();
    for key in &keys {
        let good = lake.store().get(key).await.unwrap();
        for at in [0, good.len() / 2, good.len() - 1] {
            let mut bad = good.to_vec();
            bad[at] ^= 0x20;
            lake.store().put(key, bad.into(), PutOptions::default()).await.unwrap();
            assert!(!lake.verify(&id).await.unwrap().is_whole(), "{key} at {at}");
        }
        lake.store().delete(key).await.unwrap();
        let last = key.ends_with(&format!("{:020}.json", 3));
        assert!(last || !lake.verify(&id).await.unwrap().is_whole(), "{key} missing");
        lake.store().put(key, good.into(), PutOptions::default()).await.unwrap();
        verify(&lake).await;
    }
}

pub(super) async fn a_long_manifest_is_kept_beside_the_ledger(place: &Place) {
    let lake = place.lake().await;
    let lines: String = (0..3000).map(|n| format!("{{\"r\":\"{n}\"}}\n")).collect();
    let landing = LakeSink::builder(&lake).partition(Partition::field("r", "/r").unwrap()).build();
    let source = VecSource::new([Document::new(lines.clone(), "memory:///input", Format::Ndjson)]);
    let mut pipeline = Pipeline::builder("things").source(source).lake(&landing).build().unwrap();
    pipeline.drain(Budget::unlimited()).await.unwrap();
    let id = PipelineId::new("things").unwrap();
    let entry = lake.store().get("_ledger/things/commits/00000000000000000001.json").await.unwrap();
    assert!(entry.len() < 64 << 10, "{} bytes", entry.len());
    let head = lake.ledger().head(&id).await.unwrap().unwrap();
    assert_eq!(lake.ledger().manifest(&head.commit).await.unwrap().outputs.len(), 3000);
    assert_eq!(curated(&lake).await.len(), 3000);
    assert!(clean(&lake, chrono::Utc::now(), Duration::ZERO, false).await.unwrap().removed.is_empty());
    verify(&lake).await;
}

pub(super) async fn records_that_are_no_json_objects_are_wrapped(place: &Place) {
    let lake = place.lake().await;
    let documents = [
        Document::new("a\r\n\nb", "memory:///lines", Format::Lines),
        Document::new(&b"\xff\x00"[..], "memory:///picture", Format::Whole),
        Document::new("<a>\n</a>", "memory:///xml", Format::Whole),
        Document::new("[\n  {\"a\":\n 1}\n]", "memory:///array", Format::json_array()),
    ];
    pipeline(&lake, documents).build().unwrap().drain(Budget::unlimited()).await.unwrap();
    let expected = [
        "{\"text\":\"a\"}",
        "{\"text\":\"\"}",
        "{\"text\":\"b\"}",
        "{\"base64\":\"/wA=\"}",
        "{\"text\":\"<a>\\n</a>\"}",
        "{\"a\":  1}",
    ];
    assert_eq!(curated(&lake).await, expected);
    assert_eq!(Format::Lines.content(), Content::Opaque);
    verify(&lake).await;
}

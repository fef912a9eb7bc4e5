use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use datalake_core::codec::Compression;
use datalake_core::split::Decoders;
use datalake_core::store::{Created, LocalStore, MemoryStore, ObjectInfo, Payload, PutOptions};
use datalake_core::testkit::{Fault, FaultyStore, Fed, ManualClock, Op, SourceHarness};
use datalake_core::{Document, ErrorKind};
use futures::FutureExt;
use futures::stream::BoxStream;

use super::*;
use crate::files::{CsvDialect, FileFormat, Finished};

type Store = FaultyStore<MemoryStore>;

fn store() -> Store {
    FaultyStore::new(MemoryStore::new(), 1)
}

async fn put(store: &Store, key: &str, bytes: impl Into<Bytes>) {
    store.inner().put(key, bytes.into().into(), PutOptions::default()).await.unwrap();
}

fn builder(store: &Store, keys: &str) -> ObjectsSourceBuilder {
    ObjectsSource::builder("objects".parse().unwrap(), Arc::new(store.clone()), keys)
        .poll(Duration::from_millis(1))
}

fn source(store: &Store, keys: &str) -> ObjectsSource {
    builder(store, keys).build().unwrap()
}

/// Everything until the source is idle, and the position after it.
async fn drain(source: &mut ObjectsSource) -> (Vec<Document>, Option<Position>) {
    let (mut documents, mut position) = (Vec::new(), None);
    while let Next::Batch(batch) = source.next_batch().await.unwrap() {
        documents.extend(batch.documents);
        position = Some(batch.position);
    }
    (documents, position)
}

fn told(documents: &[Document]) -> Vec<String> {
    let decoders = Decoders::default().with(Arc::new(AccessLogs));
    let mut told = Vec::new();
    for document in documents {
        decoders.split(document, |piece| {
            let bad = if piece.error.is_some() { "!" } else { "" };
            told.push(format!("{bad}{}", String::from_utf8_lossy(&piece.body)));
        });
    }
    told
}

async fn records(source: &mut ObjectsSource) -> Vec<String> {
    told(&drain(source).await.0)
}

#[tokio::test]
async fn late_keys_are_found_wherever_they_are_in_the_order() {
    let store = store();
    put(&store, "in/b.log", "b\n").await;
    let mut source = source(&store, "in/");
    let (found, position) = drain(&mut source).await;
    assert_eq!(told(&found), ["b"]);
    for (key, text) in [("in/a.log", "a"), ("in/c.log", "c"), ("other/d.log", "d"), ("in/empty.log", "")] {
        put(&store, key, text).await;
    }
    for mut source in [source, self::source(&store, "in/")] {
        source.seek(position.as_ref()).await.unwrap();
        assert_eq!(records(&mut source).await, ["a", "c"]);
        assert_eq!(records(&mut source).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_glob_names_keys_and_a_prefix_is_a_text() {
    let store = store();
    for key in ["in/a.log", "in/deep/b.log", "in/deep/c.txt", "inside.log"] {
        put(&store, key, key).await;
    }
    assert_eq!(records(&mut source(&store, "in")).await.len(), 4);
    assert_eq!(records(&mut source(&store, "in/*.log")).await, ["in/a.log"]);
    assert_eq!(records(&mut source(&store, "in/**/*.log")).await, ["in/a.log", "in/deep/b.log"]);
}

#[tokio::test]
async fn an_object_written_over_is_read_again_and_a_deleted_one_is_forgotten() {
    let store = store();
    put(&store, "a.log", "1\n").await;
    put(&store, "b.log", "2\n").await;
    let mut source = source(&store, "");
    let before = drain(&mut source).await.1.unwrap().to_string();
    put(&store, "a.log", "3\n").await;
    assert_eq!(records(&mut source).await, ["3"]);
    store.inner().delete("b.log").await.unwrap();
    put(&store, "a.log", "4\n").await;
    let after = drain(&mut source).await.1.unwrap().to_string();
    assert!(after.len() < before.len(), "{after}");
    put(&store, "b.log", "2\n").await;
    assert_eq!(records(&mut source).await, ["2"]);
}

#[tokio::test]
async fn large_objects_are_read_by_ranges_and_gone_on_with_in_the_middle() {
    let store = store();
    let lines: Vec<String> = (0..200).map(|n| format!("{n:04}")).collect();
    let text = lines.join("\n");
    put(&store, "a.log", text.clone()).await;
    for (key, codec) in [("b.log.gz", Compression::Gzip), ("c.log.zst", Compression::Zstd)] {
        put(&store, key, codec.frame(3, &[Bytes::from(text.clone())]).unwrap()).await;
    }
    let open = || builder(&store, "").batch_bytes(64).build().unwrap();
    let (found, _) = drain(&mut open()).await;
    assert_eq!(told(&found), [&lines[..], &lines[..], &lines[..]].concat());
    let longest = store.log().iter().filter(|event| event.op == Op::GetRange).count();
    assert!(longest >= text.len() / 64, "{longest}");
    let mut all = Vec::new();
    let mut position = None;
    loop {
        let mut source = open();
        source.seek(position.as_ref()).await.unwrap();
        let Next::Batch(batch) = source.next_batch().await.unwrap() else { break };
        all.extend(batch.documents);
        position = Some(batch.position);
    }
    assert_eq!(told(&all), told(&found));
    assert_eq!(&**all[0].locator(), "memory:///a.log");
    assert!(all[0].properties().unwrap().contains_key("etag"));
}

#[tokio::test]
async fn an_object_that_changes_while_it_is_read_is_not_mixed_up() {
    let store = store();
    let text = |word: &str| (0..50).map(|n| format!("{word}{n:02}\n")).collect::<String>();
    put(&store, "a.log", text("old")).await;
    let mut source = builder(&store, "").batch_bytes(60).build().unwrap();
    let Next::Batch(first) = source.next_batch().await.unwrap() else { panic!() };
    assert!(told(&first.documents).iter().all(|line| line.starts_with("old")));
    put(&store, "a.log", text("new")).await;
    let (found, _) = drain(&mut source).await;
    let rest = told(&found);
    let rest: Vec<_> = rest.iter().filter(|line| line.starts_with("new")).collect();
    assert_eq!(rest.len(), 50, "the new one from its beginning");
    assert_eq!(told(&found).len(), 50, "and nothing of the old one any more");
}

#[tokio::test]
async fn what_cannot_be_read_costs_nothing_else_anything_and_what_may_not_be_read_is_not_taken_for_read() {
    let store = store();
    put(&store, "a.log.gz", &b"\x1f\x8b\x08\x00damage"[..]).await;
    put(&store, "b.csv", "x\n1\n").await;
    put(&store, "c.log", "c\n").await;
    let format = FileFormat::Dialect(CsvDialect::detected().columns(["y"]));
    assert_eq!(
        records(&mut builder(&store, "b").format(format).build().unwrap()).await,
        Vec::<String>::new()
    );
    let mut source = source(&store, "");
    let (found, position) = drain(&mut source).await;
    assert_eq!(told(&found), [r#"{"x":"1"}"#, "c"]);
    assert_eq!(source.failures().list()[0].path, "a.log.gz");
    let mut again = self::source(&store, "");
    again.seek(position.as_ref()).await.unwrap();
    assert_eq!(again.failures().list().len(), 1);
    assert_eq!(records(&mut again).await, Vec::<String>::new());
    put(&store, "a.log.gz", Compression::Gzip.frame(1, &[Bytes::from("a\n")]).unwrap()).await;
    assert_eq!(records(&mut again).await, ["a"]);
    assert_eq!(again.failures().list(), []);
    put(&store, "d.log", "d\n").await;
    store.script([(Op::GetRange, Fault::Before), (Op::List, Fault::Before)]);
    assert!(again.next_batch().await.unwrap_err().is_retryable());
    assert_eq!(records(&mut again).await, ["d"]);
}

#[tokio::test]
async fn an_object_waits_for_its_marker() {
    let store = store();
    put(&store, "in/a.log", "a\n").await;
    put(&store, "in/b.log", "b\n").await;
    put(&store, "in/b.log.done", "x").await;
    let finished = |marker: &str| Finished::Marker(marker.into());
    let mut source = builder(&store, "in/*.log").finished(finished(".done")).build().unwrap();
    assert_eq!(records(&mut source).await, ["b"]);
    put(&store, "in/a.done", "x").await;
    assert_eq!(records(&mut source).await, ["a"]);
    let mut source = builder(&store, "in/*.log").finished(finished("_SUCCESS")).build().unwrap();
    assert_eq!(records(&mut source).await, Vec::<String>::new());
    put(&store, "in/_SUCCESS", "").await;
    assert_eq!(records(&mut source).await, ["a", "b"]);
}

#[tokio::test]
async fn a_marker_is_seen_whose_key_does_not_begin_as_those_of_its_objects() {
    let store = store();
    for key in ["in/orders-1.log", "in/orders-2.log", "in/others.log", "in/_SUCCESS", "in/orders-1.done"] {
        put(&store, key, key).await;
    }
    let finished = |marker: &str| Finished::Marker(marker.into());
    for (keys, marker, expected) in [
        ("in/orders-*.log", "_SUCCESS", &["in/orders-1.log", "in/orders-2.log"][..]),
        ("in/orders-", "_SUCCESS", &["in/orders-1.log", "in/orders-2.log", "in/orders-1.done"][..]),
        ("in/orders-1.log", ".done", &["in/orders-1.log"][..]),
        ("in/orders-1.l*", ".done", &["in/orders-1.log"][..]),
    ] {
        let mut source = builder(&store, keys).finished(finished(marker)).build().unwrap();
        assert_eq!(records(&mut source).await, expected, "{keys} {marker}");
    }
}

#[tokio::test]
async fn what_has_a_key_by_which_no_store_reads_is_told_of_and_costs_nothing_else_anything() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalStore::open_without_sync(folder.path()).unwrap();
    store.put("in/a.log", "a".into(), PutOptions::default()).await.unwrap();
    for (name, text) in [("in/b\\c.log", "b"), ("in/d\\e.txt", "d"), ("in/empty\\.log", "")] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let builder = |keys: &str| ObjectsSource::builder("o".parse().unwrap(), Arc::new(store.clone()), keys);
    for (keys, expected) in [("in/*.log", 1), ("in/", 2), ("out/", 0)] {
        let mut source = builder(keys).build().unwrap();
        assert_eq!(records(&mut source).await.len(), usize::from(expected > 0));
        let failures = source.failures().list();
        assert_eq!(failures.len(), expected, "{failures:?}");
        assert!(failures.iter().all(|failed| failed.path.contains('\\')), "{failures:?}");
    }
}

#[tokio::test]
async fn a_store_that_fails_while_a_format_is_found_out_does_not_change_it() {
    let rows: Vec<String> = (0..40).map(|n| format!("{n};x,y,z")).collect();
    let text = format!("\na_long_name;another\n{}\n\u{e9};end\n", rows.join("\n"));
    let packed = Compression::Gzip.frame(1, &[Bytes::from(text.clone())]).unwrap();
    for (key, bytes) in [("a.csv", Bytes::from(text)), ("a.csv.gz", packed)] {
        let store = store();
        put(&store, key, bytes).await;
        let open = || builder(&store, "").batch_bytes(16).max_document_bytes(4096).build().unwrap();
        let expected = records(&mut open()).await;
        assert_eq!(expected.len(), 41);
        for passed in 0..12 {
            store.script(std::iter::repeat_n((Op::GetRange, Fault::None), passed));
            store.script([(Op::GetRange, Fault::Before)]);
            let mut source = open();
            let (mut found, mut errors) = (Vec::new(), 0);
            loop {
                match source.next_batch().await {
                    Ok(Next::Batch(batch)) => found.extend(told(&batch.documents)),
                    Ok(_) => break,
                    Err(_) => errors += 1,
                }
            }
            assert_eq!(found, expected, "{key} {passed}");
            assert!(errors <= 1 && source.failures().list().is_empty());
            store.calm();
        }
    }
}

#[derive(Debug)]
struct Panics(Store);

#[async_trait]
impl ObjectStore for Panics {
    fn uri(&self) -> &str {
        self.0.uri()
    }

    async fn put(&self, key: &str, payload: Payload, options: PutOptions) -> Result<()> {
        self.0.put(key, payload, options).await
    }

    async fn put_if_absent(&self, key: &str, payload: Payload, options: PutOptions) -> Result<Created> {
        self.0.put_if_absent(key, payload, options).await
    }

    async fn get(&self, key: &str) -> Result<Bytes> {
        self.0.get(key).await
    }

    async fn get_range(&self, _: &str, _: std::ops::Range<u64>) -> Result<Bytes> {
        panic!("a store that panics")
    }

    async fn head(&self, key: &str) -> Result<ObjectInfo> {
        self.0.head(key).await
    }

    fn list(&self, prefix: &str, after: Option<&str>) -> BoxStream<'_, Result<ObjectInfo>> {
        self.0.list(prefix, after)
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.0.delete(key).await
    }
}

#[tokio::test]
async fn a_panic_is_an_error_however_often_one_asks() {
    let store = store();
    put(&store, "a.log", "a\n").await;
    let panics = Arc::new(Panics(store));
    let mut source = ObjectsSource::builder("objects".parse().unwrap(), panics, "").build().unwrap();
    for _ in 0..3 {
        assert_eq!(source.next_batch().await.unwrap_err().kind(), ErrorKind::Unexpected);
    }
    source.seek(None).await.unwrap();
    assert_eq!(source.next_batch().await.unwrap_err().kind(), ErrorKind::Unexpected);
}

#[tokio::test]
async fn a_position_stays_short_however_many_fail_or_wait_with_the_others() {
    let clock = ManualClock::default();
    let store = FaultyStore::new(MemoryStore::with_clock(clock.clone()), 1);
    for n in 0..1_005 {
        put(&store, &format!("bad/{n:04}.log.gz"), &b"\x1f\x8b\x08\x00damage"[..]).await;
    }
    let mut source = builder(&store, "bad/").build().unwrap();
    let position = drain(&mut source).await.1;
    let told = source.failures().list();
    assert_eq!((told.len(), &*told[1000].error), (1001, "5 more could not be read"));
    let mut again = builder(&store, "bad/").build().unwrap();
    again.seek(position.as_ref()).await.unwrap();
    assert_eq!(again.failures().list(), told);
    assert_eq!(records(&mut again).await, Vec::<String>::new());

    let finished = Finished::Marker(".done".into());
    put(&store, "in/orphan.log", "x").await;
    for n in 0..6 {
        clock.advance(Duration::from_secs(7200));
        put(&store, &format!("in/{n}.log"), "x").await;
        put(&store, &format!("in/{n}.log.done"), "x").await;
    }
    let late = Duration::from_secs(3600);
    let builder = builder(&store, "in/").remember(3).late(late).finished(finished);
    let error = builder.build().unwrap().next_batch().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    assert!(error.to_string().contains("waiting_for_a_marker_since"), "{error:?}");
}

#[tokio::test]
async fn what_was_read_longest_ago_is_remembered_by_its_time() {
    let clock = ManualClock::default();
    let store = FaultyStore::new(MemoryStore::with_clock(clock.clone()), 1);
    let hour = Duration::from_secs(3600);
    let open = |remember| builder(&store, "").remember(remember).late(2 * hour).build().unwrap();
    let mut position = None;
    let mut count = 0;
    for n in 0..50 {
        put(&store, &format!("{:02}.log", 99 - n), format!("{n}\n")).await;
        clock.advance(hour);
        if n % 7 == 0 {
            let mut source = open(12);
            source.seek(position.as_ref()).await.unwrap();
            let (found, after) = drain(&mut source).await;
            count += told(&found).len();
            position = after;
            let length = position.as_ref().unwrap().to_string().len();
            assert!(length < 300, "{length}");
        }
    }
    let mut source = open(12);
    source.seek(position.as_ref()).await.unwrap();
    assert_eq!(count + records(&mut source).await.len(), 50);
    // All is known, and what is late by less than was said is found.
    assert_eq!(records(&mut source).await, Vec::<String>::new());
    for n in 0..20 {
        put(&store, &format!("new{n:02}.log"), "x\n").await;
    }
    let error = source.next_batch().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    assert!(error.to_string().contains("can be remembered"), "{error}");
}

#[test]
fn wrong_settings_are_refused() {
    let store = store();
    for wrong in [
        builder(&store, "[").build(),
        builder(&store, "a").batch_bytes(0).build(),
        builder(&store, "a").remember(0).build(),
        builder(&store, "a").max_document_bytes(1).build(),
        builder(&store, "a").finished(Finished::Quiet(Duration::from_secs(1))).build(),
        builder(&store, "a").finished(Finished::Marker("a/b".into())).build(),
        builder(&store, "a").format(FileFormat::Csv { delimiter: '"' }).build(),
    ] {
        assert_eq!(wrong.unwrap_err().kind(), ErrorKind::ConfigInvalid);
    }
}

/// Objects with known records, small ranges, and a store that fails.
struct Silo {
    store: Store,
    expected: Vec<Bytes>,
    fed: AtomicUsize,
    failed: AtomicUsize,
}

impl Silo {
    fn new() -> Self {
        let store = store();
        let lines: Vec<String> = (0..40).map(|n| format!("line {n}")).collect();
        let log = lines[..20].join("\n");
        let packed = Compression::Gzip.frame(6, &[Bytes::from(lines[20..30].join("\n"))]).unwrap();
        let rest = lines[30..].join("\n");
        for (key, bytes) in
            [("in/z.log", Bytes::from(log)), ("in/y.log.gz", packed), ("in/x.txt", rest.into())]
        {
            let put = store.inner().put(key, bytes.into(), PutOptions::default());
            put.now_or_never().unwrap().unwrap();
        }
        let expected = lines.into_iter().map(Bytes::from).collect();
        Self { store, expected, fed: AtomicUsize::new(0), failed: AtomicUsize::new(0) }
    }
}

#[async_trait]
impl SourceHarness for Silo {
    async fn open(&self) -> Result<Box<dyn Source>> {
        Ok(Box::new(builder(&self.store, "in/").batch_bytes(60).build()?))
    }

    fn expected(&self) -> Vec<Bytes> {
        self.expected.clone()
    }

    async fn feed(&self) -> Option<Fed> {
        let n = self.fed.fetch_add(1, Ordering::Relaxed);
        put(&self.store, &format!("in/fed-{n}.log"), format!("fed {n}\n")).await;
        Some(Fed::new([format!("fed {n}")]))
    }

    async fn fail(&self) -> Option<ErrorKind> {
        if self.failed.fetch_add(1, Ordering::Relaxed) % 2 == 1 {
            return None;
        }
        self.store.down(true);
        Some(ErrorKind::Unavailable)
    }

    async fn mend(&self) {
        self.store.down(false);
    }
}

datalake_core::source_suite!(objects, Silo::new());

#[tokio::test]
async fn whatever_request_fails_each_record_comes_once() {
    for seed in 0..50 {
        let silo = Silo::new();
        let store = FaultyStore::new(silo.store.inner().clone(), seed);
        for op in [Op::List, Op::GetRange, Op::Head] {
            for fault in [Fault::Before, Fault::Throttled, Fault::Denied, Fault::Truncated, Fault::Short] {
                if fault.concerns(op) {
                    store.rate(op, fault, 0.08);
                }
            }
        }
        let mut source = builder(&store, "in/").batch_bytes(60).build().unwrap();
        let (mut found, mut errors) = (Vec::new(), 0);
        loop {
            match source.next_batch().await {
                Ok(Next::Batch(batch)) => {
                    found.extend(told(&batch.documents));
                    if errors % 3 == 1 {
                        source = builder(&store, "in/").batch_bytes(60).build().unwrap();
                        source.seek(Some(&batch.position)).await.unwrap();
                    }
                }
                Ok(_) => break,
                Err(_) => errors += 1,
            }
            assert!(errors < 1_000, "it does not get on");
        }
        assert_eq!(found, silo.expected, "seed {seed}");
        assert_eq!(source.failures().list(), []);
    }
}

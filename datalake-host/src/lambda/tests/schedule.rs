//! Draining on a schedule.

use datalake_core::testkit::{VecSilo, VecSource};
use datalake_core::{Document, Format, Next, Position, Source, SourceBatch, SourceInfo};

use super::*;

async fn scheduled(sources: Vec<(&'static str, VecSource)>) -> (Worker, Vec<VecSilo>) {
    let lake = Lake::new(Arc::new(MemoryStore::new()));
    let down = Down { info: SinkInfo::new("down"), on: Arc::default() };
    let silos = sources.iter().map(|(_, source)| source.silo()).collect();
    let mut host = Host::new("worker", "1");
    for (name, source) in sources {
        let (into, down) = (lake.clone(), down.clone());
        host = host.pipeline(name, move |pipeline| async move {
            let pipeline = pipeline.source(source).lake(&LakeSink::builder(&into).build()).sink(down);
            Ok(pipeline.retry(Retry::never()))
        });
    }
    (Worker::of(&lake, down, host).await, silos)
}

#[tokio::test]
async fn a_schedule_drains_all_pipelines_or_those_it_names() {
    let (mut worker, silos) =
        scheduled(vec![("a", VecSource::json(["1", "2"])), ("b", VecSource::json(["3"]))]).await;
    let answer = worker.answer(&json!({ "pipelines": ["b"] })).await.unwrap();
    assert_eq!(answer["pipelines"][0]["pipeline"], "b");
    assert_eq!((silos[0].committed(), silos[1].committed()), (0, 1));
    let answer = worker.answer(&json!({ "source": "aws.events" })).await.unwrap();
    assert_eq!(answer["more"], false);
    assert_eq!(answer["pipelines"][0]["counts"]["read"], 2);
    assert_eq!(answer["pipelines"][0]["ended"], "exhausted");
    assert_eq!(silos[0].committed(), 2);
    silos[0].push(Document::new("9", "memory:///", Format::Json));
    let answer = worker.answer(&json!({})).await.unwrap();
    assert_eq!(answer["pipelines"][0]["counts"]["read"], 1);
}

#[tokio::test]
async fn one_pipeline_that_fails_fails_the_invocation_and_not_the_others() {
    let (mut worker, silos) =
        scheduled(vec![("a", VecSource::json(["1"])), ("b", VecSource::json(["3"]))]).await;
    silos[0].fail(ErrorKind::PermissionDenied);
    let error = worker.answer(&json!({})).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("pipeline: a"), "{error}");
    assert_eq!((silos[0].committed(), silos[1].committed()), (0, 1));
}

/// A silo that has more whatever is taken.
struct Endless {
    info: SourceInfo,
    given: u64,
    committed: Arc<Mutex<u64>>,
}

#[async_trait]
impl Source for Endless {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    async fn next_batch(&mut self) -> Result<Next> {
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.given += 1;
        let document = Document::new(self.given.to_string(), "endless:", Format::Json);
        Ok(Next::Batch(SourceBatch::new(vec![document], Position::new("endless/1", &self.given)?)))
    }

    async fn seek(&mut self, position: Option<&Position>) -> Result<()> {
        self.given = position.map_or(Ok(0), |position| position.decode("endless/1"))?;
        Ok(())
    }

    async fn commit(&mut self, position: &Position) -> Result<()> {
        *self.committed.lock().unwrap() = position.decode("endless/1")?;
        Ok(())
    }
}

/// A worker of an endless silo, and up to where that is committed.
async fn endless() -> (Worker, Arc<Mutex<u64>>) {
    let lake = Lake::new(Arc::new(MemoryStore::new()));
    let down = Down { info: SinkInfo::new("down"), on: Arc::default() };
    let committed = Arc::new(Mutex::new(0));
    let info = SourceInfo::new("endless", Dataset::new("clicks").unwrap(), "endless:");
    let info = info.with_commit(Duration::from_secs(10));
    let source = Endless { info, given: 0, committed: Arc::clone(&committed) };
    let into = lake.clone();
    let host = Host::new("worker", "1").pipeline("a", move |pipeline| async move {
        Ok(pipeline.source(source).lake(&LakeSink::builder(&into).build()))
    });
    (Worker::of(&lake, down, host).await, committed)
}

#[tokio::test]
async fn an_endless_source_is_left_in_time_and_the_answer_says_that_there_is_more() {
    let (mut worker, committed) = endless().await;
    let left = Duration::from_secs(2);
    let began = tokio::time::Instant::now();
    let answer = worker.answer_within(&json!({}), Some(left)).await.unwrap();
    assert!(began.elapsed() < left, "{:?}", began.elapsed());
    assert_eq!((&answer["more"], &answer["pipelines"][0]["ended"]), (&json!(true), &json!("budget")));
    assert!(*committed.lock().unwrap() > 0);
}

#[tokio::test]
async fn a_worker_that_is_asked_to_stop_commits_what_it_has_read() {
    let (mut worker, committed) = endless().await;
    let mut seen = worker.function.progress("a").unwrap();
    let stop = worker.stop.clone();
    let stopping = async move {
        seen.wait_for(|progress| progress.bytes_read > 0).await.unwrap();
        stop.send_replace(true);
    };
    let event = json!({});
    let (answer, ()) = tokio::join!(worker.answer(&event), stopping);
    assert_eq!(answer.unwrap()["more"], true);
    assert!(*committed.lock().unwrap() > 0);
    worker.function.close().await;
    worker.answer(&json!({})).await.unwrap_err();
}

#[tokio::test]
async fn a_commit_that_takes_too_long_is_dropped_and_made_by_the_next_invocation() {
    let lake = Lake::new(Arc::new(MemoryStore::new()));
    let sink = datalake_core::testkit::MemorySink::new("slow");
    let (into, slow) = (lake.clone(), sink.clone());
    let source = VecSource::json([r#"{"n":1}"#]).dataset(Dataset::new("clicks").unwrap());
    let host = Host::new("worker", "1").pipeline("clicks", move |pipeline| async move {
        Ok(pipeline.source(source).lake(&LakeSink::builder(&into).build()).sink(slow))
    });
    let down = Down { info: SinkInfo::new("down"), on: Arc::default() };
    let mut worker = Worker::of(&lake, down, host).await;
    sink.stall();
    let answer = worker.answer_within(&json!({}), Some(Duration::from_millis(200))).await.unwrap();
    assert_eq!((&answer["more"], &answer["pipelines"][0]["ended"]), (&json!(true), &json!("deadline")));
    assert!(worker.numbers(Zone::Curated).await.is_empty());
    sink.release();
    let answer = worker.answer_within(&json!({}), Some(Duration::from_secs(60))).await.unwrap();
    assert_eq!(answer["more"], false);
    assert_eq!(worker.numbers(Zone::Curated).await, [1]);
}

#[tokio::test]
async fn a_worker_whose_pipeline_cannot_be_made_does_not_begin() {
    let refused = |host: Host| async {
        let (_stop, stopped) = watch::channel(false);
        Function::new(host, stopped).await.unwrap_err().to_string()
    };
    let host = Host::new("worker", "1").pipeline("a", |_| async { Err(Error::config("no url")) });
    assert!(refused(host).await.contains("no url"));
    let host = Host::new("worker", "1").on_invocation("clicks", |pipeline, _feed| async move {
        let lake = Lake::new(Arc::new(MemoryStore::new()));
        Ok(pipeline.source(VecSource::json(["1"])).lake(&LakeSink::builder(&lake).build()))
    });
    assert!(refused(host).await.contains("does not read from the feed"));
    let host = Host::new("worker", "1").firehose(Err(Error::config("no transforms")));
    assert!(refused(host).await.contains("no transforms"));
}

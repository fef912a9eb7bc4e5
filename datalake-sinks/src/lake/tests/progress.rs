//! How far long work has come.

use std::sync::{Arc, Mutex, OnceLock};

use datalake_core::lake::Lake;
use datalake_core::pipeline::{Budget, Progress};
use datalake_core::{PipelineId, Records, Transform, async_trait};
use tokio::sync::watch;

use super::{lake, ndjson, pipeline};

/// Notes how far the pipeline is whenever it is at work.
#[derive(Clone, Default)]
struct Look {
    at: Arc<OnceLock<watch::Receiver<Progress>>>,
    seen: Arc<Mutex<Vec<Option<f64>>>>,
}

#[async_trait]
impl Transform for Look {
    fn name(&self) -> &str {
        "look"
    }

    fn version(&self) -> &str {
        "1"
    }

    async fn apply(&self, records: Records) -> datalake_core::Result<Records> {
        let progress = self.at.get().map(|progress| *progress.borrow());
        self.seen.lock().unwrap().push(progress.and_then(|progress| progress.fraction()));
        Ok(records)
    }
}

/// A lake of two batches of ten bytes, the first with a record in quarantine.
async fn two_batches() -> Lake {
    let lake = lake();
    let documents = [ndjson("{\"n\":1}\nx\n"), ndjson("{\"n\":20}\n\n")];
    let mut first = pipeline(&lake, documents).target_bytes(1).build().unwrap();
    assert_eq!(first.drain(Budget::unlimited()).await.unwrap().commits, 2);
    lake
}

#[tokio::test]
async fn a_rebuild_knows_from_the_start_how_much_there_is() {
    let (lake, look) = (two_batches().await, Look::default());
    let mut again = pipeline(&lake, []).transform(look.clone()).build().unwrap();
    look.at.set(again.progress()).unwrap();
    again.rebuild(&lake).await.unwrap();
    assert_eq!(*look.seen.lock().unwrap(), [Some(0.0), Some(0.5)]);
    let progress = *again.progress().borrow();
    assert_eq!((progress.fraction(), progress.bytes_committed, progress.commits), (Some(1.0), 20, 2));
}

#[tokio::test]
async fn a_replay_counts_only_batches_with_something_in_quarantine() {
    let (lake, look) = (two_batches().await, Look::default());
    let mut again = pipeline(&lake, []).transform(look.clone()).build().unwrap();
    look.at.set(again.progress()).unwrap();
    again.replay(&lake).await.unwrap();
    assert_eq!(*look.seen.lock().unwrap(), [Some(0.0)]);
    let progress = *again.progress().borrow();
    assert_eq!((progress.fraction(), progress.bytes_committed), (Some(1.0), 10));
}

#[tokio::test]
async fn a_check_tells_how_many_bytes_are_done_and_how_many_there_are() {
    let lake = two_batches().await;
    let mut steps = Vec::new();
    let pipeline = PipelineId::new("things").unwrap();
    let verified = lake.verify_watched(&pipeline, |checking| steps.push(checking)).await.unwrap();
    assert_eq!(steps.len() as u64, verified.objects + 1);
    assert!(steps.iter().all(|step| step.all == verified.bytes));
    assert!(steps.windows(2).all(|pair| pair[0].done < pair[1].done));
    assert_eq!((steps[0].done, steps.last().unwrap().done), (0, verified.bytes));
}

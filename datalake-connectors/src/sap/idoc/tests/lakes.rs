use datalake_core::lake::{Lake as Store, Zone};
use datalake_core::pipeline::PipelineBuilder;
use datalake_core::store::MemoryStore;
use datalake_core::transform::{filter, try_map};
use datalake_core::{Pipeline, RecordError};
use datalake_sinks::lake::LakeSink;
use futures::TryStreamExt as _;
use tokio::sync::oneshot;

use super::*;

fn pipeline(lake: &Store, source: IdocSource) -> PipelineBuilder {
    Pipeline::builder("idocs").source(source).lake(&LakeSink::builder(lake).build())
}

/// Lets a pipeline run until a request is answered.
async fn receive(mut pipeline: Pipeline, answer: JoinHandle<Answer>) {
    let (stop, stopped) = oneshot::channel::<()>();
    let run = tokio::spawn(async move {
        pipeline.run_until(async { drop(stopped.await) }).await.unwrap();
        pipeline.close().await;
    });
    assert_eq!(within(answer).await.unwrap().status, 200);
    stop.send(()).unwrap();
    within(run).await.unwrap();
}

#[tokio::test]
async fn an_idoc_in_the_lake_leads_back_to_its_bytes_in_the_request() {
    let lake = Store::new(Arc::new(MemoryStore::new()));
    let source = builder().anybody().build().await.unwrap();
    let answer = sending(source.local_addr(), &[XML], package(1..=3));
    let orders = filter("orders", "1", |idoc| Ok(Control::of(idoc.body())?.message_type() == Some("ORDERS")));
    receive(pipeline(&lake, source).transform(orders).build().unwrap(), answer).await;
    let dataset = Dataset::new("idocs").unwrap();
    let kept: Vec<_> = lake.read(&dataset, Zone::Curated).await.unwrap().try_collect().await.unwrap();
    assert_eq!(kept.concat().iter().filter(|byte| **byte == b'\n').count(), 3, "a line for each");
    for n in 1..=3 {
        let trace = lake.trace(&format!("idocs/1/{}", n - 1).parse().unwrap()).await.unwrap();
        assert_eq!(trace.raw.unwrap(), idoc(n));
        assert_eq!(trace.offset as usize, package(1..=3).find(&idoc(n)).unwrap());
        assert_eq!(trace.document_id, Some(format!("{}+2", id(1))));
    }
    assert!(lake.verify(&"idocs".parse().unwrap()).await.unwrap().problems.is_empty());
}

#[tokio::test]
async fn an_idoc_that_a_step_refuses_costs_no_other_and_can_be_replayed() {
    let lake = Store::new(Arc::new(MemoryStore::new()));
    let source = builder().anybody().build().await.unwrap();
    let body = package(1..=3).replace(&format!("<DOCNUM>{:016}</DOCNUM>", 2), "");
    let answer = sending(source.local_addr(), &[XML], body);
    let numbered = try_map("numbered", "1", |body| {
        let number = Control::of(body)?.number().map(|number| number.as_bytes().to_vec());
        number.ok_or_else(|| RecordError::new("idoc", "there is no number"))
    });
    receive(pipeline(&lake, source).transform(numbered).build().unwrap(), answer).await;
    let source = builder().anybody().build().await.unwrap();
    let report = pipeline(&lake, source).build().unwrap().replay(&lake).await.unwrap();
    assert_eq!((report.counts.read, report.counts.written), (1, 1));
    let trace = lake.trace(&"idocs/1/1".parse().unwrap()).await.unwrap();
    assert_eq!(trace.raw.unwrap(), idoc(2).replace(&format!("<DOCNUM>{:016}</DOCNUM>", 2), ""));
    assert!(lake.verify(&"idocs".parse().unwrap()).await.unwrap().problems.is_empty());
}

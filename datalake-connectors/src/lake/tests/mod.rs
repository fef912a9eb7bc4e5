//! Lakes that pipelines fill, and others that read them.

use std::sync::Arc;

use bytes::Bytes;
use datalake_core::lake::{Lake, Zone};
use datalake_core::pipeline::PipelineBuilder;
use datalake_core::store::{MemoryStore, ObjectStore};
use datalake_core::testkit::{FaultyStore, VecSilo, VecSource};
use datalake_core::transform::json::{Type, cast};
use datalake_core::{Dataset, Document, Format, Next, Pipeline, Position, Source, SourceBatch};
use datalake_sinks::lake::LakeSink;
use futures::TryStreamExt;

use super::{LakeSource, LakeSourceBuilder};

mod following;
mod lineage;
mod suite;
mod superseded;

fn orders() -> Dataset {
    Dataset::new("orders").unwrap()
}

fn json(body: &str) -> Document {
    Document::new(Bytes::copy_from_slice(body.as_bytes()), "memory:///orders", Format::Json)
}

/// A lake and the silos of the pipelines that fill it.
struct Filled {
    lake: Lake,
    store: Arc<FaultyStore<MemoryStore>>,
}

/// A pipeline that fills a lake.
struct Lane {
    name: &'static str,
    lake: Lake,
    source: VecSource,
    silo: VecSilo,
    strict: bool,
}

impl Filled {
    fn new() -> Self {
        let store = Arc::new(FaultyStore::new(MemoryStore::new(), 1));
        Self { lake: Lake::new(Arc::clone(&store) as Arc<dyn ObjectStore>), store }
    }

    fn lane(&self, name: &'static str) -> Lane {
        let source = VecSource::new([]).dataset(orders()).endless();
        Lane { name, lake: self.lake.clone(), silo: source.silo(), source, strict: false }
    }

    fn source(&self, zone: Zone) -> LakeSourceBuilder {
        LakeSource::builder(&self.lake, zone, orders())
    }

    /// Removes the objects that count no more, as `clean` does in time.
    async fn clean(&self) {
        let mut held = Vec::new();
        for view in self.lake.views().await.unwrap() {
            held.extend(view.into_objects().map(|object| object.location));
        }
        let all: Vec<_> = self.lake.store().list("curated/", None).try_collect().await.unwrap();
        for object in all.into_iter().filter(|object| !held.contains(&object.key)) {
            self.lake.store().delete(&object.key).await.unwrap();
        }
    }
}

impl Lane {
    fn pipeline(&self) -> Pipeline {
        self.with(|pipeline| pipeline)
    }

    fn with(&self, more: impl FnOnce(PipelineBuilder) -> PipelineBuilder) -> Pipeline {
        let sink = LakeSink::builder(&self.lake).build();
        let pipeline = Pipeline::builder(self.name).source(self.source.reopen());
        let pipeline = match self.strict {
            true => pipeline.transform(cast("number", "/n", Type::Integer).unwrap()),
            false => pipeline,
        };
        more(pipeline).lake(&sink).build().unwrap()
    }

    /// Makes one commit of some records.
    async fn commits(&self, bodies: &[&str]) {
        bodies.iter().for_each(|body| self.silo.push(json(body)));
        let report = self.pipeline().drain(Default::default()).await.unwrap();
        assert_eq!(report.commits, 1);
    }
}

/// All batches until the source idles.
async fn drain(source: &mut LakeSource) -> Vec<SourceBatch> {
    let mut batches = Vec::new();
    while let Next::Batch(batch) = source.next_batch().await.unwrap() {
        batches.push(batch);
    }
    batches
}

/// What a new source gives after a position, one text a record without its stamp, and where it stopped.
async fn read(builder: &LakeSourceBuilder, from: Option<&Position>) -> (Vec<String>, Option<Position>) {
    let mut source = builder.clone().build().unwrap();
    source.seek(from).await.unwrap();
    let batches = drain(&mut source).await;
    let position = batches.last().map(|batch| batch.position.clone()).or(from.cloned());
    (bodies(&batches), position)
}

fn bodies(batches: &[SourceBatch]) -> Vec<String> {
    let mut bodies = Vec::new();
    for document in batches.iter().flat_map(|batch| &batch.documents) {
        datalake_core::split::split(document, |piece| {
            let plain = datalake_core::lake::stamp::read(&piece.body).map(|(body, _)| body);
            bodies.push(String::from_utf8(plain.unwrap_or_else(|| piece.body.to_vec())).unwrap());
        });
    }
    bodies
}

//! A file drained into a lake on a disk.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datalake_connectors::files::FilesSource;
use datalake_core::lake::Lake;
use datalake_core::pipeline::{Budget, PipelineBuilder, Report};
use datalake_core::store::LocalStore;
use datalake_core::{Dataset, Pipeline};
use datalake_sinks::lake::{LakeSink, LakeSinkBuilder};

use crate::Sample;

/// Drains a file into a lake that is made for it in a directory and emptied afterwards, on all processors. `sync` says
/// whether the lake synchronises its files; `landing` and `pipeline` say what is measured.
///
/// # Panics
/// Something cannot be made, or the run fails.
pub fn drain(
    input: &Path,
    lakes: &Path,
    sync: bool,
    landing: impl FnOnce(LakeSinkBuilder) -> LakeSinkBuilder,
    pipeline: impl FnOnce(PipelineBuilder) -> PipelineBuilder,
) -> (Sample, Report) {
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .expect("a runtime");
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let lake = lakes.join(format!("lake-{}", COUNT.fetch_add(1, Ordering::Relaxed)));
    let store = if sync { LocalStore::open(&lake) } else { LocalStore::open_without_sync(&lake) };
    let landing = landing(LakeSink::builder(&Lake::new(Arc::new(store.expect("a store"))))).build();
    let drained = Sample::of(|| {
        runtime.block_on(async {
            let dataset = Dataset::new("orders").expect("a name");
            let source = FilesSource::builder(dataset, input).build().expect("a source");
            let builder = Pipeline::builder("orders").source(source).lake(&landing);
            let mut pipeline = pipeline(builder).build().expect("a pipeline");
            pipeline.drain(Budget::unlimited()).await.expect("a run")
        })
    });
    empty(&lake).expect("a directory");
    drained
}

/// Empties all files of a directory. They are not removed: a file system may take its time with new files where others
/// were removed a moment ago, and that is nothing a lake meets.
fn empty(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => empty(&entry.path())?,
            false => OpenOptions::new().write(true).open(entry.path())?.set_len(0)?,
        }
    }
    Ok(())
}

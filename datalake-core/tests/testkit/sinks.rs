use std::sync::{Arc, Mutex};

use bytes::Bytes;
use datalake_core::testkit::{MemorySink, SinkHarness};
use datalake_core::{ErrorKind, Output, RecordError, RecordId, Result, Sink, async_trait, sink_suite};

struct InMemory {
    sink: MemorySink,
    fails: Mutex<Vec<ErrorKind>>,
}

impl InMemory {
    fn new() -> Self {
        let refuse = |record: &datalake_core::Record| {
            let refused = record.body().starts_with(b"{\"refuse\"") || record.body().len() > 10 << 20;
            refused.then(|| RecordError::new("refused", "it asks for it"))
        };
        let sink = MemorySink::new("memory").refusing(refuse);
        Self { sink, fails: Mutex::new(vec![ErrorKind::PermissionDenied, ErrorKind::Unavailable]) }
    }
}

#[async_trait]
impl SinkHarness for InMemory {
    async fn open(&self) -> Result<Arc<dyn Sink>> {
        Ok(Arc::new(self.sink.clone()))
    }

    async fn read(&self, outputs: &[Output]) -> Result<Vec<(RecordId, Bytes)>> {
        Ok(self.sink.read(outputs))
    }

    async fn stored(&self, output: &Output) -> Result<Option<Bytes>> {
        Ok(self.sink.stored(output))
    }

    fn refused(&self) -> Option<Bytes> {
        Some(r#"{"refuse":true}"#.into())
    }

    async fn fail(&self) -> Option<ErrorKind> {
        let kind = self.fails.lock().unwrap().pop()?;
        self.sink.fail(1, kind);
        Some(kind)
    }

    fn secrets(&self) -> Vec<String> {
        vec!["a canary".into()]
    }
}

sink_suite!(in_memory, InMemory::new());

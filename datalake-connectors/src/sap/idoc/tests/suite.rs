use bytes::Bytes;
use datalake_core::testkit::{Fed, SourceHarness};
use datalake_core::{Result, Source, async_trait};

use super::*;
use crate::receive::Receiver;
use crate::sap::idoc::intake::Idocs;

const SECRET: &str = "c4nary-secret";

/// A system that sends eleven IDocs to the source opened last.
#[derive(Default)]
struct Sender {
    opened: Mutex<Option<(SocketAddr, Arc<Receiver<Idocs>>)>>,
    sent: Mutex<u64>,
}

fn secret_builder() -> IdocSourceBuilder {
    builder().user("SAP", SECRET).queue(4)
}

#[async_trait]
impl SourceHarness for Sender {
    async fn open(&self) -> Result<Box<dyn Source>> {
        let source = secret_builder().build().await?;
        *self.opened.lock().unwrap() = Some((source.local_addr(), Arc::clone(&source.inbox.receiver)));
        Ok(Box::new(source))
    }

    fn is_live(&self) -> bool {
        true
    }

    async fn feed(&self) -> Option<Fed> {
        let n = {
            let mut sent = self.sent.lock().unwrap();
            *sent += 1;
            *sent
        };
        if n > 11 {
            return None;
        }
        let (at, receiver) = self.opened.lock().unwrap().clone()?;
        let before = receiver.queue.remaining().bytes;
        let answer = tokio::spawn(async move {
            let right = basic("SAP", SECRET);
            post(at, "/idocs", &[XML, ("authorization", &right)], package([n]).as_bytes()).await
        });
        // IDocs are in order only if each is in before the next is sent.
        while receiver.queue.remaining().bytes == before && !answer.is_finished() {
            tokio::task::yield_now().await;
        }
        Some(Fed::new([Bytes::from(idoc(n))]).told(async move { answer.await.unwrap().status == 200 }))
    }

    fn secrets(&self) -> Vec<String> {
        vec![SECRET.into(), STANDARD.encode(format!("SAP:{SECRET}"))]
    }

    fn shown(&self) -> Vec<String> {
        vec![format!("{:?}", secret_builder())]
    }
}

datalake_core::source_suite!(idoc, Sender::default());

use bytes::Bytes;
use datalake_core::split::Decoders;
use datalake_core::testkit::{Fed, SourceHarness};
use datalake_core::{Result, Source, async_trait};

use super::*;
use crate::receive::Receiver;
use crate::web::collect::QueryDecoder;
use crate::web::collect::intake::Collector;

const KEY: &str = "c4nary-write-key";

/// A sender of eleven bodies of two events to the source opened last: Snowplow's, Segment's and pictures in turn.
#[derive(Default)]
struct Trackers {
    opened: Mutex<Option<(SocketAddr, Arc<Receiver<Collector>>)>>,
    sent: Mutex<usize>,
}

fn keyed() -> CollectorSourceBuilder {
    builder().queue(4).write_key(KEY)
}

#[async_trait]
impl SourceHarness for Trackers {
    async fn open(&self) -> Result<Box<dyn Source>> {
        let source = keyed().build().await?;
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
        let events =
            [format!(r#"{{"e":"pv","eid":"{n}.1"}}"#), format!(r#"{{"type":"track","messageId":"{n}.2"}}"#)];
        let (method, path, body) = match n % 3 {
            0 => (
                "POST",
                TP2.to_owned(),
                format!(r#"{{"schema":"s","data":[{} , {}]}}"#, events[0], events[1]),
            ),
            1 => ("POST", "/v1/batch".to_owned(), format!(r#"{{"batch":[{},{}]}}"#, events[0], events[1])),
            _ => ("GET", format!("/i?e=pv&eid={n}"), String::new()),
        };
        let records = if n % 3 == 2 {
            vec![Bytes::from(format!(r#"{{"e":"pv","eid":"{n}"}}"#))]
        } else {
            events.map(Bytes::from).into()
        };
        let before = receiver.queue.remaining().bytes;
        let key = format!(
            "Basic {}",
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("{KEY}:"))
        );
        let answer =
            tokio::spawn(
                async move { ask(at, method, &path, &[("authorization", &key)], body.as_bytes()).await },
            );
        // Events are in order only if each is in before the next is sent.
        while receiver.queue.remaining().bytes == before && !answer.is_finished() {
            tokio::task::yield_now().await;
        }
        Some(Fed::new(records).told(async move { answer.await.unwrap().status == 200 }))
    }

    fn decoders(&self) -> Decoders {
        Decoders::default().with(Arc::new(QueryDecoder))
    }

    fn secrets(&self) -> Vec<String> {
        vec![KEY.into()]
    }

    fn shown(&self) -> Vec<String> {
        vec![format!("{:?}", keyed())]
    }
}

datalake_core::source_suite!(collector, Trackers::default());

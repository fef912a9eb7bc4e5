use std::sync::Mutex;

use bytes::Bytes;
use datalake_core::testkit::{Fed, SourceHarness};
use datalake_core::{Source, async_trait};

use super::super::delivery::{Content, Item, Service};
use super::*;

/// A stream of eleven records, which reach the source opened last one by one.
#[derive(Default)]
struct Stream {
    opened: Mutex<Option<Feed>>,
    sent: Mutex<usize>,
}

#[async_trait]
impl SourceHarness for Stream {
    async fn open(&self) -> Result<Box<dyn Source>> {
        let feed = Feed::new();
        let source = feed.source(Dataset::new("clicks")?).build()?;
        *self.opened.lock().unwrap() = Some(feed);
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
        let feed = self.opened.lock().unwrap().clone()?;
        let body = Bytes::from(format!(r#"{{"n":{n}}}"#));
        let id: Arc<str> = n.to_string().into();
        let item = Item::new(Arc::clone(&id), id, "arn".into(), Content::Here(body.clone()));
        let key = Arc::clone(&item.key);
        feed.0.queue.append(Delivery { service: Service::Kinesis, from: "arn".into(), items: vec![item] });
        let told = async move {
            while !feed.0.queue.is_committed(&key) {
                tokio::task::yield_now().await;
            }
            true
        };
        Some(Fed::new([body]).told(told))
    }
}

datalake_core::source_suite!(invocations, Stream::default());

#[test]
fn a_feed_has_one_source() {
    let feed = Feed::new();
    assert!(feed.check().is_err());
    feed.source(Dataset::new("clicks").unwrap()).build().unwrap();
    feed.check().unwrap();
    assert!(feed.source(Dataset::new("clicks").unwrap()).build().is_err());
}

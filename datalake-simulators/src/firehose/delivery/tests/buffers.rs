//! When things go on.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use flate2::read::GzDecoder;
use futures::future::{BoxFuture, FutureExt};

use super::super::{Delivery, Destination, Memory};
use super::{noon, ok, saying, texts};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn an_object_is_put_when_its_oldest_record_has_waited_long_enough() {
    let bucket = Memory::default();
    let mut delivery = Delivery::builder("s", bucket.clone()).prefix("p/").starting(noon()).build().unwrap();
    delivery.put(["a"]).await.unwrap();
    delivery.advance(4 * MINUTE).await.unwrap();
    delivery.put(["b"]).await.unwrap();
    delivery.advance(MINUTE - Duration::from_secs(1)).await.unwrap();
    assert!(bucket.objects().is_empty());
    delivery.advance(Duration::from_secs(1)).await.unwrap();
    assert_eq!(texts(&bucket), [("p/2026/11/26/12".to_owned(), "ab".to_owned())].into());
    let key = bucket.objects().into_keys().next().unwrap();
    assert!(key.starts_with("p/2026/11/26/12/s-1-2026-11-26-12-39-56-"), "{key}");
}

#[tokio::test]
async fn a_full_buffer_does_not_wait() {
    let bucket = Memory::default();
    let (seen, function) = saying(ok);
    let mut delivery = Delivery::builder("s", bucket.clone())
        .transform(function)
        .gather(10, MINUTE)
        .hold(30, MINUTE)
        .starting(noon())
        .build()
        .unwrap();
    delivery.put(["12345", "67890", "abcde"]).await.unwrap();
    assert_eq!(seen.lock().unwrap().len(), 1);
    assert!(bucket.objects().is_empty());
    delivery.put(["fghij", "12345", "67890"]).await.unwrap();
    assert_eq!(seen.lock().unwrap().len(), 3);
    assert_eq!(texts(&bucket).into_values().collect::<Vec<_>>(), ["1234567890abcdefghij1234567890"]);
}

#[tokio::test]
async fn objects_are_compressed_and_the_backup_has_the_bytes_as_they_came() {
    let (bucket, backup) = (Memory::default(), Memory::default());
    let (_, function) = saying(|text| ok(&text.to_uppercase()));
    let mut delivery = Delivery::builder("s", bucket.clone())
        .transform(function)
        .prefix("p/")
        .gzip()
        .backup_to("raw/", backup.clone())
        .starting(noon())
        .build()
        .unwrap();
    delivery.put(["one\n", "two\n"]).await.unwrap();
    delivery.flush().await.unwrap();
    let (key, body) = bucket.objects().into_iter().next().unwrap();
    let mut text = String::new();
    GzDecoder::new(&body[..]).read_to_string(&mut text).unwrap();
    assert!(key.ends_with(".gz") && text == "ONE\nTWO\n", "{key} {text}");
    assert_eq!(texts(&backup), [("raw/2026/11/26/12".to_owned(), "one\ntwo\n".to_owned())].into());
}

/// A bucket that takes nothing until it is told to.
struct Closed(Arc<AtomicBool>, Memory);

impl Destination for Closed {
    fn put<'a>(&'a self, key: &'a str, body: Bytes) -> BoxFuture<'a, io::Result<()>> {
        if self.0.load(Ordering::Relaxed) {
            return self.1.put(key, body);
        }
        futures::future::ready(Err(io::ErrorKind::ConnectionRefused.into())).boxed()
    }
}

#[tokio::test]
async fn a_bucket_that_is_down_loses_nothing() {
    let (open, bucket) = (Arc::new(AtomicBool::new(false)), Memory::default());
    let closed = Closed(Arc::clone(&open), bucket.clone());
    let mut delivery =
        Delivery::builder("s", closed).gather(1, MINUTE).hold(2, MINUTE).starting(noon()).build().unwrap();
    assert!(delivery.put(["ab", "cd"]).await.is_err());
    assert!(delivery.advance(MINUTE).await.is_err());
    open.store(true, Ordering::Relaxed);
    delivery.put(["e"]).await.unwrap();
    delivery.flush().await.unwrap();
    assert_eq!(texts(&bucket).into_values().collect::<String>(), "abcde");
}

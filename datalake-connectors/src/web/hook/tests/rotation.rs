//! Signing keys that change while events come.

use datalake_core::{Credential, ErrorKind, Secrets};
use hmac::{Hmac, KeyInit as _, Mac as _};

use super::*;

struct Key(tempfile::TempDir);

impl Key {
    fn new(value: &str) -> Self {
        let key = Self(tempfile::tempdir().unwrap());
        key.set(value);
        key
    }

    fn set(&self, value: &str) {
        std::fs::write(self.0.path().join("key"), value).unwrap();
    }

    fn credential(&self) -> Credential {
        Secrets::new().credential(&format!("file:{}", self.0.path().join("key").display())).unwrap()
    }
}

async fn post_signed(lake: &Lake, key: &str, body: &str) -> u16 {
    let mac = Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).unwrap().chain_update(body);
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    lake.post(&[("x-hub-signature-256", &format!("sha256={hex}"))], body).await.status
}

#[tokio::test]
async fn an_event_signed_with_a_rotated_key_is_taken_and_so_is_one_with_the_key_before() {
    let key = Key::new("first");
    let lake = Lake::on(builder(Verify::github([key.credential()]))).await;
    assert_eq!(post_signed(&lake, "first", "1").await, 200);
    assert_eq!(post_signed(&lake, "second", "2").await, 401);
    assert_eq!(lake.documents().len(), 1);

    let key = Key::new("first");
    let lake = Lake::on(builder(Verify::github([key.credential()]))).await;
    key.set("second");
    for (signed, body) in [("first", "1"), ("second", "2"), ("first", "3"), ("second", "4")] {
        assert_eq!(post_signed(&lake, signed, body).await, 200, "{body}");
    }
    assert_eq!(post_signed(&lake, "third", "5").await, 401);
    assert_eq!(lake.documents().len(), 4);
}

#[tokio::test]
async fn forged_events_do_not_make_us_look_keys_up_at_will() {
    let key = Key::new("first");
    let lake = Lake::on(builder(Verify::github([key.credential()]))).await;
    assert_eq!(post_signed(&lake, "forged", "1").await, 401);
    key.set("second");
    assert_eq!(post_signed(&lake, "second", "2").await, 401, "the key was looked up a moment ago");
}

#[tokio::test]
async fn an_event_that_cannot_be_judged_is_to_be_sent_again() {
    let key = Key::new("first");
    let lake = Lake::on(builder(Verify::github([key.credential()]))).await;
    std::fs::remove_file(key.0.path().join("key")).unwrap();
    assert_eq!(post_signed(&lake, "second", "1").await, 503);
    assert_eq!(post_signed(&lake, "first", "2").await, 200, "the key we know still holds");
}

#[tokio::test]
async fn a_receiver_without_its_key_does_not_start() {
    let key = Key::new("");
    let error = builder(Verify::github([key.credential()])).build().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    assert!(error.to_string().contains("secret: file:"), "{error}");
    key.set("whsec_not base64!");
    let error = builder(Verify::standard_webhooks([key.credential()])).build().await.unwrap_err();
    assert!(!format!("{error:?}").contains("not base64"), "{error:?}");
}

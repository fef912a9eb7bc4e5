//! The search finds what is planted, and the SDK's own logs, where nobody holds them back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use datalake_core::Sha256;
use datalake_core::codec::Compression;

use super::watch::{Canary, files};

#[test]
fn a_secret_that_is_planted_is_found_in_every_form() {
    let canary = Canary::new("planted");
    let value = canary.value.as_bytes();
    let hex: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
    let percent = "c4n4ry%2Bplanted%2F";
    assert_eq!(canary.form_in(format!("x{}x", canary.value).as_bytes()), Some("raw"));
    assert_eq!(canary.form_in(hex.as_bytes()), Some("hex"));
    assert_eq!(canary.form_in(hex.to_uppercase().as_bytes()), Some("hex"));
    assert_eq!(canary.form_in(format!("Bytes({value:?})").as_bytes()), Some("numbers"));
    let url = format!("?k={percent}{:08x}~%3D&", std::process::id());
    assert_eq!(canary.form_in(url.as_bytes()), Some("percent-encoded"));
    for before in ["", "m", "me", "me:", "user:"] {
        let encoded = STANDARD.encode(format!("{before}{}", canary.value));
        assert_eq!(canary.form_in(encoded.as_bytes()), Some("base64"), "{before}");
    }
    assert_eq!(canary.form_in(Sha256::of(value).to_string().as_bytes()), None);
}

#[test]
fn a_secret_in_a_compressed_object_is_found() {
    let (canary, place) = (Canary::new("packed"), tempfile::tempdir().unwrap());
    let text = bytes::Bytes::from(format!("{{\"k\":\"{}\"}}\n", canary.value));
    for (name, codec) in [("a.zst", Compression::Zstd), ("b.gz", Compression::Gzip)] {
        std::fs::write(place.path().join(name), codec.frame(3, std::slice::from_ref(&text)).unwrap())
            .unwrap();
    }
    let mut found = std::collections::BTreeSet::new();
    files(place.path(), &mut |name, bytes| {
        if canary.form_in(bytes).is_some() {
            found.insert(name.to_owned());
        }
    });
    assert_eq!(found.len(), 2, "{found:?}");
}

#[tokio::test]
async fn without_the_filter_the_logs_of_the_sdk_show_the_session_token() {
    use datalake_aws::ssm::SsmSecrets;
    use datalake_core::Secrets;
    use tracing_subscriber::layer::SubscriberExt;

    use super::aws::Keys;
    use super::peer::{Answer, Peer};
    use super::watch::Log;

    let (keys, log) = (Keys::new("unguarded"), Log::default());
    let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(log.clone());
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let peer = Peer::start(|_| Answer(404, Vec::new(), "{}".into())).await;
    let secrets = Secrets::new().store(SsmSecrets::new(&keys.config(&peer.url("/")).await));
    secrets.credential("ssm:/shop/key").unwrap().current().await.unwrap_err();
    let [_, token] = keys.all();
    assert!(token.form_in(&log.bytes()).is_some(), "if the SDK has stopped to show it, the filter can go");
}

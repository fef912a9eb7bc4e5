//! Passwords and keys of clients of a broker.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use datalake_connectors::iot::mqtt::{MqttSource, MqttSourceBuilder, Qos, Version};
use datalake_core::lake::Lake;
use datalake_core::{Dataset, ErrorKind, Source as _};
use datalake_simulators::mqtt::{Message, Mosquitto, Publisher};
use sha2::Digest as _;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::door::Authority;
use super::silo::run_once;
use super::watch::{Canary, log, search};

/// A line of a broker's file of passwords.
fn line(user: &str, password: &str) -> String {
    let salt = b"canary-salt.";
    let hash = sha2::Sha512::new().chain_update(password).chain_update(salt).finalize();
    format!("{user}:$6${}${}\n", STANDARD.encode(salt), STANDARD.encode(hash))
}

/// A broker that refuses everybody and says as the reason what only the client knows.
async fn repeating(told: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("mqtt://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut connect = [0; 4096];
            let read = stream.read(&mut connect).await.unwrap_or(0);
            assert!(read == 0 || memchr::memmem::find(&connect[..read], told.as_bytes()).is_some());
            let length = u16::try_from(told.len()).unwrap().to_be_bytes();
            let text = [&length[..], told.as_bytes()].concat();
            let properties = [&[0x1f][..], &text, &[0x26], &text, &text].concat();
            let size = u8::try_from(properties.len()).unwrap();
            // More than 127 bytes take two for their number.
            let number = |n: u8| if n < 128 { vec![n] } else { vec![n, 1] };
            let body = [&[0, 0x86][..], &number(size), &properties].concat();
            let packet = [&[0x20][..], &number(u8::try_from(body.len()).unwrap()), &body].concat();
            stream.write_all(&packet).await.ok();
        }
    });
    url
}

#[tokio::test]
async fn passwords_and_keys_of_clients_of_a_broker_are_nowhere() {
    let Some(broker) = Mosquitto::find("the search for passwords of MQTT") else { return };
    log();
    let (right, wrong) = (Canary::new("mqtt"), Canary::new("mqtt-wrong"));
    let place = TempDir::new().unwrap();
    let passwords = TempDir::new().unwrap();
    let file = passwords.path().join("passwords");
    std::fs::write(&file, line("lake", &right.value)).unwrap();
    let broker =
        broker.setting("allow_anonymous false").setting(&format!("password_file {}", file.display()));
    let broker = broker.start().unwrap();
    let (authority, other) = (Authority::new(), Authority::new());
    let door = authority.door(broker.address()).await.replace("https", "mqtts");
    let lake = Lake::local(place.path().join("lake")).unwrap();
    let source = |url: &str, version: Version, password: &Canary| {
        MqttSource::builder(Dataset::new("d").unwrap(), url, format!("lake-{version:?}"))
            .topic("plant/#", Qos::AtLeastOnce)
            .version(version)
            .user("lake")
            .password(password.value.as_str())
            .patience(Duration::from_millis(200))
            .connect_timeout(Duration::from_secs(5))
    };
    let certified = |builder: MqttSourceBuilder, signer: &Authority| {
        let (certificate, key) = signer.sign("lake");
        let key = key.serialize_pem();
        (builder.certificate(certificate.pem(), key.as_str()).trust(authority.pem()), Canary::of_key(&key))
    };
    let (inside, mut keys) = certified(source(&door, Version::V5, &right), &authority);
    let (outside, more) = certified(source(&door, Version::V5, &right), &other);
    keys.extend(more);
    let (mut shown, mut met) = (Vec::new(), Vec::new());
    let (mut written, mut quarantined) = (0, 0);
    for (run, builder) in [
        source(&broker.url(), Version::V5, &right),
        source(&broker.url(), Version::V3, &right),
        inside,
        outside,
        source(&broker.url(), Version::V5, &wrong),
        source(&broker.url(), Version::V3, &wrong),
        source("mqtt://127.0.0.1:1", Version::V5, &right),
        source(&repeating(right.value.clone()).await, Version::V5, &right),
        source(&repeating(wrong.value.clone()).await, Version::V3, &wrong),
    ]
    .into_iter()
    .enumerate()
    {
        shown.push(format!("{builder:?} {builder:#?}"));
        // The session is there before what is published.
        if run < 3 {
            let mut known = builder.clone().build().unwrap();
            known.seek(None).await.unwrap();
            known.next_batch().await.unwrap();
            known.close().await.unwrap();
            let mut device = Publisher::new(broker.address(), "device").user("lake", &right.value);
            for n in 0..4 {
                device.publish(Message::new("plant/a", format!("\"reading {n}.\""))).await.unwrap();
            }
            device.close().await.unwrap();
        }
        let source = builder.build().unwrap();
        match run_once(&lake, &format!("p{run}"), source, "reading 3.", &mut shown).await {
            Ok(counts) => {
                written += counts.written;
                quarantined += counts.quarantined;
            }
            Err(kind) => met.push(kind),
        }
    }
    assert!(written > 0 && quarantined > 0, "{written} {quarantined}");
    for kind in [ErrorKind::Unauthenticated, ErrorKind::Unavailable] {
        assert!(met.contains(&kind), "{kind:?} is not among {met:?}");
    }
    let canaries: Vec<_> = keys.iter().chain([&right, &wrong]).collect();
    search(&canaries, &shown, &[place.path()]);
}

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use datalake_core::testkit::{Fed, SourceHarness};
use datalake_core::{ErrorKind, async_trait};

use super::*;

const SECRET: &str = "c4nary-secret";

/// A broker with a session, a line to it, and eleven messages.
struct Plant {
    broker: Running,
    tap: Tap,
    qos: Qos,
    version: Version,
    fed: AtomicUsize,
    failures: Mutex<Vec<(ErrorKind, Vec<u8>)>>,
}

impl Plant {
    async fn new(qos: Qos, version: Version) -> Option<Self> {
        let broker = mosquitto()?;
        let tap = tap(&broker).await;
        let failures = Mutex::new(vec![
            (ErrorKind::Unavailable, Vec::new()),
            (ErrorKind::Unauthenticated, refusal(version)),
            (ErrorKind::Unavailable, vec![0xf0, 0]),
        ]);
        let plant = Self { broker, tap, qos, version, fed: AtomicUsize::new(0), failures };
        let mut first = plant.builder().build().unwrap();
        known(&mut first).await;
        first.close().await.unwrap();
        Some(plant)
    }

    fn builder(&self) -> MqttSourceBuilder {
        builder(&format!("mqtt://{}", self.tap.address()))
            .topic("plant/#", self.qos)
            .version(self.version)
            .window(8)
            .patience(Duration::from_millis(100))
            .user("lake")
            .password(SECRET)
    }

    /// What an acknowledgement begins with.
    fn kind(&self) -> u8 {
        if self.qos == Qos::ExactlyOnce { 5 } else { 4 }
    }
}

/// CONNACK for bad credentials.
fn refusal(version: Version) -> Vec<u8> {
    match version {
        Version::V3 => vec![0x20, 2, 0, 4],
        Version::V5 => vec![0x20, 3, 0, 0x86, 0],
    }
}

#[async_trait]
impl SourceHarness for Plant {
    async fn open(&self) -> Result<Box<dyn Source>> {
        Ok(Box::new(self.builder().build()?))
    }

    fn is_live(&self) -> bool {
        true
    }

    async fn feed(&self) -> Option<Fed> {
        let n = self.fed.fetch_add(1, Ordering::Relaxed) + 1;
        if n > 11 {
            return None;
        }
        let body = format!(r#"{{"n":{n}}}"#);
        let mut device = Publisher::new(self.broker.address(), "device");
        device.publish(Message::new("plant/a", body.as_str()).qos(self.qos.level())).await.unwrap();
        device.close().await.unwrap();
        let told = self.tap.hears(self.kind(), n);
        Some(Fed::new([Bytes::from(body)]).told(async move {
            told.await;
            true
        }))
    }

    async fn fail(&self) -> Option<ErrorKind> {
        let (kind, answer) = self.failures.lock().unwrap().pop()?;
        self.tap.answer(Some(&answer));
        Some(kind)
    }

    async fn mend(&self) {
        self.tap.answer(None);
    }

    fn secrets(&self) -> Vec<String> {
        vec![SECRET.into()]
    }

    fn shown(&self) -> Vec<String> {
        vec![format!("{:?} {:?}", self.builder(), self.builder().build())]
    }
}

macro_rules! suite {
    ($name:ident, $qos:expr, $version:expr) => {
        datalake_core::source_suite!(
            $name,
            match Plant::new($qos, $version).await {
                Some(plant) => plant,
                None => return Ok(datalake_core::testkit::Outcome::Skipped("there is no mosquitto")),
            }
        );
    };
}

suite!(mqtt_5, Qos::AtLeastOnce, Version::V5);
suite!(mqtt_3, Qos::AtLeastOnce, Version::V3);
suite!(mqtt_5_exactly_once, Qos::ExactlyOnce, Version::V5);

/// The same with a spool, which holds its content.
struct Spooled {
    plant: Plant,
    folder: tempfile::TempDir,
    /// Is used while the broker fails: what is in the other would be given nevertheless.
    empty: tempfile::TempDir,
    fails: AtomicBool,
    opened: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Spooled {
    async fn new(qos: Qos) -> Option<Self> {
        let plant = Plant::new(qos, Version::V5).await?;
        for _ in 0..7 {
            plant.feed().await;
        }
        Some(Self {
            plant,
            folder: tempfile::tempdir().unwrap(),
            empty: tempfile::tempdir().unwrap(),
            fails: AtomicBool::new(false),
            opened: Mutex::new(None),
        })
    }
}

#[async_trait]
impl SourceHarness for Spooled {
    /// The process before is over.
    async fn open(&self) -> Result<Box<dyn Source>> {
        let before = self.opened.lock().unwrap().take();
        if let Some(end) = before {
            end();
        }
        let folder = if self.fails.load(Ordering::Relaxed) { &self.empty } else { &self.folder };
        let source = self.plant.builder().spool(folder.path(), 1 << 20).build()?;
        let (core, shared) = (source.spool.as_ref().map(|spool| spool.core.clone()), source.shared.clone());
        *self.opened.lock().unwrap() = Some(Box::new(move || {
            core.into_iter().for_each(|core| core.release());
            shared.arrived();
        }));
        Ok(Box::new(source))
    }

    fn expected(&self) -> Vec<Bytes> {
        let fed = self.plant.fed.load(Ordering::Relaxed).min(11);
        (1..=fed).map(|n| Bytes::from(format!(r#"{{"n":{n}}}"#))).collect()
    }

    async fn feed(&self) -> Option<Fed> {
        Some(Fed::new(self.plant.feed().await?.bodies))
    }

    async fn fail(&self) -> Option<ErrorKind> {
        let kind = self.plant.fail().await;
        self.fails.store(kind.is_some(), Ordering::Relaxed);
        kind
    }

    async fn mend(&self) {
        self.fails.store(false, Ordering::Relaxed);
        self.plant.mend().await;
    }

    fn secrets(&self) -> Vec<String> {
        self.plant.secrets()
    }

    fn shown(&self) -> Vec<String> {
        self.plant.shown()
    }
}

macro_rules! spooled {
    ($name:ident, $qos:expr) => {
        datalake_core::source_suite!(
            $name,
            match Spooled::new($qos).await {
                Some(plant) => plant,
                None => return Ok(datalake_core::testkit::Outcome::Skipped("there is no mosquitto")),
            }
        );
    };
}

spooled!(spooled, Qos::AtLeastOnce);
spooled!(spooled_exactly_once, Qos::ExactlyOnce);

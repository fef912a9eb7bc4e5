//! The promises of every source, from a quiet system and from one that fails one request in ten.

use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use datalake_core::testkit::{Fed, SourceHarness};
use datalake_core::{ErrorKind, Next, Position, Result, Source, SourceInfo, async_trait, source_suite};
use datalake_simulators::sap::{Fault, Gateway, Rule, SALES_ORDERS, TokenAt, order};

use super::{Mode, PASSWORD, SapSource, SapSourceBuilder, Service, at, bodies, drain, gateway};

/// How many orders there are at first: pages of three.
const ORDERS: u64 = 10;

fn failures() -> [(Fault, ErrorKind); 9] {
    let refused = |status| Fault::Refused { status, retry_after: None };
    [
        (Fault::unavailable(), ErrorKind::Unavailable),
        (Fault::throttled(1), ErrorKind::RateLimited),
        (refused(401), ErrorKind::Unauthenticated),
        (refused(403), ErrorKind::PermissionDenied),
        (Fault::RefusedInXml(500), ErrorKind::Unavailable),
        (Fault::Login, ErrorKind::Unauthenticated),
        (Fault::Redirect("https://login.example/".into()), ErrorKind::ConfigInvalid),
        (Fault::Truncated, ErrorKind::Unavailable),
        (Fault::Reset, ErrorKind::Unavailable),
    ]
}

struct Silo {
    gateway: Gateway,
    service: Service,
    source: SapSourceBuilder,
    expected: Mutex<Vec<Bytes>>,
    grows: bool,
    failing: Option<u64>,
    failure: Mutex<usize>,
}

impl Silo {
    /// A silo that grows, or not: what is new of a delta comes only after a commit.
    async fn new(service: Service, mode: Mode, token: TokenAt, grows: bool, failing: Option<u64>) -> Self {
        let gateway = gateway(Gateway::builder().page(3).token_at(token), ORDERS).await;
        // Under failures, each life ends the subscription of the one before and takes none over.
        let source = service.source(&gateway, mode).take_over(failing.is_none());
        let silo = Self {
            expected: Mutex::new(whole(service, &gateway).await),
            gateway,
            service,
            source,
            grows,
            failing,
            failure: Mutex::new(0),
        };
        silo.mend().await;
        silo
    }
}

/// The rows of one page of everything.
async fn whole(service: Service, gateway: &Gateway) -> Vec<Bytes> {
    gateway.reconfigure(|settings| settings.page(1_000));
    let all = drain(&mut at(&service.source(gateway, Mode::full()), None).await).await.unwrap();
    assert_eq!(all.len(), 1);
    gateway.reconfigure(|settings| settings.page(3));
    bodies(&all)
}

#[async_trait]
impl SourceHarness for Silo {
    async fn open(&self) -> Result<Box<dyn Source>> {
        let source = self.source.clone().build()?;
        let subscribes = self.service == Service::Queue;
        Ok(match self.failing {
            Some(_) => Box::new(Patient { source, subscribes, begins: subscribes }),
            None => Box::new(source),
        })
    }

    fn expected(&self) -> Vec<Bytes> {
        self.expected.lock().unwrap().clone()
    }

    async fn feed(&self) -> Option<Fed> {
        if !self.grows {
            return None;
        }
        let n = self.expected().len() as u64;
        self.gateway.system().create(SALES_ORDERS, order(n));
        let all = whole(self.service, &self.gateway).await;
        let new = all.last().cloned();
        *self.expected.lock().unwrap() = all;
        Some(Fed::new(new))
    }

    async fn fail(&self) -> Option<ErrorKind> {
        if self.failing.is_some() {
            return None;
        }
        let mut next = self.failure.lock().unwrap();
        let failure = failures().into_iter().nth(*next);
        *next = if failure.is_some() { *next + 1 } else { 0 };
        let (fault, kind) = failure?;
        self.gateway.faults().add(Rule::new(fault).always());
        Some(kind)
    }

    async fn mend(&self) {
        self.gateway.faults().clear();
        if let Some(seed) = self.failing {
            self.gateway.faults().one_in(10, seed);
        }
    }

    fn secrets(&self) -> Vec<String> {
        vec![PASSWORD.to_owned()]
    }

    fn shown(&self) -> Vec<String> {
        vec![format!("{:?}", self.source), format!("{:?}", self.source.clone().build())]
    }
}

/// A source that is asked again after an error that passes, as the engine does.
#[derive(Debug)]
struct Patient {
    source: SapSource,
    subscribes: bool,
    /// Whether the subscription of the life before is to be ended.
    begins: bool,
}

impl Patient {
    async fn try_next(&mut self) -> Result<Next> {
        if self.begins {
            self.source.terminate().await?;
            self.begins = false;
        }
        self.source.next_batch().await
    }
}

#[async_trait]
impl Source for Patient {
    fn info(&self) -> &SourceInfo {
        self.source.info()
    }

    async fn next_batch(&mut self) -> Result<Next> {
        for _ in 0..20 {
            match self.try_next().await {
                Err(error) if error.is_retryable() => {}
                next => return next,
            }
        }
        self.try_next().await
    }

    async fn seek(&mut self, position: Option<&Position>) -> Result<()> {
        self.begins = self.subscribes && position.is_none();
        self.source.seek(position).await
    }

    async fn commit(&mut self, position: &Position) -> Result<()> {
        self.source.commit(position).await
    }

    async fn close(&mut self) -> Result<()> {
        self.source.close().await
    }
}

fn keyset() -> Mode {
    Mode::keyset("LastChangeDateTime").settle(Duration::ZERO)
}

async fn quiet(service: Service, mode: Mode) -> Silo {
    let grows = matches!(mode.0, super::super::mode::How::Keyset { .. });
    Silo::new(service, mode, TokenAt::Delta, grows, None).await
}

async fn queue(token: TokenAt) -> Silo {
    Silo::new(Service::Queue, Mode::delta(), token, false, None).await
}

async fn failing(service: Service, mode: Mode, seed: u64) -> Silo {
    Silo::new(service, mode, TokenAt::Delta, false, Some(seed)).await
}

source_suite!(of_a_full_load_of_version_2, quiet(Service::V2, Mode::full()).await);
source_suite!(of_a_full_load_of_version_4, quiet(Service::V4, Mode::full()).await);
source_suite!(
    of_a_full_load_by_key,
    quiet(Service::V4, Mode::full_by(["SalesOrder"]).every(Duration::MAX)).await
);
source_suite!(of_a_keyset_of_version_2, quiet(Service::V2, keyset()).await);
source_suite!(of_a_keyset_of_version_4, quiet(Service::V4, keyset()).await);
source_suite!(of_a_delta_of_version_2, quiet(Service::V2, Mode::delta()).await);
source_suite!(of_a_delta_of_version_4, quiet(Service::V4, Mode::delta()).await);
source_suite!(of_a_queue_with_its_token_in_delta, queue(TokenAt::Delta).await);
source_suite!(of_a_queue_with_its_token_in_next, queue(TokenAt::Next).await);
source_suite!(of_a_queue_with_its_token_in_a_list, queue(TokenAt::DeltaLinks).await);

source_suite!(of_a_failing_full_load, failing(Service::V4, Mode::full(), 1).await);
source_suite!(of_a_failing_keyset_of_version_2, failing(Service::V2, keyset(), 2).await);
source_suite!(of_a_failing_keyset_of_version_4, failing(Service::V4, keyset(), 5).await);
source_suite!(of_a_failing_delta_of_version_2, failing(Service::V2, Mode::delta(), 6).await);
source_suite!(of_a_failing_delta_of_version_4, failing(Service::V4, Mode::delta(), 3).await);
source_suite!(of_a_failing_queue, failing(Service::Queue, Mode::delta(), 4).await);
source_suite!(
    of_a_failing_queue_with_its_token_in_next,
    Silo::new(Service::Queue, Mode::delta(), TokenAt::Next, false, Some(7)).await
);

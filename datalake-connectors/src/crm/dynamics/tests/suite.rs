//! The promises of every source: to a quiet environment, and to one that fails one request in ten.

use std::sync::Mutex;

use bytes::Bytes;

use super::{DynamicsSourceBuilder, SECRET, builder, dataverse, read};
use crate::crm::testing::Stubborn;
use datalake_core::split::split;
use datalake_core::testkit::{Fed, SourceHarness};
use datalake_core::{ErrorKind, Result, Source, async_trait, source_suite};
use datalake_simulators::dataverse::{Dataverse, Fault, Rule};

fn failures() -> [(Fault, ErrorKind); 7] {
    let refused = |status| Fault::Refused { status, retry_after: None };
    [
        (Fault::unavailable(), ErrorKind::Unavailable),
        (Fault::throttled(1), ErrorKind::RateLimited),
        (refused(401), ErrorKind::Unauthenticated),
        (refused(403), ErrorKind::PermissionDenied),
        (Fault::Login, ErrorKind::Unauthenticated),
        (Fault::Redirect("https://login.example/".into()), ErrorKind::ConfigInvalid),
        (Fault::Truncated, ErrorKind::Unavailable),
    ]
}

/// An environment with accounts.
struct Silo {
    dataverse: Dataverse,
    source: DynamicsSourceBuilder,
    expected: Vec<Bytes>,
    shaky: bool,
    failure: Mutex<usize>,
}

impl Silo {
    async fn new(shaky: bool) -> Self {
        let dataverse = dataverse(Dataverse::builder().page(3), 10).await;
        let source = builder(&dataverse);
        let expected = whole(&dataverse, &source).await;
        let silo = Self { dataverse, source, expected, shaky, failure: Mutex::new(0) };
        silo.mend().await;
        silo
    }
}

/// The records as they are given.
async fn whole(dataverse: &Dataverse, source: &DynamicsSourceBuilder) -> Vec<Bytes> {
    dataverse.reconfigure(|settings| settings.page(1_000));
    let all = read(source, None).await.unwrap();
    dataverse.reconfigure(|settings| settings.page(3));
    let mut bodies = Vec::new();
    for document in all.iter().flat_map(|batch| &batch.documents) {
        split(document, |piece| bodies.push(piece.body));
    }
    bodies
}

#[async_trait]
impl SourceHarness for Silo {
    async fn open(&self) -> Result<Box<dyn Source>> {
        Ok(Box::new(Stubborn(self.source.clone().build()?)))
    }

    fn expected(&self) -> Vec<Bytes> {
        self.expected.clone()
    }

    /// What is new comes only after a commit.
    async fn feed(&self) -> Option<Fed> {
        None
    }

    async fn fail(&self) -> Option<ErrorKind> {
        let mut next = self.failure.lock().unwrap();
        let failure = failures().into_iter().nth(*next);
        *next = if failure.is_some() { *next + 1 } else { 0 };
        self.dataverse.faults().clear();
        let (fault, kind) = failure?;
        self.dataverse.faults().add(Rule::new(fault).target("/api/data/").always());
        Some(kind)
    }

    async fn mend(&self) {
        self.dataverse.faults().clear();
        if self.shaky {
            self.dataverse.faults().one_in(10, 7);
        }
    }

    fn secrets(&self) -> Vec<String> {
        vec![SECRET.to_owned()]
    }

    fn shown(&self) -> Vec<String> {
        vec![format!("{:?}", self.source), format!("{:?}", self.source.clone().build())]
    }
}

source_suite!(of_an_environment, Silo::new(false).await);
source_suite!(of_a_shaky_environment, Silo::new(true).await);

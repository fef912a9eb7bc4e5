//! The promises of every source: to a quiet portal, and to one that fails one request in ten.

use std::sync::Mutex;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{HubSpotSourceBuilder, builder, fill, portal, settings};
use crate::crm::testing::Stubborn;
use datalake_core::testkit::{Fed, SourceHarness};
use datalake_core::{ErrorKind, Result, Source, async_trait, source_suite};
use datalake_simulators::hubspot::{HubSpot, TOKEN};
use datalake_simulators::rest::{Fault, Refusal, Rule};

const FAILURES: [(u16, &str, ErrorKind); 7] = [
    (503, "SERVICE_UNAVAILABLE", ErrorKind::Unavailable),
    (423, "LOCKED", ErrorKind::Unavailable),
    (429, "TEN_SECONDLY_ROLLING", ErrorKind::RateLimited),
    (401, "INVALID_AUTHENTICATION", ErrorKind::Unauthenticated),
    (403, "MISSING_SCOPES", ErrorKind::PermissionDenied),
    (404, "OBJECT_NOT_FOUND", ErrorKind::NotFound),
    (302, "", ErrorKind::ConfigInvalid),
];

/// A portal with companies.
struct Silo {
    portal: HubSpot,
    source: HubSpotSourceBuilder,
    shaky: bool,
    failure: Mutex<usize>,
}

impl Silo {
    fn new(shaky: bool) -> Self {
        let portal = portal(settings());
        fill(&portal, "companies", 150);
        fill(&portal, "companies", 230);
        let source = builder(&portal, "companies");
        let silo = Self { portal, source, shaky, failure: Mutex::new(0) };
        silo.shake();
        silo
    }

    fn shake(&self) {
        if self.shaky {
            self.portal.faults().one_in(10, 7);
        }
    }

    /// A record as it is given.
    fn body(record: &Value) -> Bytes {
        let names = ["createdate", "hs_lastmodifieddate", "hs_object_id", "name"];
        let properties: Vec<String> =
            names.iter().map(|name| format!("{}:{}", json!(name), record["properties"][name])).collect();
        Bytes::from(format!(
            r#"{{"id":{},"properties":{{{}}},"createdAt":{},"updatedAt":{},"archived":false}}"#,
            record["id"],
            properties.join(","),
            record["createdAt"],
            record["updatedAt"]
        ))
    }
}

#[async_trait]
impl SourceHarness for Silo {
    async fn open(&self) -> Result<Box<dyn Source>> {
        Ok(Box::new(Stubborn(self.source.clone().build()?)))
    }

    fn expected(&self) -> Vec<Bytes> {
        self.portal.records("companies").iter().map(Self::body).collect()
    }

    async fn feed(&self) -> Option<Fed> {
        fill(&self.portal, "companies", 1);
        let records = self.portal.records("companies");
        Some(Fed::new(records.last().map(Self::body)))
    }

    async fn fail(&self) -> Option<ErrorKind> {
        let mut next = self.failure.lock().unwrap();
        let now = FAILURES.get(*next);
        *next = now.map_or(0, |_| *next + 1);
        self.portal.faults().clear();
        let (status, code, kind) = now?;
        let refusal = Refusal::new(*status, *code).message(TOKEN);
        self.portal.faults().add(Rule::any().always(), Fault::Refused(refusal));
        Some(*kind)
    }

    async fn mend(&self) {
        self.portal.faults().clear();
        self.shake();
    }

    fn secrets(&self) -> Vec<String> {
        vec![TOKEN.to_owned()]
    }

    fn shown(&self) -> Vec<String> {
        vec![format!("{:?}", self.source), format!("{:?}", self.source.clone().build())]
    }
}

source_suite!(of_a_portal, Silo::new(false));
source_suite!(of_a_shaky_portal, Silo::new(true));

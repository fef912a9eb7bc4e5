//! The promises of every source: to a quiet organisation, and to one that fails one request in ten.

use std::sync::Mutex;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Bulk, SalesforceSourceBuilder, Stubborn, builder, fill, org, settings};
use datalake_core::testkit::{Fed, SourceHarness};
use datalake_core::{ErrorKind, Result, Source, async_trait, source_suite};
use datalake_simulators::rest::{Fault, Refusal, Rule};
use datalake_simulators::salesforce::{CLIENT_SECRET, Salesforce};

const FAILURES: [(u16, &str, ErrorKind); 6] = [
    (503, "SERVER_UNAVAILABLE", ErrorKind::Unavailable),
    (403, "REQUEST_LIMIT_EXCEEDED", ErrorKind::RateLimited),
    (401, "INVALID_SESSION_ID", ErrorKind::Unauthenticated),
    (403, "API_DISABLED_FOR_ORG", ErrorKind::PermissionDenied),
    (404, "NOT_FOUND", ErrorKind::NotFound),
    (302, "", ErrorKind::ConfigInvalid),
];

/// An organisation with accounts.
struct Silo {
    org: Salesforce,
    source: SalesforceSourceBuilder,
    bulk: bool,
    shaky: bool,
    failure: Mutex<usize>,
}

impl Silo {
    fn new(bulk: bool, shaky: bool) -> Self {
        let org = org(settings().page(3).bulk_page(4).bulk_polls(1));
        fill(&org, 4);
        fill(&org, 10);
        let bulk_mode = if bulk { Bulk::Always } else { Bulk::Never };
        let source = builder(&org).bulk(bulk_mode);
        let silo = Self { org, source, bulk, shaky, failure: Mutex::new(0) };
        silo.shake();
        silo
    }

    fn shake(&self) {
        if self.shaky {
            self.org.faults().one_in(10, 7);
        }
    }

    /// A record as it is given.
    fn body(&self, id: &str) -> Bytes {
        let records = self.org.records("Account");
        let record = records.iter().find(|record| record["Id"] == id).unwrap();
        let names = ["Id", "IsDeleted", "SystemModstamp", "CreatedDate", "LastModifiedDate", "Name"];
        let text = |value: &Value| match value {
            Value::String(text) => text.replace("+0000", "Z"),
            other => other.to_string(),
        };
        let mut members: Vec<String> = Vec::new();
        if !self.bulk {
            let url = format!("/services/data/v62.0/sobjects/Account/{id}");
            members.push(format!(r#""attributes":{{"type":"Account","url":"{url}"}}"#));
        }
        for name in names {
            let value = if self.bulk { json!(text(&record[name])) } else { record[name].clone() };
            members.push(format!("{}:{value}", json!(name)));
        }
        Bytes::from(format!("{{{}}}", members.join(",")))
    }
}

#[async_trait]
impl SourceHarness for Silo {
    async fn open(&self) -> Result<Box<dyn Source>> {
        Ok(Box::new(Stubborn(self.source.clone().build()?)))
    }

    fn expected(&self) -> Vec<Bytes> {
        // Ids are in the order in which records were made, and so are their stamps.
        let records = self.org.records("Account");
        records.iter().map(|record| self.body(record["Id"].as_str().unwrap())).collect()
    }

    async fn feed(&self) -> Option<Fed> {
        let id = fill(&self.org, 1).remove(0);
        Some(Fed::new([self.body(&id)]))
    }

    async fn fail(&self) -> Option<ErrorKind> {
        let mut next = self.failure.lock().unwrap();
        let now = FAILURES.get(*next);
        *next = now.map_or(0, |_| *next + 1);
        self.org.faults().clear();
        let (status, code, kind) = now?;
        let refusal = Refusal::new(*status, *code).message(CLIENT_SECRET);
        // Pages and jobs that are not found are made again, which is no failure.
        let again = ["query_more", "job_state", "job_results"];
        let rest = ["describe", "query_all", "create_job", "deleted"];
        for operation in rest.into_iter().chain(again.into_iter().filter(|_| *status != 404)) {
            self.org.faults().add(Rule::of(operation).always(), Fault::Refused(refusal.clone()));
        }
        Some(*kind)
    }

    async fn mend(&self) {
        self.org.faults().clear();
        self.shake();
    }

    fn secrets(&self) -> Vec<String> {
        vec![CLIENT_SECRET.to_owned()]
    }

    fn shown(&self) -> Vec<String> {
        vec![format!("{:?}", self.source), format!("{:?}", self.source.clone().build())]
    }
}

source_suite!(of_queries, Silo::new(false, false));
source_suite!(of_bulk_jobs, Silo::new(true, false));
source_suite!(of_queries_of_a_shaky_organisation, Silo::new(false, true));
source_suite!(of_bulk_jobs_of_a_shaky_organisation, Silo::new(true, true));

#[test]
fn a_shaky_organisation_fails_requests() {
    let silo = Silo::new(false, true);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for _ in 0..5 {
            super::drain(silo.open().await.unwrap().as_mut()).await.unwrap();
        }
    });
    let seen = silo.org.faults().seen();
    let failed = seen.iter().filter(|seen| seen.fault.is_some()).count();
    assert!(seen.len() >= 30 && failed * 20 > seen.len(), "{failed} of {}", seen.len());
}

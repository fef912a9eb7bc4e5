//! A simulated system: a load, then changes and a delete, and the way back from the delete to the page that told of it.

use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use datalake_connectors::crm::dynamics::DynamicsSource;
use datalake_connectors::crm::hubspot::HubSpotSource;
use datalake_connectors::crm::salesforce::{SalesforceAuth, SalesforceSource};
use datalake_core::lake::{Lake, Zone, stamp};
use datalake_core::pipeline::{Budget, PipelineBuilder};
use datalake_core::{Dataset, Error, RecordId, Result, Worker};
use datalake_examples::say;
use datalake_host::Host;
use datalake_host::cli::{Command, Trace};
use datalake_simulators::dataverse::{ACCOUNTS, Dataverse, Row, account, account_key};
use datalake_simulators::hubspot::{self, HubSpot};
use datalake_simulators::salesforce::{self, Salesforce};
use serde_json::json;

use super::{Arguments, System, dataset, into_lake, into_lake_alike, pipeline};

/// How many records there are at first.
const RECORDS: u64 = 250;
const MINUTE: Duration = Duration::from_secs(60);

/// A system that runs in this process, and the ids of its first records.
enum Simulated {
    Salesforce(Salesforce, Vec<String>),
    HubSpot(HubSpot, Vec<u64>),
    Dynamics(Dataverse),
}

/// Reads the system while it changes, and shows what came of it.
pub(super) async fn tell(arguments: Arguments, lake: &Lake) -> Result<ExitCode> {
    let system = Simulated::start(arguments.system).await?;
    let dataset = dataset(&arguments, system.object())?;
    // The system is another one each time, and so is what is known of it.
    let lane = format!("{}.{}", pipeline(&dataset)?, now().as_millis());
    let worker = Worker::new(env!("CARGO_BIN_NAME"), env!("CARGO_PKG_VERSION"));
    let builder = datalake_core::Pipeline::builder(lane.as_str()).worker(worker);
    let mut pipeline = system.source(builder, dataset.clone(), lake).await?.build()?;
    say!("{} with {RECORDS} records, in this process:\n  {}\n", system.name(), system.url());
    let steps = [
        "The first load",
        "Two records were created and one changed",
        "One record was deleted",
        "Nothing was done",
    ];
    for (n, step) in steps.into_iter().enumerate() {
        match n {
            1 => system.change(),
            2 => system.delete(),
            _ => {}
        }
        system.advance();
        let report = pipeline.drain(Budget::unlimited()).await?;
        say!("{step}: {}", say::records(report.counts.written));
    }
    pipeline.close().await;
    let Some(record) = deleted(lake, &dataset).await? else {
        return Err(Error::unexpected("the delete is not in the lake"));
    };
    say!("\nWhere the lake knows of the delete from (crm_to_lake trace {record}):");
    let trace = Command::Trace(Trace { record, full: false });
    let host = Host::new(env!("CARGO_BIN_NAME"), env!("CARGO_PKG_VERSION")).lake(lake).dataset(dataset);
    Ok(host.run(Some(trace), &arguments.globals).await)
}

impl Simulated {
    async fn start(system: System) -> Result<Self> {
        let failed = |cause| Error::io("the simulated system cannot start", cause);
        // Some minutes ago, so that what happens in the story has happened by now.
        let began = i64::try_from((now().as_secs() / 60 - 5) * 60_000).unwrap_or_default();
        let name = |n: u64| json!({ "name": format!("Customer {n}") });
        Ok(match system {
            System::Salesforce => {
                let account = salesforce::Object::new("Account").field(salesforce::Field::text("Name"));
                let org = Salesforce::builder().object(account).page(100).start().map_err(failed)?;
                org.set_clock(began);
                let make = |n| org.create("Account", json!({ "Name": format!("Customer {n}") }));
                let ids = (0..RECORDS).map(make).collect();
                Self::Salesforce(org, ids)
            }
            System::Hubspot => {
                let companies = hubspot::Object::new("companies").property("name", hubspot::Kind::Text);
                let portal = HubSpot::builder().object(companies).start().map_err(failed)?;
                portal.set_clock(began);
                let ids = portal.create_many("companies", RECORDS, name).collect();
                Self::HubSpot(portal, ids)
            }
            System::Dynamics => {
                let dataverse = Dataverse::builder().page(100).start().await.map_err(failed)?;
                (0..RECORDS).for_each(|n| dataverse.system().create(ACCOUNTS, account(n)));
                Self::Dynamics(dataverse)
            }
        })
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Salesforce(..) => "A Salesforce organisation",
            Self::HubSpot(..) => "A HubSpot portal",
            Self::Dynamics(_) => "An environment of Dynamics 365",
        }
    }

    fn object(&self) -> &'static str {
        match self {
            Self::Salesforce(..) => "Account",
            Self::HubSpot(..) => "companies",
            Self::Dynamics(_) => ACCOUNTS,
        }
    }

    fn url(&self) -> String {
        match self {
            Self::Salesforce(org, _) => org.url(),
            Self::HubSpot(portal, _) => portal.url(),
            Self::Dynamics(dataverse) => dataverse.api(),
        }
    }

    /// A pipeline that reads it into a lake.
    async fn source(
        &self,
        pipeline: PipelineBuilder,
        dataset: Dataset,
        lake: &Lake,
    ) -> Result<PipelineBuilder> {
        match self {
            Self::Salesforce(..) => {
                let auth =
                    SalesforceAuth::client_credentials(salesforce::CLIENT_ID, salesforce::CLIENT_SECRET);
                let source =
                    SalesforceSource::builder(dataset, self.url(), self.object()).auth(auth).build()?;
                into_lake_alike(pipeline, source, lake).await
            }
            Self::HubSpot(..) => {
                let source = HubSpotSource::builder(dataset, self.object());
                into_lake(pipeline, source.url(self.url()).token(hubspot::TOKEN).build()?, lake)
            }
            Self::Dynamics(_) => {
                let source = DynamicsSource::builder(dataset, self.url(), self.object()).build()?;
                into_lake(pipeline, source, lake)
            }
        }
    }

    fn change(&self) {
        match self {
            Self::Salesforce(org, ids) => {
                for name in ["New 1", "New 2"] {
                    org.create("Account", json!({ "Name": name }));
                }
                org.update("Account", &ids[7], json!({ "Name": "Renamed" }));
            }
            Self::HubSpot(portal, ids) => {
                for name in ["New 1", "New 2"] {
                    portal.create("companies", json!({ "name": name }));
                }
                portal.update("companies", ids[7], json!({ "name": "Renamed" }));
            }
            Self::Dynamics(dataverse) => {
                let system = dataverse.system();
                (RECORDS..RECORDS + 2).for_each(|n| system.create(ACCOUNTS, account(n)));
                let renamed = Row::new().with("accountid", account_key(7)).with("name", "Renamed");
                system.update(ACCOUNTS, renamed);
            }
        }
    }

    fn delete(&self) {
        match self {
            Self::Salesforce(org, ids) => org.delete("Account", &ids[42]),
            Self::HubSpot(portal, ids) => portal.archive("companies", ids[42]),
            Self::Dynamics(dataverse) => dataverse.system().delete(ACCOUNTS, account_key(42)),
        }
    }

    fn advance(&self) {
        match self {
            Self::Salesforce(org, _) => org.advance(MINUTE),
            Self::HubSpot(portal, _) => portal.advance(MINUTE),
            Self::Dynamics(_) => {}
        }
    }
}

/// The time since 1970.
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The last record of the curated zone that says that something was deleted.
async fn deleted(lake: &Lake, dataset: &Dataset) -> Result<Option<RecordId>> {
    let mut found = None;
    for object in lake.objects(dataset, Zone::Curated).await? {
        let content = lake.content(&object).await?;
        for line in content.split(|byte| *byte == b'\n') {
            let Some((row, id)) = stamp::read(line) else { continue };
            let row: serde_json::Value = serde_json::from_slice(&row)
                .map_err(|cause| Error::unexpected("a curated line is no JSON").caused_by(cause))?;
            if row["_op"] == "delete" {
                found = Some(id);
            }
        }
    }
    Ok(found)
}

//! A simulated system: a load, then changes and deletes, and the way back from a delete to the delta that told of it.

use std::process::ExitCode;

use datalake_connectors::sap::{Auth, Mode, Renew};
use datalake_core::lake::{Lake, Zone, stamp};
use datalake_core::pipeline::{Budget, Report};
use datalake_core::{Error, Pipeline, RecordId, Result};
use datalake_examples::say;
use datalake_host::cli::{Command, Trace};
use datalake_simulators::sap::{Gateway, Row, SALES_ORDERS, System, order, order_key};

use super::{Arguments, host, into_lake, settings};

const USER: &str = "LAKE_ORDERS";
const PASSWORD: &str = "simulated";
/// How many orders there are at first.
const ORDERS: u64 = 250;
/// The order that is deleted.
const DELETED: u64 = 42;

/// Reads the system while it changes, and shows what came of it.
pub(super) async fn tell(arguments: &Arguments, lake: &Lake) -> Result<ExitCode> {
    let started = Gateway::builder().user(USER, PASSWORD).before_images(true).start().await;
    let gateway = started.map_err(|cause| Error::io("the simulated system cannot start", cause))?;
    let (system, root) = (gateway.system(), gateway.odp());
    (0..ORDERS).for_each(|n| system.create(SALES_ORDERS, order(n)));
    // The system is another one each time, and does not know the tokens of the one before.
    let source = settings(arguments, &root, "FactsOfZSALESORDERS")
        .mode(Mode::delta())
        .when_expired(Renew::Reinitialise)
        .auth(Auth::basic(USER, PASSWORD))
        .build()?;
    let shared = lake.clone();
    let host = host(arguments)
        .pipeline(super::PIPELINE, |pipeline| async move { into_lake(pipeline, source, &shared) });
    let mut pipelines = host.pipelines(&[]).await?;
    let pipeline = pipelines.first_mut().ok_or_else(|| Error::unexpected("a pipeline is missing"))?;
    say!(
        "A SAP system with {ORDERS} sales orders, in this process, and its queue of changes (ODP):\n  {root}\n"
    );
    drain(pipeline, "The first load").await?;
    change(system);
    drain(pipeline, "Two orders were created and one changed: the first delta").await?;
    system.delete(SALES_ORDERS, order_key(DELETED));
    drain(pipeline, &format!("Order {DELETED} was deleted: the second delta")).await?;
    drain(pipeline, "Nothing was done").await?;
    for pipeline in pipelines {
        pipeline.close().await;
    }
    let Some(record) = deleted(lake, arguments).await? else {
        return Err(Error::unexpected("the delete is not in the lake"));
    };
    say!("\nWhich delta told of the delete, when, and on which page (sap_to_lake trace {record}):");
    let trace = Command::Trace(Trace { record, full: true });
    Ok(super::host(arguments).lake(lake).run(Some(trace), &arguments.globals).await)
}

fn change(system: &System) {
    system.create(SALES_ORDERS, order(ORDERS));
    system.create(SALES_ORDERS, order(ORDERS + 1));
    system.update(SALES_ORDERS, Row::new().with("SalesOrder", order_key(7)).with("Note", "call first"));
}

async fn drain(pipeline: &mut Pipeline, what: &str) -> Result<()> {
    let report: Report = pipeline.drain(Budget::unlimited()).await?;
    say!("{what}: {}", say::records(report.counts.written));
    Ok(())
}

/// The last record of the curated zone that says that something was deleted.
async fn deleted(lake: &Lake, arguments: &Arguments) -> Result<Option<RecordId>> {
    let mut found = None;
    for object in lake.objects(&arguments.dataset, Zone::Curated).await? {
        let content = lake.content(&object).await?;
        for line in content.split(|byte| *byte == b'\n') {
            let (row, id) = match stamp::read(line) {
                Some((row, id)) => (row, id),
                None => continue,
            };
            let row: serde_json::Value = serde_json::from_slice(&row)
                .map_err(|cause| Error::unexpected("a curated line is no JSON").caused_by(cause))?;
            if row["_op"] == "delete" {
                found = Some(id);
            }
        }
    }
    Ok(found)
}

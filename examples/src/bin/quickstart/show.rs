//! What a newcomer sees.

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use datalake_core::lake::{Lake, QuarantineLine, Zone, stamp};
use datalake_core::pipeline::{Budget, Report};
use datalake_core::{Error, PipelineId, RecordId, Result};
use datalake_examples::company::{App, Shop};
use datalake_examples::say;
use datalake_host::Host;
use datalake_host::cli::{Command, Globals, Ls, Trace};

/// How many events the app sends in a run.
const EVENTS: u64 = 60;

pub(crate) fn begin(shop: &Shop, receiver: SocketAddr, inbox: &Path) {
    say!("A company, in this process:");
    say!("  a shop that gives its orders in pages       {}", shop.orders());
    say!("  an app that sends signed events to          http://{receiver}/events");
    say!("  warehouses that put their counts into       {}\n", inbox.display());
}

/// Runs the pipelines side by side: two drain, and the receiver goes on until the app has sent its events.
pub(crate) async fn hydrate(host: Host, lake: &Lake, app: &App, receiver: SocketAddr) -> Result<()> {
    let known = seen(lake).await?;
    let pipelines = host.pipelines(&[]).await?;
    let missing = || Error::unexpected("a pipeline is missing");
    let [mut orders, mut events, mut stock] = <[_; 3]>::try_from(pipelines).map_err(|_| missing())?;
    let (done, sent) = tokio::sync::oneshot::channel::<()>();
    let post = async {
        let posted = app.post(receiver, known, EVENTS).await;
        drop(done);
        posted
    };
    let stop = async {
        // The other end is dropped once all is sent.
        sent.await.ok();
    };
    let (orders_ended, stock_ended, events_ended, posted) = tokio::join!(
        orders.drain(Budget::unlimited()),
        stock.drain(Budget::unlimited()),
        events.run_until(stop),
        post
    );
    for pipeline in [orders, events, stock] {
        pipeline.close().await;
    }
    let posted = posted?;
    say!("Hydrated, all three at once:");
    for report in [orders_ended?, events_ended?, stock_ended?] {
        say!("  {}", describe(&report));
    }
    say!(
        "  (the app was told of {} events that they are committed; {} with a forged signature was refused)\n",
        posted.accepted,
        posted.refused
    );
    Ok(())
}

/// The events that are in the lake already, which is where the app goes on to count.
async fn seen(lake: &Lake) -> Result<u64> {
    let views = lake.views().await?;
    let events = views.iter().find(|view| view.pipeline.as_str() == "app-events");
    Ok(events.map_or(0, |view| view.counts.read))
}

fn describe(report: &Report) -> String {
    let counts = report.counts;
    let name = report.pipeline.as_str();
    if counts.read == 0 {
        return format!("{name:<14} 0 new");
    }
    format!("{name:<14} {} new: {} curated, {} quarantined", counts.read, counts.written, counts.quarantined)
}

/// Shows the zones, the way back of one record, and the quarantine.
pub(crate) async fn lake(lake: &Lake, globals: &Globals) -> Result<ExitCode> {
    let look = |command| {
        let host = Host::new(env!("CARGO_BIN_NAME"), env!("CARGO_PKG_VERSION")).lake(lake);
        async move { host.run(Some(command), globals).await }
    };
    say!("What is in the lake (quickstart ls):");
    look(Command::Ls(Ls::default())).await;

    if let Some(record) = first(lake).await? {
        say!("\nWhere one record came from (quickstart trace {record}):");
        look(Command::Trace(Trace { record, full: false })).await;
    }
    say!("\nWhat was refused, and why (quickstart cat --dataset … --zone quarantine):");
    quarantine(lake).await?;
    say!("\nIs it whole? (quickstart verify)");
    let code = look(Command::Verify(Default::default())).await;
    say!(
        "\nRun it again, and only what is new is acquired: by then the app has sent other events, and that is all."
    );
    let program = std::env::args().next().unwrap_or_default();
    say!("The commands in brackets are this program's, {program}; with --help it lists them all.");
    Ok(code)
}

/// The first order of the shop in the curated zone.
async fn first(lake: &Lake) -> Result<Option<RecordId>> {
    let view = lake.view(&PipelineId::new("shop-orders")?).await?;
    let Some(object) = view.objects().find(|object| object.zone == Zone::Curated) else { return Ok(None) };
    let content = lake.content(object).await?;
    let line = content.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(stamp::read(line).map(|(_, id)| id))
}

async fn quarantine(lake: &Lake) -> Result<()> {
    for view in lake.views().await? {
        for object in view.objects().filter(|object| object.zone == Zone::Quarantine) {
            let content = lake.content(object).await?;
            for line in content.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                let line = QuarantineLine::parse(line)?;
                let bytes = line.bytes()?;
                let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).into_owned();
                say!("  {}  by {}: {}", line.id, line.step.name, line.error);
                say!("      byte {} of {}: {shown:?}…", line.offset, line.locator);
            }
        }
    }
    Ok(())
}

//! The quickstart: a pretend company, and a lake that is hydrated from all of it at once.
//!
//! ```text
//! cargo run --release -p datalake-examples --bin quickstart                # hydrate ./lake and look at it
//! cargo run --release -p datalake-examples --bin quickstart -- --help      # what else it can do
//! cargo run --release -p datalake-examples --bin quickstart -- verify      # is the lake whole?
//! ```
//!
//! No account and no network: a paged shop interface, an app that sends signed events and a folder of reports are all
//! in this process, on loopback. Started again, it acquires only what is new.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use datalake_connectors::web::hook::{HookSource, Verify};
use datalake_core::lake::Lake;
use datalake_core::{Dataset, Error, ErrorKind, Result};
use datalake_examples::company::{App, Shop, write_reports};
use datalake_host::Host;
use datalake_host::cli::{Command, Globals};

mod pipelines;
mod show;

/// Hydrates a lake from a pretend company: a shop's interface, an app's events, a folder of reports.
///
/// Without a command it hydrates and shows what came of it. The commands work on the same lake.
#[derive(Debug, Parser)]
#[command(name = env!("CARGO_BIN_NAME"), version)]
struct Arguments {
    /// The directory of the lake; reports are written to one beside it, with `-inbox` at its end
    #[arg(long, default_value = "./lake")]
    lake: PathBuf,
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Option<Command>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments).await {
        Ok(code) => code,
        Err(error) => datalake_host::fail(env!("CARGO_BIN_NAME"), &error),
    }
}

async fn run(arguments: &Arguments) -> Result<ExitCode> {
    let looks = arguments.command.as_ref().is_some_and(|command| !command.needs_pipelines());
    if looks && !arguments.lake.is_dir() {
        return Err(Error::new(
            ErrorKind::NotFound,
            "there is no lake; run the quickstart without a command first",
        )
        .with("lake", arguments.lake.display()));
    }
    let lake = Lake::local(&arguments.lake)?;
    let host = Host::new(env!("CARGO_BIN_NAME"), env!("CARGO_PKG_VERSION")).lake(&lake);
    if looks {
        return Ok(host.run(arguments.command.clone(), &arguments.globals).await);
    }

    let (shop, app) = (Shop::open().await?, App::new());
    let mut inbox = arguments.lake.clone().into_os_string();
    inbox.push("-inbox");
    let inbox = PathBuf::from(inbox);
    write_reports(&inbox)?;
    let hook = HookSource::builder(Dataset::new("events")?, ([127, 0, 0, 1], 0).into())
        .path("/events")
        .verify(Verify::standard_webhooks([app.secret()]))
        .build()
        .await?;
    let receiver = hook.local_addr();

    let (url, lakes) = (shop.orders(), [lake.clone(), lake.clone(), lake.clone()]);
    let [one, two, three] = lakes;
    let folder = inbox.clone();
    let host = host
        .pipeline("shop-orders", move |pipeline| async move { pipelines::orders(pipeline, &url, &one) })
        .pipeline("app-events", move |pipeline| async move { pipelines::events(pipeline, hook, &two) })
        .pipeline(
            "stock-reports",
            move |pipeline| async move { pipelines::stock(pipeline, &folder, &three) },
        );
    match &arguments.command {
        None => {
            show::begin(&shop, receiver, &inbox);
            show::hydrate(host, &lake, &app, receiver).await?;
            show::lake(&lake, &arguments.globals).await
        }
        command => Ok(host.run(command.clone(), &arguments.globals).await),
    }
}

//! What runs pipelines: a worker's `main`.
//!
//! For one pipeline, [`main`] is all there is to call:
//!
//! ```no_run
//! # use datalake_core::Pipeline;
//! # fn orders() -> datalake_core::Result<Pipeline> { Err(datalake_core::Error::config("no orders")) }
//! # async fn example() {
//! datalake_host::main(orders()).await;
//! # }
//! ```
//!
//! A worker of several pipelines, or one that should make a pipeline only when a command needs it, is a [`Host`]:
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use datalake_core::lake::Lake;
//! use datalake_host::Host;
//! # use datalake_core::pipeline::PipelineBuilder;
//! # fn orders(pipeline: PipelineBuilder) -> PipelineBuilder { pipeline }
//!
//! # async fn example() -> ExitCode {
//! let lake = match Lake::local("./lake") {
//!     Ok(lake) => lake,
//!     Err(error) => return datalake_host::fail("shop-worker", &error),
//! };
//! Host::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
//!     .lake(&lake)
//!     .pipeline("orders", |pipeline| async { Ok(orders(pipeline)) })
//!     .main()
//!     .await
//! # }
//! ```
//!
//! The worker then has the commands of [`cli::Command`], of which `drain` is what it does without one, and ends with
//! one of the codes of [`cli::Exit`].
//!
//! With the feature `lambda` the same program also runs in AWS Lambda: see the module of that name.

mod host;
#[cfg(any(feature = "cli", feature = "lambda"))]
mod log;

#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "lambda")]
pub mod lambda;

pub use host::Host;
#[cfg(any(feature = "cli", feature = "lambda"))]
pub use log::may_be_logged;

/// Runs a host, a pipeline, or several: reads the command line of the process, does what it says, and gives the code
/// to end with. Takes a pipeline as [`PipelineBuilder::build`](datalake_core::pipeline::PipelineBuilder::build) gives
/// it, so that one that cannot be built ends with one clear line.
///
/// In AWS Lambda it serves events instead, if the feature `lambda` is on.
///
/// Call it within a Tokio runtime with time and I/O, best one of several threads.
#[cfg(any(feature = "cli", feature = "lambda"))]
pub async fn main(host: impl Into<Host>) -> std::process::ExitCode {
    host.into().main().await
}

/// Says on standard error why a worker cannot begin, and gives the code to end with.
#[cfg(feature = "cli")]
pub fn fail(name: &str, error: &datalake_core::Error) -> std::process::ExitCode {
    cli::fail(name, error, false).into()
}

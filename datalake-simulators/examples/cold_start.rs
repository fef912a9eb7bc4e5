//! How long a worker's binary takes from its start until it asks for its first event.
//!
//! ```text
//! cargo run --release -p datalake-simulators --features lambda --example cold_start -- BINARY [NAME=VALUE]...
//! ```
//!
//! Starts it again and again in a Lambda on loopback, with the variables given, and prints the median.

#![expect(clippy::print_stdout, reason = "a command line program")]

use std::error::Error;
use std::time::Duration;

use datalake_simulators::lambda::Lambda;

/// How often it is started.
const STARTS: usize = 21;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let binary = args.next().ok_or("the path of a binary is needed")?;
    let variables: Vec<_> =
        args.filter_map(|arg| arg.split_once('=').map(|(n, v)| (n.to_owned(), v.to_owned()))).collect();
    let mut times = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        let builder =
            variables.iter().fold(Lambda::builder(), |builder, (name, value)| builder.env(name, value));
        let lambda = builder.binary(&binary);
        // Whatever the binary makes of the event, it has asked for it.
        let invocation = lambda.invoke("null").await?;
        let started = invocation.cold_start.filter(|_| !invocation.request_id.is_empty());
        times.push(started.ok_or_else(|| {
            format!("it did not begin: {:?}\n{}", invocation.outcome, lambda.logs().join("\n"))
        })?);
    }
    times.sort();
    let millis = |time: Duration| time.as_secs_f64() * 1000.0;
    println!(
        "{:.1} ms ({:.1} to {:.1}, {STARTS} starts)",
        millis(times[STARTS / 2]),
        millis(times[0]),
        millis(times[STARTS - 1])
    );
    Ok(())
}

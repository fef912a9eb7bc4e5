//! The transformation of a delivery stream of orders: a Lambda that Firehose calls.
//!
//! ```text
//! cargo lambda build --release --arm64 --output-format zip -p datalake-examples --features lambda --bin firehose_transform
//! ```
//!
//! It takes what has no business in the lake out of the orders: cancelled ones, internal notes, the names in e-mail
//! addresses. Totals, which the shop sends as text, become numbers. Orders that cannot be read stay with Firehose, under
//! its error prefix. Orders may come bare, or as events of our Kinesis and Firehose sinks; then they keep the id that
//! leads back to the silo. The function needs no permission but to write its log.
//!
//! | variable | what it says |
//! | --- | --- |
//! | `PARTITION_BY` | where the time of an order is, as a JSON Pointer, for instance `/placed_at`. Each order then gets its day as the partition key `dt`; the prefix of the stream reads `orders/dt=!{partitionKeyFromLambda:dt}/`. Set it only if dynamic partitioning is on |

use std::process::ExitCode;

use datalake_core::lake::Partition;
use datalake_core::transform::json::{Type, cast, drop_fields, mask};
use datalake_core::transform::{Pointer, filter};
use datalake_core::{Pipeline, Result, Worker};
use datalake_host::Host;
use datalake_host::lambda::firehose::FirehoseTransform;

const NAME: &str = env!("CARGO_BIN_NAME");
const VERSION: &str = env!("CARGO_PKG_VERSION");

#[tokio::main]
async fn main() -> ExitCode {
    datalake_host::main(Host::new(NAME, VERSION).firehose(orders())).await
}

fn orders() -> Result<FirehoseTransform> {
    let state = Pointer::parse("/state")?;
    let orders = Pipeline::builder("orders")
        .worker(Worker::new(NAME, VERSION))
        .transform(filter("not-cancelled", "1", move |draft| {
            Ok(draft.string(&state)?.as_deref() != Some("cancelled"))
        }))
        .transform(drop_fields("no-notes", ["/internal_note"])?)
        .transform(mask("mask-email", "/customer/email")?)
        .transform(cast("total", "/total", Type::Number)?);
    let transform = FirehoseTransform::builder(orders.reshaper()?);
    match std::env::var("PARTITION_BY").ok().filter(|pointer| !pointer.is_empty()) {
        Some(pointer) => transform.partition(Partition::day(&pointer)?).build(),
        None => transform.build(),
    }
}

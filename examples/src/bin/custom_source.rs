//! A source of your own, in about forty lines, with the suite that proves it.
//!
//! It reads a meter that numbers its readings. The guide page `writing_a_source` explains it line by line.
//!
//! ```text
//! cargo run --release -p datalake-examples --bin custom_source             # take what is new
//! cargo run --release -p datalake-examples --bin custom_source -- cat      # look at it
//! cargo test -p datalake-examples --bin custom_source            # run the suite
//! ```

use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use datalake_core::lake::Lake;
use datalake_core::{
    Dataset, Document, Format, Next, Pipeline, Position, Result, Source, SourceBatch, SourceInfo, async_trait,
};
use datalake_sinks::lake::LakeSink;
use serde::{Deserialize, Serialize};

/// The silo: a meter that numbers its readings from 0 and gives those from a number on. Yours is a device, a
/// database or an API, and this is its client.
#[derive(Clone, Debug)]
struct Meter(Arc<Mutex<Vec<String>>>);

impl Meter {
    fn new(readings: u32) -> Self {
        let reading = |n: u32| format!("{{\"n\":{n},\"watts\":{}}}\n", 200 + n * 37 % 90);
        Self(Arc::new(Mutex::new((0..readings).map(reading).collect())))
    }

    async fn read(&self, from: u64, most: usize) -> Result<Vec<String>> {
        let readings = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        Ok(readings.iter().skip(from as usize).take(most).cloned().collect())
    }
}

/// The name and version of our positions.
const SCHEMA: &str = "meter.readings/1";

/// What a position holds: the number of the reading that comes next.
#[derive(Serialize, Deserialize)]
struct At {
    next: u64,
}

struct MeterSource {
    info: SourceInfo,
    meter: Meter,
    next: u64,
}

impl MeterSource {
    fn new(meter: Meter, dataset: Dataset) -> Self {
        Self { info: SourceInfo::new("meter.readings", dataset, "meter://cellar"), meter, next: 0 }
    }
}

#[async_trait]
impl Source for MeterSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    async fn next_batch(&mut self) -> Result<Next> {
        let readings = self.meter.read(self.next, 100).await?;
        if readings.is_empty() {
            return Ok(Next::Idle(Duration::from_secs(10)));
        }
        let locator = format!("{}/{}", self.info.locator, self.next);
        let document = Document::new(readings.concat(), locator, Format::Ndjson);
        let next = self.next + readings.len() as u64;
        let position = Position::new(SCHEMA, &At { next })?;
        self.next = next;
        Ok(Next::Batch(SourceBatch::new(vec![document], position)))
    }

    async fn seek(&mut self, position: Option<&Position>) -> Result<()> {
        self.next = match position {
            Some(position) => position.decode::<At>(SCHEMA)?.next,
            None => 0,
        };
        Ok(())
    }
}

fn pipeline() -> Result<Pipeline> {
    let lake = LakeSink::builder(&Lake::local("./lake-meter")?).build();
    let source = MeterSource::new(Meter::new(1000), Dataset::new("readings")?);
    Pipeline::builder("readings").source(source).lake(&lake).build()
}

#[tokio::main]
async fn main() -> ExitCode {
    datalake_host::main(pipeline()).await
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use datalake_core::testkit::{Fed, SourceHarness};

    use super::*;

    struct Cellar(Meter);

    #[async_trait]
    impl SourceHarness for Cellar {
        async fn open(&self) -> Result<Box<dyn Source>> {
            Ok(Box::new(MeterSource::new(self.0.clone(), Dataset::new("readings")?)))
        }

        fn expected(&self) -> Vec<Bytes> {
            let readings = self.0.0.lock().unwrap();
            readings.iter().map(|line| Bytes::from(line.trim_end().to_owned())).collect()
        }

        async fn feed(&self) -> Option<Fed> {
            self.0.0.lock().unwrap().push("{\"n\":-1}\n".into());
            Some(Fed::new(["{\"n\":-1}"]))
        }
    }

    datalake_core::source_suite!(meter_source, Cellar(Meter::new(250)));
}

//! Sparkplug B payloads into JSON: a transform behind a source of MQTT messages.
//!
//! A message becomes a record that says which edge node and device it is of, what kind of message it is, and what metrics
//! are in it, each with its name, type, time and value. Payloads say names and types in births alone; what comes later
//! names its metrics by alias. The transform keeps the births of every edge node and device and fills names and types in.
//!
//! ```
//! # #[cfg(feature = "iot-mqtt")]
//! # fn main() -> datalake_core::Result<()> {
//! use datalake_connectors::iot::mqtt::{MqttSource, Qos};
//! use datalake_connectors::iot::sparkplug::Sparkplug;
//! use datalake_core::lake::Lake;
//! use datalake_core::store::MemoryStore;
//! use datalake_core::{Format, Pipeline};
//! use datalake_sinks::lake::LakeSink;
//!
//! let lake = Lake::new(std::sync::Arc::new(MemoryStore::new()));
//! let source = MqttSource::builder("plant".parse()?, "mqtt://edge:1883", "lake-plant-0")
//!     .topic("spBv1.0/#", Qos::AtLeastOnce)
//!     .format(Format::Whole)
//!     .build()?;
//! let pipeline = Pipeline::builder("plant")
//!     .source(source)
//!     .transform(Sparkplug::new("sparkplug").each_metric())
//!     .lake(&LakeSink::builder(&lake).build())
//!     .build()?;
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "iot-mqtt"))]
//! # fn main() {}
//! ```
//!
//! A record, if it is not [one of each metric](Sparkplug::each_metric):
//!
//! ```json
//! {"group":"plant","edge":"line-1","device":"press","kind":"DDATA","timestamp":"2026-01-03T02:49:00Z","seq":7,
//!  "gap":null,"bd_seq":null,"born":true,"unresolved":false,"uuid":null,"body":null,
//!  "metrics":[{"name":"pressure","alias":3,"datatype":"Float","timestamp":"2026-01-03T02:48:59.5Z","value":1.25,
//!  "is_historical":false,"is_transient":false,"is_null":false,"unresolved":false,"metadata":null,"properties":null}]}
//! ```
//!
//! **Source.** The topic of a message is the property `topic` of its document, else what follows `spBv1.0/` in its
//! locator, where `iot.mqtt` puts them. Subscribe to `spBv1.0/#` alone and not in a shared subscription: the births of an
//! edge node and its data must come to one worker. `STATE` messages of host applications are passed on with their text.
//!
//! **Values.** Signed integers come in unsigned fields and are made signed again by their type. Integers are exact up to
//! the largest. A `DateTime` is RFC 3339 in UTC, bytes and files are Base64, floats that JSON has no number for are
//! `"NaN"`, `"Infinity"` and `"-Infinity"`. Data sets are `{"columns":[…],"types":[…],"rows":[[…]]}`, templates
//! `{"ref":…,"version":…,"is_definition":…,"parameters":[…],"metrics":[…]}`, properties `{"NAME":{"type":…,"value":…}}`.
//! The time of a metric is its own, else that of its message; `is_historical` says that it was measured before.
//!
//! **What is missing is said.**
//!
//! | member | when |
//! |---|---|
//! | `born` is false | the birth of the edge node or device is not known |
//! | `unresolved` is true | a metric has an alias that no birth has named (its name is then `alias_N`), or no type: an integer is then as it came, unsigned |
//! | `gap` is `{"expected":…,"found":…}` | the number of the message is not the one that follows |
//! | `other_session` is true | the death of an edge node is of another session than its birth (`bdSeq`), and changes nothing |
//!
//! Arrays (types 22 to 34) are the bytes they came as, in Base64, with their type. A compressed payload (`SPBV1.0_COMPRESSED`)
//! is not opened: its bytes are in `body`. Of a property that is there twice in a set, the last counts. The raw zone has all
//! of it.
//!
//! Messages of one edge node that come in another order than they were sent show as a gap, twice. A payload that is no
//! Sparkplug goes to quarantine as `sparkplug`, a message of another topic as `sparkplug-topic`.
//!
//! **Births are in memory.** After a restart, whenever a drain begins, and after the engine went back to its last commit,
//! metrics by alias are unresolved until the next birth, which an edge node sends when it is told `Node Control/Rebirth` or
//! connects again. So let such a pipeline run on, and do not drain it by a schedule.
//! [`birth`](Sparkplug::birth) gives births that are known beforehand. The raw zone has every payload, so that what was
//! unresolved can be made again from a place before the birth.

mod births;
mod message;
mod metric;
mod payload;
mod topic;
mod transform;
mod value;

#[cfg(test)]
mod tests;

pub use transform::Sparkplug;

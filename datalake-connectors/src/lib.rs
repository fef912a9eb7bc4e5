//! Sources for `datalake`, each in its own feature.

#[cfg(any(feature = "crm-dynamics", feature = "crm-hubspot", feature = "crm-salesforce"))]
pub mod crm;
#[cfg(feature = "files")]
pub mod files;
#[cfg(feature = "_http")]
#[cfg_attr(
    not(all(feature = "sap", feature = "web-poll")),
    allow(dead_code, unreachable_pub, unused_imports)
)]
mod http;
#[cfg(any(feature = "iot-mqtt", feature = "iot-sparkplug"))]
pub mod iot;
#[cfg(feature = "kinesis")]
pub mod kinesis;
#[cfg(feature = "lake")]
pub mod lake;
#[cfg(feature = "_odata")]
#[cfg_attr(not(feature = "sap"), allow(dead_code, unreachable_pub, unused_imports))]
mod odata;
#[cfg(feature = "_receive")]
mod receive;
#[cfg(feature = "sap")]
pub mod sap;
#[cfg(feature = "_sql")]
#[cfg_attr(not(all(feature = "sql-cdc", feature = "sql-postgres")), allow(dead_code, unused_imports))]
pub mod sql;
#[cfg(feature = "_tls")]
mod tls;
#[cfg(any(feature = "web-collect", feature = "web-hook", feature = "web-poll"))]
pub mod web;

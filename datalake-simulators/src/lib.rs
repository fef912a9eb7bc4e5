//! Simulated peers on loopback, traps included, for tests of pipelines.
//!
//! A peer runs in the process of the test, on a free port of loopback, and stops when it is dropped. It does what the
//! service does, and fails as the service does when told to. It knows nothing of `datalake`; any client can use it.
//!
//! | feature | what |
//! |---|---|
//! | `dataverse` | a Dataverse, which is behind Dynamics 365: change tracking, throttling |
//! | `emulator` | emulators of AWS that run elsewhere, found by their variables |
//! | `firehose` | a Firehose that takes records and fails on request; its delivery through a function to a bucket |
//! | `hubspot` | a HubSpot portal whose records change while they are read, and that fails on request |
//! | `kinesis` | a Kinesis whose shards split and merge, and that fails on request |
//! | `lambda` | the runtime interface of Lambda, to drive a worker's binary |
//! | `mqtt` | a fleet of devices that publish, a real mosquitto that can be killed, and a line that can be cut |
//! | `postgres` | a cluster of the real PostgreSQL that does not outlive the test |
//! | `s3` | an S3 with conditional writes and uploads in parts that fails on request |
//! | `salesforce` | a Salesforce org whose records change while they are read, and that fails on request |
//! | `sap` | a SAP Gateway: OData 2.0 and 4.0, changes, operational data provisioning |
//! | `social` | social networks and sales channels, each with its own way of paging |

#[cfg(feature = "dataverse")]
pub mod dataverse;
#[cfg(feature = "emulator")]
pub mod emulator;
#[cfg(any(feature = "firehose", feature = "kinesis"))]
pub mod faults;
#[cfg(feature = "firehose")]
pub mod firehose;
#[cfg(feature = "hubspot")]
pub mod hubspot;
#[cfg(any(feature = "firehose", feature = "kinesis"))]
mod json;
#[cfg(feature = "kinesis")]
pub mod kinesis;
#[cfg(feature = "lambda")]
pub mod lambda;
#[cfg(feature = "mqtt")]
pub mod mqtt;
#[cfg(any(feature = "dataverse", feature = "sap"))]
pub mod odata;
#[cfg(all(feature = "postgres", unix))]
pub mod postgres;
#[cfg(any(feature = "hubspot", feature = "salesforce", feature = "social"))]
pub mod rest;
#[cfg(feature = "s3")]
pub mod s3;
#[cfg(feature = "salesforce")]
pub mod salesforce;
#[cfg(feature = "sap")]
pub mod sap;
#[cfg(feature = "social")]
pub mod social;

//! What the AWS parts of `datalake` share, so that sinks, sources and the host speak to AWS in one way.
//!
//! [`permission`] says what a component must be allowed to do.
//!
//! | feature | what |
//! |---|---|
//! | `client` | [`config`]: settings for clients, without the SDK's own retries; [`error`]: what a failure means |
//! | `kpl` | [`kpl`]: aggregated records of Kinesis |
//! | `ssm` | [`ssm`]: secrets in the Parameter Store of Systems Manager |
//! | `secretsmanager` | [`secretsmanager`]: secrets in Secrets Manager |

#[cfg(feature = "client")]
pub mod config;
#[cfg(feature = "client")]
pub mod error;
#[cfg(feature = "kpl")]
pub mod kpl;
pub mod permission;
#[cfg(feature = "secretsmanager")]
pub mod secretsmanager;
#[cfg(feature = "ssm")]
pub mod ssm;

#[cfg(feature = "client")]
pub use aws_config::SdkConfig;

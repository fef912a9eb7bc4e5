//! Systems of customer relationship management.

#[cfg(feature = "crm-salesforce")]
pub mod salesforce;

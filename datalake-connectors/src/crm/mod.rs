//! Systems of customer relationship management.

mod change;
#[cfg(feature = "crm-dynamics")]
pub mod dynamics;
#[cfg(feature = "crm-hubspot")]
pub mod hubspot;
#[cfg(any(feature = "crm-hubspot", feature = "crm-salesforce"))]
mod known;
#[cfg(feature = "crm-salesforce")]
pub mod salesforce;
#[cfg(test)]
#[cfg_attr(
    not(all(feature = "crm-dynamics", feature = "crm-hubspot", feature = "crm-salesforce")),
    allow(dead_code, unused_imports)
)]
mod testing;

pub use change::{Change, changes};

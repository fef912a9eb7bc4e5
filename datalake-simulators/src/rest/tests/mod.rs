mod client;
mod faults;
#[cfg(any(feature = "hubspot", feature = "salesforce"))]
mod programs;

pub(crate) use client::{Reply, call, get};
#[cfg(any(feature = "hubspot", feature = "salesforce"))]
pub(crate) use programs::{run, variable};

mod client;
mod faults;
mod programs;

pub(crate) use client::{Reply, call, get};
pub(crate) use programs::{run, variable};

mod client;
mod faults;

pub(crate) use client::{Reply, call, get};

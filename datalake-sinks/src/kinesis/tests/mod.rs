//! The sink on a simulated Kinesis, and on emulators where they run.

mod aggregated;
mod events;
mod failing;
mod order;
mod peer;
mod python;
mod suite;

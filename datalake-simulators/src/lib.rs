//! Simulated peers on loopback.

#[cfg(feature = "lambda")]
pub mod lambda;

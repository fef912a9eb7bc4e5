//! Simulated peers on loopback.

#[cfg(feature = "emulator")]
pub mod emulator;
#[cfg(feature = "lambda")]
pub mod lambda;

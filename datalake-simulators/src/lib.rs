//! Simulated peers on loopback.

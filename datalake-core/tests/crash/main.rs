//! What the engine does when things go wrong: it neither loses, nor repeats, nor hangs, nor tells a source too early.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "these are tests")]

mod ends;
mod goes_on;
mod held;
mod parts;
mod sim;
mod simulate;
mod stops;
mod sweep;
mod told;

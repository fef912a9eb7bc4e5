//! Changes, from frames and from the real server.

mod assembling;
mod decoding;
mod frames;
mod server;
mod suite;

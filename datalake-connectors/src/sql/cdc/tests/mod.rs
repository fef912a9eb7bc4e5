//! Changes, from frames and from the real server.

mod assembling;
mod decoding;
mod frames;
mod killing;
mod loading;
mod losing;
mod moving;
mod reading;
mod server;
mod state;
mod suite;

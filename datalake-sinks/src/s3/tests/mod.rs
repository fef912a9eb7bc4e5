//! The store on the simulator, and on the emulators that run.

mod answers;
mod objects;
mod place;
mod suite;

//! The store on the simulator, and on the emulators that run.

mod answers;
mod objects;
pub(crate) mod place;
mod suite;

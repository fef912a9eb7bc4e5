//! An S3 on loopback that fails on request.
//!
//! It does what a lake needs of S3, as S3 does it: objects with checksums that are verified on arrival, conditional
//! writes, uploads in parts, ranges, lists in pages, encryption headers, tags and metadata that come back. It is
//! addressed by path style and checks no signature; any credentials do. Objects are in memory.
//!
//! What makes it useful beside an emulator is that it fails as S3 does and no emulator will: a [`Rule`] says which
//! requests have which [`Fault`].
//!
//! ```
//! use datalake_simulators::s3::{Fault, Op, Rule, S3};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let s3 = S3::start().await?;
//! s3.create_bucket("lake");
//! // The second write below `_ledger/` happens, and its answer is lost.
//! s3.fail(Rule::new(Op::PutObject, Fault::Lost).key("_ledger/").after(1));
//! // The client under test is told `s3.endpoint()`, with path style.
//! assert!(s3.objects("lake").is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! Not there: versions, access control, copies, hosts as buckets.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

mod answer;
mod checksum;
mod chunked;
mod complete;
mod fault;
mod object;
mod operation;
mod plan;
mod request;
mod server;
mod state;
mod xml;

#[cfg(test)]
mod tests;

pub use fault::{Fault, Op, Refusal, Rule};
pub use object::Object;
pub use plan::Seen;

use state::State;

/// The smallest part of an upload but its last, as S3 has it, bytes.
pub const SMALLEST_PART: usize = 5 << 20;

/// A simulated S3. It stops when this is dropped.
#[derive(Debug)]
pub struct S3 {
    address: SocketAddr,
    state: Shared,
    server: JoinHandle<()>,
}

/// What all connections share.
type Shared = Arc<Mutex<State>>;

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl S3 {
    /// Starts it on a free port of loopback, without buckets.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let state = Shared::default();
        let server = tokio::spawn(server::serve(listener, Arc::clone(&state)));
        Ok(Self { address, state, server })
    }

    /// Its URL, for the setting `endpoint_url` of a client.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes a bucket, unless it is there.
    pub fn create_bucket(&self, name: &str) {
        lock(&self.state).create_bucket(name);
    }

    /// Sets the smallest part of an upload but its last, so that uploads in parts can be tested with little data.
    pub fn smallest_part(&self, bytes: usize) {
        lock(&self.state).smallest_part = bytes;
    }

    /// Sets how many keys a page of a list holds at most; 1,000 unless set.
    pub fn page(&self, keys: usize) {
        lock(&self.state).page = keys.max(1);
    }

    /// Adds a rule. Of several that fit a request, the first that was added and is not used up counts.
    pub fn fail(&self, rule: Rule) {
        lock(&self.state).plan.add(rule);
    }

    /// Forgets all rules. A write that is late still arrives.
    pub fn calm(&self) {
        lock(&self.state).plan.calm();
    }

    /// Lets every write that is late arrive now.
    pub fn settle(&self) {
        lock(&self.state).settle(u64::MAX);
    }

    /// How many writes are late.
    #[must_use]
    pub fn late(&self) -> usize {
        lock(&self.state).late.len()
    }

    /// The requests that came, in order.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.state).plan.seen().to_vec()
    }

    /// The keys in a bucket, in order.
    #[must_use]
    pub fn objects(&self, bucket: &str) -> Vec<String> {
        lock(&self.state).bucket(bucket).map(|objects| objects.keys().cloned().collect()).unwrap_or_default()
    }

    /// An object with what goes with it.
    #[must_use]
    pub fn object(&self, bucket: &str, key: &str) -> Option<Object> {
        lock(&self.state).bucket(bucket)?.get(key).cloned()
    }

    /// Puts bytes in the place of those of an object, behind everybody's back and with its old checksums. Whether there
    /// was such an object.
    pub fn damage(&self, bucket: &str, key: &str, bytes: impl Into<Bytes>) -> bool {
        let mut state = lock(&self.state);
        let object = state.bucket_mut(bucket).and_then(|objects| objects.get_mut(key));
        object.map(|object| object.bytes = bytes.into()).is_some()
    }

    /// How many uploads in parts were begun and neither completed nor aborted.
    #[must_use]
    pub fn uploads(&self) -> usize {
        lock(&self.state).uploads.len()
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.server.abort();
    }
}

//! The cases every store must pass.

use std::sync::Arc;

use async_trait::async_trait;
use futures::TryStreamExt;
use futures::future::BoxFuture;

use super::case::{CaseResult, Failure, ensure};
use crate::Result;
use crate::store::{ObjectStore, Payload, PutOptions};

mod keys;
mod listing;
mod objects;
mod sharing;

pub use keys::{
    bad_keys_are_refused, deep_keys_work, missing_object_is_not_found, secrets_are_hidden, strange_keys_work,
};
pub use listing::{
    list_begins_with_the_prefix, list_goes_on_after_a_key, list_is_in_the_order_of_bytes,
    list_of_many_is_whole,
};
pub use objects::{
    absent_object_is_created_once, delete_removes, empty_object_is_an_object, gives_back_what_was_put,
    large_object_is_whole, options_change_no_byte, put_replaces, range_is_clipped,
};
pub use sharing::{
    another_process_sees_every_write, dropped_write_is_whole_or_absent, one_of_many_creates_an_object,
    readers_see_whole_objects,
};

#[doc(hidden)]
#[macro_export]
macro_rules! __store_cases {
    ($callback:ident, $($args:tt)*) => {
        $crate::$callback! { ($($args)*) [
            gives_back_what_was_put
            put_replaces
            delete_removes
            absent_object_is_created_once
            range_is_clipped
            empty_object_is_an_object
            large_object_is_whole
            options_change_no_byte
            list_is_in_the_order_of_bytes
            list_begins_with_the_prefix
            list_goes_on_after_a_key
            list_of_many_is_whole
            deep_keys_work
            strange_keys_work
            bad_keys_are_refused
            missing_object_is_not_found
            secrets_are_hidden
            another_process_sees_every_write
            one_of_many_creates_an_object
            readers_see_whole_objects
            dropped_write_is_whole_or_absent
        ] }
    };
}

/// A case, by its function.
pub type Case = for<'a> fn(&'a dyn StoreHarness) -> BoxFuture<'a, CaseResult>;

/// Every case with its name, in the order of [`store_suite!`](crate::store_suite).
pub const CASES: &[(&str, Case)] = crate::__store_cases!(__table, Case);

/// An empty store.
///
/// Every case gets a harness of its own. A store that can be cloned is its own harness.
#[async_trait]
pub trait StoreHarness: Send + Sync {
    /// Opens the store, as a new process would: all stores opened have the same objects, and at first none.
    ///
    /// # Errors
    /// The store could not be opened.
    async fn open(&self) -> Result<Arc<dyn ObjectStore>>;

    /// The secrets the store was given.
    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }

    /// More texts in which no secret may be seen, for instance the `Debug` of the builder.
    fn shown(&self) -> Vec<String> {
        Vec::new()
    }
}

#[async_trait]
impl<S: ObjectStore + Clone> StoreHarness for S {
    async fn open(&self) -> Result<Arc<dyn ObjectStore>> {
        Ok(Arc::new(self.clone()))
    }
}

/// The store, seen by a case.
type Store = Arc<dyn ObjectStore>;

async fn put(store: &Store, key: &str, payload: impl Into<Payload>) -> Result<(), Failure> {
    let put = store.put(key, payload.into(), PutOptions::default()).await;
    put.map_err(|error| Failure::from(error).during(format_args!("putting {key:?}")))
}

/// Fails unless an object is there with these bytes, by every way to look at it.
async fn holds(store: &Store, key: &str, expected: &[u8]) -> Result<(), Failure> {
    let at = |error| Failure::from(error).during(format_args!("reading {key:?}"));
    let found = store.get(key).await.map_err(at)?;
    let (found, len) = (found.as_ref(), expected.len());
    ensure!(found.len() == len, "{key:?} has {} bytes, not the {len} that were put", found.len());
    ensure!(found == expected, "{key:?} has other bytes than were put");
    let info = store.head(key).await.map_err(at)?;
    ensure!(info.key == key, "the head of {key:?} is that of {:?}", info.key);
    ensure!(info.bytes == len as u64, "the head of {key:?} says {} bytes, not {len}", info.bytes);
    Ok(())
}

async fn list(store: &Store, prefix: &str, after: Option<&str>) -> Result<Vec<String>, Failure> {
    let found: Vec<_> =
        store.list(prefix, after).try_collect().await.map_err(|error| {
            Failure::from(error).during(format_args!("listing {prefix:?} after {after:?}"))
        })?;
    Ok(found.into_iter().map(|info| info.key).collect())
}

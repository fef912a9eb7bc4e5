//! The suite of every store.

use std::sync::Arc;

use datalake_core::store::ObjectStore;
use datalake_core::testkit::{Outcome, StoreHarness};
use datalake_core::{Result, async_trait, store_suite};

use super::place::Place;

/// Everything that is not tiny goes up in parts, and lists come in many pages.
struct InParts(Place);

impl InParts {
    async fn new() -> Self {
        let place = Place::simulated().await;
        place.s3().smallest_part(1);
        place.s3().page(7);
        Self(place)
    }
}

#[async_trait]
impl StoreHarness for InParts {
    async fn open(&self) -> Result<Arc<dyn ObjectStore>> {
        Ok(Arc::new(self.0.builder().multipart(64 << 10, 64 << 10).build().await?))
    }
}

store_suite!(simulated, Place::simulated().await);
store_suite!(simulated_in_parts, InParts::new().await);
store_suite!(
    on_localstack,
    match Place::localstack("a store on LocalStack").await {
        Some(place) => place,
        None => return Ok(Outcome::Skipped("LocalStack does not run")),
    }
);
store_suite!(
    on_ministack,
    match Place::ministack("a store on MiniStack").await {
        Some(place) => place,
        None => return Ok(Outcome::Skipped("MiniStack does not run")),
    }
);

//! Where a lake is.

use std::sync::Arc;

use datalake_core::lake::Lake;
use datalake_core::store::MemoryStore;

#[cfg(feature = "s3")]
use crate::s3::tests::place;

/// A place for lakes.
pub(super) enum Place {
    Memory,
    #[cfg(feature = "s3")]
    S3(Box<place::Place>),
}

impl Place {
    /// A new lake, in which nothing is.
    pub(super) async fn lake(&self) -> Lake {
        match self {
            Self::Memory => Lake::new(Arc::new(MemoryStore::new())),
            #[cfg(feature = "s3")]
            Self::S3(place) => {
                let prefix = datalake_simulators::emulator::unique("lake");
                Lake::new(Arc::new(place.builder().prefix(prefix).build().await.unwrap()))
            }
        }
    }
}

#[cfg(feature = "s3")]
impl Place {
    pub(super) async fn simulated() -> Self {
        Self::S3(Box::new(place::Place::simulated().await))
    }

    pub(super) async fn localstack() -> Option<Self> {
        Some(Self::S3(Box::new(place::Place::localstack("a lake on LocalStack").await?)))
    }

    pub(super) async fn ministack() -> Option<Self> {
        Some(Self::S3(Box::new(place::Place::ministack("a lake on MiniStack").await?)))
    }
}

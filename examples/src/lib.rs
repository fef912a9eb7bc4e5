//! Programs that show `datalake` at work, in `src/bin`, and what they share.

pub mod company;
mod lake;
pub mod say;

pub use lake::{lake_at, lake_for, lake_to_look_into};

/// The front page and those of the guide, so that all their code compiles here, where every crate is at hand:
/// that of a silo with its feature.
#[cfg(doctest)]
mod guide {
    #[doc = include_str!("../../README.md")]
    mod readme {}
    #[doc = include_str!("../../datalake-core/src/guide/getting_started.md")]
    mod getting_started {}
    #[doc = include_str!("../../datalake-core/src/guide/writing_a_source.md")]
    mod writing_a_source {}
    #[doc = include_str!("../../datalake-core/src/guide/lineage.md")]
    mod lineage {}
    #[doc = include_str!("../../datalake-core/src/guide/operations.md")]
    mod operations {}
    #[cfg(feature = "clickstream")]
    #[doc = include_str!("../../docs/guide/clickstream.md")]
    mod clickstream {}
    #[doc = include_str!("../../docs/guide/access_logs.md")]
    mod access_logs {}
    #[cfg(feature = "crm")]
    #[doc = include_str!("../../docs/guide/crm.md")]
    mod crm {}
    #[cfg(feature = "social")]
    #[doc = include_str!("../../docs/guide/social_and_sales.md")]
    mod social_and_sales {}
    #[cfg(feature = "iot")]
    #[doc = include_str!("../../docs/guide/iot.md")]
    mod iot {}
    #[cfg(feature = "reports")]
    #[doc = include_str!("../../docs/guide/reports.md")]
    mod reports {}
    #[cfg(feature = "sap")]
    #[doc = include_str!("../../docs/guide/sap.md")]
    mod sap {}
    #[cfg(feature = "warehouse")]
    #[doc = include_str!("../../docs/guide/warehouse.md")]
    mod warehouse {}
    #[cfg(feature = "crm")]
    #[doc = include_str!("../../datalake-core/src/guide/testing.md")]
    mod testing {}
}

//! A lake in memory, on the simulated S3 and on the emulators that run.

mod cases;
mod compact;
mod decoded;
mod faults;
mod lineage;
mod place;
mod progress;
mod suite;

use std::sync::Arc;

use datalake_core::lake::Lake;
use datalake_core::store::MemoryStore;

use cases::{Refuse, ndjson, pipeline, things, verify};
use datalake_simulators::emulator::bounded;
use place::Place;

use super::LakeSink;

fn lake() -> Lake {
    Lake::new(Arc::new(MemoryStore::new()))
}

/// Makes a module with a test of each case, in a place that may not be there.
macro_rules! lake_suite {
    ($name:ident, $place:expr) => {
        lake_suite! { $name, $place, [
            documents_come_back_byte_exact_and_records_stamped
            a_broken_record_goes_to_quarantine_and_costs_no_other_anything
            a_second_run_takes_only_what_is_new
            a_record_is_traced_to_its_bytes_through_children_and_partitions
            quarantined_records_are_replayed_and_only_they
            a_replayed_record_has_the_name_outside_of_the_lake_that_it_would_have_had
            a_refused_child_is_replayed_without_its_siblings
            curated_is_rebuilt_from_raw_with_the_transforms_of_today
            an_object_without_a_commit_is_invisible_and_cleaned_when_old
            any_changed_entry_or_object_is_found
            a_long_manifest_is_kept_beside_the_ledger
            records_that_are_no_json_objects_are_wrapped
        ] }
    };
    ($name:ident, $place:expr, [$($case:ident)*]) => {
        mod $name {
            use super::{Place, bounded, cases};
            $(
                #[tokio::test]
                async fn $case() {
                    if let Some(place) = $place {
                        bounded(stringify!($case), cases::$case(&place)).await;
                    }
                }
            )*
        }
    };
}

lake_suite!(in_memory, Some(Place::Memory));
#[cfg(feature = "s3")]
lake_suite!(on_a_simulated_s3, Some(Place::simulated().await));
#[cfg(feature = "s3")]
lake_suite!(on_localstack, Place::localstack().await);
#[cfg(feature = "s3")]
lake_suite!(on_ministack, Place::ministack().await);

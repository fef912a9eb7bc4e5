//! Which partition a record goes to, as a path.

use chrono::{DateTime, Utc};
use datalake_core::lake::Partition;
use datalake_core::transform::Draft;
use datalake_core::{Record, RecordError};

/// The partition of every record of a batch, if no record decides it.
pub(super) fn fixed(partitions: &[Partition], acquired: DateTime<Utc>) -> Option<String> {
    let day = acquired.format("%Y-%m-%d");
    let segments = partitions
        .iter()
        .map(|partition| partition.is_acquired().then(|| format!("{}={day}", partition.name())));
    Some(segments.collect::<Option<Vec<_>>>()?.join("/"))
}

/// The partition of a record, as path segments. The draft is there to be used again.
pub(super) fn name(
    partitions: &[Partition],
    draft: &mut Draft,
    record: &Record,
    acquired: DateTime<Utc>,
) -> Result<String, RecordError> {
    draft.set_content(record.content());
    draft.replace(record.body().clone());
    let mut path = String::new();
    for partition in partitions {
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(partition.name());
        path.push('=');
        path.push_str(&partition.value(draft, acquired)?);
    }
    Ok(path)
}

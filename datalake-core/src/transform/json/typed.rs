use serde::de::DeserializeOwned;

use crate::transform::closure::typed;
use crate::transform::{PerRecord, RecordTransform, Verdict, edit};

/// Refuses each record that does not fit a type, with the reason `type` and the place of the misfit; the value itself
/// is not in the message. Records that fit keep their bytes.
///
/// ```
/// use datalake_core::transform::json::validate_as;
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Order {
///     id: u64,
///     lines: Vec<String>,
/// }
///
/// let transform = validate_as::<Order>("order", "1");
/// ```
pub fn validate_as<T: DeserializeOwned + 'static>(
    name: &str,
    version: &str,
) -> PerRecord<impl RecordTransform + use<T>> {
    edit(name, version, |draft| typed::<T>(draft).map(|_| Verdict::Keep))
}

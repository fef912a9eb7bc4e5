//! Record transforms as transforms.

use std::fmt;

use async_trait::async_trait;
use serde_json::Value;

use super::{RecordTransform, Transform, fused};
use crate::Result;
use crate::records::Records;

/// A [`RecordTransform`] as a [`Transform`].
///
/// ```
/// use datalake_core::RecordError;
/// use datalake_core::transform::{Draft, PerRecord, Pointer, RecordTransform, Verdict};
///
/// /// Leaves out orders below a sum.
/// struct Minimum(f64, Pointer);
///
/// impl RecordTransform for Minimum {
///     fn name(&self) -> &str {
///         "minimum"
///     }
///
///     fn version(&self) -> &str {
///         "1"
///     }
///
///     fn apply(&self, draft: &mut Draft) -> Result<Verdict, RecordError> {
///         let sum: Option<f64> = draft.value(&self.1)?;
///         Ok(if sum >= Some(self.0) { Verdict::Keep } else { Verdict::Filter })
///     }
/// }
///
/// let transform = PerRecord::new(Minimum(10.0, Pointer::parse("/sum")?));
/// # Ok::<(), datalake_core::Error>(())
/// ```
pub struct PerRecord<T>(pub(super) T);

impl<T: RecordTransform> PerRecord<T> {
    /// Makes a transform of a record transform.
    pub fn new(transform: T) -> Self {
        Self(transform)
    }
}

#[async_trait]
impl<T: RecordTransform> Transform for PerRecord<T> {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn version(&self) -> &str {
        self.0.version()
    }

    fn config(&self) -> Value {
        self.0.config()
    }

    fn as_record_transform(&self) -> Option<&dyn RecordTransform> {
        Some(&self.0)
    }

    async fn apply(&self, mut records: Records) -> Result<Records> {
        fused::run_alone(&mut records, &self.0);
        Ok(records)
    }
}

impl<T: RecordTransform> fmt::Debug for PerRecord<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerRecord")
            .field("name", &self.0.name())
            .field("version", &self.0.version())
            .field("config", &self.0.config())
            .finish()
    }
}

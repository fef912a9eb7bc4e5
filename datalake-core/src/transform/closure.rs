//! Transforms written as closures.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use async_trait::async_trait;
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::fault::{describe, path};
use super::fused::panicked;
use super::{Draft, PerRecord, RecordTransform, Transform, Verdict};
use crate::records::Records;
use crate::{Record, RecordError, Result};

/// Changes each record in place, filters it or refuses it: the most general closure, and the fastest, since it works
/// on the [`Draft`].
///
/// ```
/// use datalake_core::transform::{Pointer, Verdict, edit};
///
/// let (net, gross) = (Pointer::parse("/net")?, Pointer::parse("/gross")?);
/// let transform = edit("gross", "1", move |draft| {
///     let Some(cents) = draft.value::<i64>(&net)? else { return Ok(Verdict::Filter) };
///     draft.set(&gross, &(cents * 119 / 100).to_string())?;
///     Ok(Verdict::Keep)
/// });
/// # Ok::<(), datalake_core::Error>(())
/// ```
pub fn edit<F>(name: &str, version: &str, f: F) -> PerRecord<impl RecordTransform + use<F>>
where
    F: Fn(&mut Draft) -> Result<Verdict, RecordError> + Send + Sync + 'static,
{
    PerRecord::new(Edit { name: name.to_owned(), version: version.to_owned(), f })
}

/// Keeps the records for which the closure says so; the others are counted as filtered.
///
/// ```
/// use datalake_core::transform::{Pointer, filter};
///
/// let status = Pointer::parse("/status")?;
/// let transform = filter("paid-only", "1", move |draft| Ok(draft.string(&status)?.as_deref() == Some("paid")));
/// # Ok::<(), datalake_core::Error>(())
/// ```
pub fn filter<F>(name: &str, version: &str, f: F) -> PerRecord<impl RecordTransform + use<F>>
where
    F: Fn(&mut Draft) -> Result<bool, RecordError> + Send + Sync + 'static,
{
    edit(name, version, move |draft| Ok(if f(draft)? { Verdict::Keep } else { Verdict::Filter }))
}

/// Makes other bytes of each record, of the same content.
///
/// ```
/// use datalake_core::transform::map;
///
/// let transform = map("upper", "1", |body| body.to_ascii_uppercase());
/// ```
pub fn map<F, B>(name: &str, version: &str, f: F) -> PerRecord<impl RecordTransform + use<F, B>>
where
    F: Fn(&[u8]) -> B + Send + Sync + 'static,
    B: Into<Bytes> + 'static,
{
    try_map(name, version, move |body| Ok(f(body)))
}

/// Makes other bytes of each record, of the same content, or refuses it.
pub fn try_map<F, B>(name: &str, version: &str, f: F) -> PerRecord<impl RecordTransform + use<F, B>>
where
    F: Fn(&[u8]) -> Result<B, RecordError> + Send + Sync + 'static,
    B: Into<Bytes> + 'static,
{
    edit(name, version, move |draft| {
        let body = f(draft.body())?;
        draft.replace(body);
        Ok(Verdict::Keep)
    })
}

/// Reads each record as a type, and writes what the closure makes of it as JSON. The whole record is written anew:
/// what the types do not hold is gone, and `0.30` in an `f64` becomes `0.3`.
///
/// A record that does not fit the type is refused with the reason `type` and the place of the misfit.
///
/// ```
/// use datalake_core::transform::try_map_json;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Deserialize)]
/// struct Reading {
///     celsius: f64,
/// }
///
/// #[derive(Serialize)]
/// struct Kelvin {
///     kelvin: f64,
/// }
///
/// let transform = try_map_json("kelvin", "1", |r: Reading| Ok(Kelvin { kelvin: r.celsius + 273.15 }));
/// ```
pub fn try_map_json<F, In, Out>(
    name: &str,
    version: &str,
    f: F,
) -> PerRecord<impl RecordTransform + use<F, In, Out>>
where
    F: Fn(In) -> Result<Out, RecordError> + Send + Sync + 'static,
    In: DeserializeOwned + 'static,
    Out: Serialize + 'static,
{
    edit(name, version, move |draft| {
        let out = f(typed(draft)?)?;
        let json = serde_json::to_vec(&out).map_err(|error| RecordError::new("type", describe(&error)))?;
        draft.replace(json);
        Ok(Verdict::Keep)
    })
}

/// Makes any number of records of each, or refuses it. None counts as filtered; several are numbered as children of
/// the record they came from and have its content. Works on whole batches, so it ends a run of transforms that share
/// one pass.
///
/// ```
/// use datalake_core::transform::flat_map;
///
/// let transform = flat_map("words", "1", |record| {
///     Ok(record.body().split(|byte| *byte == b' ').map(|word| word.to_vec()).collect())
/// });
/// ```
pub fn flat_map<F, B>(name: &str, version: &str, f: F) -> impl Transform + fmt::Debug + use<F, B>
where
    F: Fn(&Record) -> Result<Vec<B>, RecordError> + Send + Sync + 'static,
    B: Into<Bytes> + 'static,
{
    let f = move |record: &Record| Ok(f(record)?.into_iter().map(Into::into).collect());
    FlatMap { name: name.to_owned(), version: version.to_owned(), f }
}

/// The record as a type.
pub(super) fn typed<T: DeserializeOwned>(draft: &mut Draft) -> Result<T, RecordError> {
    draft.check()?;
    let body = draft.body();
    serde_json::from_slice(body).map_err(|error| {
        let refusal = RecordError::new("type", describe(&error));
        match std::str::from_utf8(body).map(|json| path(json, &error)) {
            Ok(path) if !path.is_empty() => refusal.at(path),
            _ => refusal,
        }
    })
}

struct Edit<F> {
    name: String,
    version: String,
    f: F,
}

impl<F> RecordTransform for Edit<F>
where
    F: Fn(&mut Draft) -> Result<Verdict, RecordError> + Send + Sync + 'static,
{
    fn name(&self) -> &str {
        &self.name
    }

    fn version(&self) -> &str {
        &self.version
    }

    fn apply(&self, draft: &mut Draft) -> Result<Verdict, RecordError> {
        (self.f)(draft)
    }
}

struct FlatMap<F> {
    name: String,
    version: String,
    f: F,
}

#[async_trait]
impl<F> Transform for FlatMap<F>
where
    F: Fn(&Record) -> Result<Vec<Bytes>, RecordError> + Send + Sync + 'static,
{
    fn name(&self) -> &str {
        &self.name
    }

    fn version(&self) -> &str {
        &self.version
    }

    async fn apply(&self, mut records: Records) -> Result<Records> {
        records.try_flat_map(|record| {
            catch_unwind(AssertUnwindSafe(|| (self.f)(record))).unwrap_or_else(|_| Err(panicked()))
        });
        Ok(records)
    }
}

impl<F> fmt::Debug for FlatMap<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlatMap").field("name", &self.name).field("version", &self.version).finish()
    }
}

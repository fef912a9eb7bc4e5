//! From a record back to the one it was made from.

use datalake_core::lake::{Lake, Trace, Zone, stamp};
use datalake_core::ledger::Ledger;
use datalake_core::{BatchId, Cut, Error, ErrorKind, Format, RecordId, Result};

/// The record of a lake that another record was made from, by the trace of that one. Tracing it in the lake leads to the
/// raw bytes as they were acquired.
///
/// ```
/// use datalake_connectors::lake::upstream;
/// use datalake_core::lake::{Lake, Trace};
/// use datalake_core::{RecordId, Result};
///
/// async fn to_the_silo(record: &RecordId, marts: &Lake, lake: &Lake) -> Result<Trace> {
///     let made_from = upstream(lake, &marts.trace(record).await?).await?;
///     lake.trace(&made_from).await
/// }
/// ```
///
/// # Errors
/// [`Unsupported`](ErrorKind::Unsupported) if the record was not made from a lake;
/// [`NotFound`](ErrorKind::NotFound) if it was made from another lake, or if it cannot be told because the lake it is in
/// keeps no documents.
pub async fn upstream(lake: &Lake, trace: &Trace) -> Result<RecordId> {
    let end = format!("/{}", trace.locator);
    let of = trace.envelope.derived_from.iter().find(|of| of.uri.ends_with(&end));
    let of = of.ok_or_else(|| {
        Error::new(ErrorKind::Unsupported, "the record was not made from a lake")
            .with("record", &trace.record)
    })?;
    let missing = || {
        Error::new(ErrorKind::NotFound, "the lake has no such record")
            .with("object", &trace.locator)
            .with("offset", trace.offset)
    };
    let entry = lake.ledger().entry(&of.pipeline, of.commit).await?;
    let manifest = lake.ledger().manifest(&entry.commit).await?;
    if Zone::of(&trace.locator) == Some(Zone::Raw) {
        let documents = lake.documents(&manifest).await?;
        for (row, document) in manifest.documents.rows().zip(documents) {
            let Some(start) = trace.offset.checked_sub(row.content).filter(|start| *start < row.bytes.max(1))
            else {
                continue;
            };
            let (mut ordinal, mut found, mut many) = (row.first, None, false);
            lake.decoders().split(&document, |piece| {
                many |= ordinal > row.first;
                if piece.range.start as u64 == start && found.is_none() {
                    found = Some(ordinal);
                }
                ordinal += 1;
            });
            let whole = matches!(&**document.format(), Format::Decoded { cut: Cut::Whole, .. });
            if many && (trace.raw.is_none() || whole) {
                return Err(missing());
            }
            let batch = BatchId { pipeline: of.pipeline.clone(), number: entry.commit.batch };
            return found.map(|ordinal| RecordId { batch, ordinal, child: 0 }).ok_or_else(missing);
        }
        return Err(missing());
    }
    if let Some((_, id)) = trace.raw.as_deref().and_then(|raw| stamp::read(raw.trim_ascii_end())) {
        return Ok(id);
    }
    let view = lake.view_at(&of.pipeline, of.commit).await?;
    let object = view.into_objects().find(|object| object.location == trace.locator).ok_or_else(missing)?;
    let content = lake.content(&object).await?;
    let start = usize::try_from(trace.offset).unwrap_or(usize::MAX);
    let end = start.saturating_add(usize::try_from(trace.length).unwrap_or(usize::MAX));
    let line = content.get(start..end).map(<[u8]>::trim_ascii_end);
    // Several lines are a document whose records the second lake cannot tell apart without its archive.
    let line = line.filter(|line| !line.contains(&b'\n'));
    line.and_then(stamp::read).map(|(_, id)| id).ok_or_else(missing)
}

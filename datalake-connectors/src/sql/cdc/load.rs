//! The first load: what the tables hold where the slot begins.

use std::sync::Arc;

use bytes::BytesMut;
use datalake_core::{Cut, Document, Error, ErrorKind, Format, Result};

use super::SYSTEM;
use super::load_decoder::{self, LoadSettings};
use super::lsn::Lsn;
use super::position::{At, Log, Origin, Place};
use super::publication::{Published, published};
use super::session::{Came, Gate, Settings};
use super::slot::Slot;
use super::wire::Wire;

/// Makes the slot anew, and gives all rows of the published tables as they are where it begins. What an earlier load has
/// given no longer counts: the slot of then is gone, and so is what was done since.
pub(super) async fn load(
    wire: &mut Wire,
    settings: &Settings,
    (system, timeline): (&str, u32),
    gate: &Gate,
) -> Result<(Origin, Log)> {
    if Slot::read(wire, &settings.slot).await?.is_some() {
        Slot::drop(wire, &settings.slot).await?;
    }
    wire.be_patient(true);
    wire.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let (answer, begin) = Slot::create(wire, &settings.slot, true).await?;
    let origin = Origin { system: system.into(), slot: settings.slot.clone(), begin, timeline };
    let id: Arc<str> = origin.name().into();
    let tables = published(wire, &settings.server, &settings.publication).await?;
    let names = tables.iter().map(|table| (table.relation.schema.clone(), table.relation.table.clone()));
    let start = LoadSettings::Start { lsn: begin, tables: names.collect() };
    let document = Document::new(answer.bytes, Arc::clone(&settings.locator), format(&start, Cut::Whole))
        .with_id(Arc::clone(&id));
    let at = |table, offset| At { origin: origin.clone(), place: Place::Load { table, offset } };
    gate.send(Came::Loaded(document, at(0, 0))).await;
    for (n, table) in tables.iter().enumerate() {
        tracing::info!(schema = table.relation.schema, table = table.relation.table, "the first load reads");
        rows(wire, settings, table, begin, |document, offset| {
            let document = document.with_id(Arc::clone(&id));
            gate.send(Came::Loaded(document, at(n, offset)))
        })
        .await?;
        // From here on it cannot change, since we hold it until the end.
        if let Some(changed) = wire.query(&table.is_another()).await?.first() {
            let why =
                "a table was emptied or rewritten before the first load reached it: the load begins again";
            let error = Error::new(ErrorKind::Conflict, why).component(SYSTEM).retryable();
            return Err(error.with("table", changed.text(0)));
        }
    }
    wire.query("COMMIT").await?;
    wire.be_patient(false);
    Ok((origin, Log { lsn: begin, offset: 0, part: None }))
}

async fn rows<F: Future<Output = ()>>(
    wire: &mut Wire,
    settings: &Settings,
    table: &Published,
    begin: Lsn,
    give: impl Fn(Document, u64) -> F,
) -> Result<()> {
    let relation = &table.relation;
    let format = Arc::new(format(&LoadSettings::Rows { lsn: begin, relation: relation.clone() }, Cut::Lines));
    let locator: Arc<str> = format!("{}/{}.{}", settings.locator, relation.schema, relation.table).into();
    let (mut bytes, mut offset) = (BytesMut::new(), 0);
    wire.copy(&table.copy()).await?;
    loop {
        let row = wire.copied().await?;
        let ended = row.is_none();
        bytes.extend_from_slice(&row.unwrap_or_default());
        if bytes.len() >= settings.document_bytes || ended && !bytes.is_empty() {
            let whole = bytes.split().freeze();
            let start = offset;
            offset += whole.len() as u64;
            let document = Document::new(whole, Arc::clone(&locator), Arc::clone(&format)).at(start);
            give(document, offset).await;
        }
        if ended {
            return Ok(());
        }
    }
}

fn format(settings: &LoadSettings, cut: Cut) -> Format {
    let settings = serde_json::to_value(settings).unwrap_or_default();
    Format::Decoded { decoder: load_decoder::NAME.into(), settings, cut }
}

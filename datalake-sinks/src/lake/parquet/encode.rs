//! A batch of records as Parquet files, partition by partition.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use datalake_core::codec::Compression;
use datalake_core::lake::Partition;
use datalake_core::transform::Draft;
use datalake_core::{Batch, Content, Error, ErrorKind, Record, RecordError, Refused, Result, Sha256};
use parquet::file::metadata::KeyValue;
use serde_json::json;

use super::super::partition;
use super::contract::{Contract, Known};
use super::file::{self, Columns, File, Row};
use super::fit::{Place, check};
use super::json::{Node, Value};
use super::kind::{MOST_COLUMNS, Members};
use super::{ParquetSettings, Schema};

/// How a batch is to be written.
#[derive(Debug)]
pub(super) struct Plan {
    batch: Batch,
    settings: Arc<ParquetSettings>,
    compression: (Compression, i32),
    columns: Columns,
    schema: String,
    /// The records of each partition, by their index.
    pub(super) groups: Vec<(String, Vec<usize>)>,
}

/// One object to be.
pub(super) struct Part {
    pub(super) partition: String,
    pub(super) bytes: Bytes,
    pub(super) sha256: Sha256,
    pub(super) records: u64,
}

impl Plan {
    /// Looks at every record: where it goes, and which columns it needs. Nothing of the records is kept.
    pub(super) fn new(
        batch: Batch,
        settings: Arc<ParquetSettings>,
        compression: (Compression, i32),
        partitions: &[Partition],
        known: &Known,
    ) -> Result<(Self, Vec<Refused>)> {
        let acquired = batch.envelope.acquired.start;
        let fixed = partition::fixed(partitions, acquired);
        let mut draft = Draft::new(Bytes::new(), Content::Opaque);
        let mut observed = Members::default();
        let (mut children, mut wrapped) = (false, false);
        let mut refused = Vec::new();
        let mut places: Vec<Option<usize>> = Vec::with_capacity(batch.records.len());
        let mut groups: BTreeMap<String, usize> = BTreeMap::new();
        for (index, record) in batch.records.iter().enumerate() {
            let name = match &fixed {
                Some(fixed) => Ok(Cow::Borrowed(fixed.as_str())),
                None => partition::name(partitions, &mut draft, record, acquired).map(Cow::Owned),
            };
            let seen = name.and_then(|name| {
                let (object, is_wrapped) = object(record)?;
                let members = members(&object)?;
                observed.observe(members, 0, MOST_COLUMNS);
                children |= record.origin().child > 0;
                wrapped |= is_wrapped;
                Ok(name)
            });
            match seen {
                Ok(name) => {
                    let next = groups.len();
                    let group = match groups.get(&*name) {
                        Some(group) => *group,
                        None => *groups.entry(name.into_owned()).or_insert(next),
                    };
                    places.push(Some(group));
                }
                Err(error) => {
                    refused.push(Refused { index, error });
                    places.push(None);
                }
            }
        }
        let members = known.settle(observed);
        let full = members.len() >= MOST_COLUMNS;
        let columns = Columns {
            members: members.shapes(settings.doubles),
            children,
            wrapped,
            rescued: settings.contract == Contract::QuarantineValue || full,
        };
        if matches!(settings.contract, Contract::Freeze | Contract::QuarantineRow) {
            hold(&batch, &settings, &columns, &mut places, &mut refused)?;
        }
        let mut indices = vec![Vec::new(); groups.len()];
        for (index, group) in
            places.into_iter().enumerate().filter_map(|(index, group)| Some((index, group?)))
        {
            indices[group].push(index);
        }
        let groups = groups.into_iter().map(|(name, group)| (name, std::mem::take(&mut indices[group])));
        let groups = groups.filter(|(_, indices)| !indices.is_empty()).collect();
        let schema = Schema(members).text(settings.doubles);
        Ok((Self { batch, settings, compression, columns, schema, groups }, refused))
    }

    /// The files of some of the partitions.
    pub(super) fn encode(&self, groups: std::ops::Range<usize>) -> Result<Vec<Part>> {
        let mut parts = Vec::new();
        for (partition, indices) in &self.groups[groups] {
            let mut file = self.file()?;
            let mut size = 0;
            for &index in indices {
                let record = &self.batch.records[index];
                if size > 0 && size + record.body().len() > self.settings.file_bytes {
                    parts.push(part(partition, std::mem::replace(&mut file, self.file()?))?);
                    size = 0;
                }
                size += record.body().len();
                self.push(&mut file, record)?;
            }
            parts.push(part(partition, file)?);
        }
        Ok(parts)
    }

    fn push(&self, file: &mut File, record: &Record) -> Result<()> {
        let id = self.batch.id.to_string();
        let broken = |cause: RecordError| Error::unexpected("a record has changed").caused_by(cause);
        let (object, wrapped) = object(record).map_err(broken)?;
        let origin = record.origin();
        let row = Row { batch: &id, ordinal: origin.ordinal, child: origin.child, wrapped };
        file.push(members(&object).map_err(broken)?, row, None, record.body().len())
    }

    fn file(&self) -> Result<File> {
        let batch = &self.batch;
        let lineage = json!({
            "schema": "datalake.lineage/1",
            "batch": batch.id,
            "attempt": batch.attempt,
            "envelope": *batch.envelope,
        });
        let metadata = vec![
            KeyValue::new(file::LINEAGE_KEY.into(), lineage.to_string()),
            KeyValue::new(file::SCHEMA_KEY.into(), self.schema.clone()),
        ];
        File::new(self.columns.clone(), self.settings.properties(self.compression, metadata)?)
    }
}

fn part(partition: &str, file: File) -> Result<Part> {
    let records = file.records();
    let bytes = file.finish()?;
    Ok(Part { partition: partition.to_owned(), sha256: Sha256::of(&bytes), bytes, records })
}

/// Refuses what does not fit, or fails for it.
fn hold(
    batch: &Batch,
    settings: &ParquetSettings,
    columns: &Columns,
    places: &mut [Option<usize>],
    refused: &mut Vec<Refused>,
) -> Result<()> {
    let before = refused.len();
    for (index, record) in batch.records.iter().enumerate() {
        let place = &mut places[index];
        if place.is_none() {
            continue;
        }
        let misfit = object(record).and_then(|(object, _)| {
            members(&object).map(|members| check(&columns.members, members, &mut Place::default()))
        });
        let error = match misfit {
            Ok(None) => continue,
            Ok(Some(misfit)) => misfit.error(),
            Err(error) => error,
        };
        if settings.contract == Contract::Freeze {
            return Err(Error::new(ErrorKind::RecordInvalid, "a record does not fit the frozen schema")
                .with("record", record.origin().id(&batch.id))
                .caused_by(error));
        }
        *place = None;
        refused.push(Refused { index, error });
    }
    if before > 0 && refused.len() > before {
        refused.sort_by_key(|refused| refused.index);
    }
    Ok(())
}

/// A record as an object, and whether it was made one: what is no JSON object stands under `value`, `text` or
/// `base64`, as it does in lines.
fn object(record: &Record) -> Result<(Node<'_>, bool), RecordError> {
    let text = std::str::from_utf8(record.body());
    match (record.content(), text) {
        (Content::Json, Ok(text)) => {
            let node = Node::parse(text)?;
            Ok(match node.value {
                Value::Object(_) => (node, false),
                _ => (Node::wrap("value", node), true),
            })
        }
        (Content::Json, Err(_)) => Err(RecordError::new("json", "not UTF-8")),
        (_, Ok(text)) => Ok((Node::wrap("text", Node::string(text)), true)),
        (_, Err(_)) => Ok((Node::wrap("base64", Node::string(STANDARD.encode(record.body()))), true)),
    }
}

/// The members of a record, of which none may have the name of a column of the lake.
pub(super) fn members<'n, 'a>(object: &'n Node<'a>) -> Result<&'n [(Cow<'a, str>, Node<'a>)], RecordError> {
    let Value::Object(members) = &object.value else {
        return Err(RecordError::new("json", "not an object"));
    };
    let reserved = |name: &str| name.starts_with("_lake_") && file::RESERVED.contains(&name);
    match members.iter().find(|(name, _)| reserved(name)) {
        Some((name, _)) => {
            Err(RecordError::new("reserved-name", "a member has the name of a column of the lake")
                .at(format!("/{name}")))
        }
        None => Ok(members),
    }
}

//! A Parquet file being written.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::builder::{ArrayBuilder, BooleanBuilder, Int32Builder, Int64Builder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, SchemaRef};
use bytes::Bytes;
use datalake_core::{Error, ErrorKind, Result};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::file::properties::WriterProperties;

use super::column::Struct;
use super::fit::{Misfit, Place};
use super::json::{Node, quote};
use super::shape::{Shape, fields};

/// The batch of a row: the first part of its id.
pub(super) const BATCH: &str = "_lake_batch";
/// The ordinal of a row in its batch: the second part.
pub(super) const ORDINAL: &str = "_lake_ord";
/// Which child a row is, where one record became several. Only in files that have some.
pub(super) const CHILD: &str = "_lake_child";
/// Whether a row was no JSON object and stands in `value`, `text` or `base64`. Only in files that have some.
pub(super) const WRAPPED: &str = "_lake_wrapped";
/// Values that no column holds, by where they were in the record. Only in files that may have some.
pub(super) const RESCUED: &str = "_lake_rescued";

/// Names that a record may not use.
pub(super) const RESERVED: [&str; 5] = [BATCH, ORDINAL, CHILD, WRAPPED, RESCUED];

/// Under which the schema stands in the file.
pub(super) const SCHEMA_KEY: &str = "datalake.schema";
/// Under which the lineage stands in the file.
pub(super) const LINEAGE_KEY: &str = "datalake.lineage";

/// How many rows, or bytes of them, are made columns of at once.
const ROWS: usize = 16 << 10;
const BYTES: usize = 8 << 20;

/// The columns of a file.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    pub(super) members: Vec<(Arc<str>, Shape)>,
    pub(super) children: bool,
    pub(super) wrapped: bool,
    pub(super) rescued: bool,
}

impl Columns {
    fn schema(&self) -> SchemaRef {
        let mut all: Vec<_> = fields(&self.members).iter().cloned().collect();
        let mut add = |name: &str, data_type, there: bool, null: bool| {
            if there {
                all.push(Arc::new(Field::new(name, data_type, null)));
            }
        };
        add(RESCUED, DataType::Utf8, self.rescued, true);
        add(WRAPPED, DataType::Boolean, self.wrapped, true);
        add(BATCH, DataType::Utf8, true, false);
        add(ORDINAL, DataType::Int64, true, false);
        add(CHILD, DataType::Int32, self.children, true);
        Arc::new(arrow_schema::Schema::new(all))
    }
}

/// Whose a row is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) batch: &'a str,
    pub(super) ordinal: u32,
    pub(super) child: u16,
    pub(super) wrapped: bool,
}

/// A Parquet file being written, in memory.
pub(super) struct File {
    writer: ArrowWriter<Vec<u8>>,
    schema: SchemaRef,
    columns: Columns,
    rows: Struct,
    rescued: StringBuilder,
    wrapped: BooleanBuilder,
    batch: StringBuilder,
    ordinal: Int64Builder,
    child: Int32Builder,
    pending: usize,
    records: u64,
    misfits: Vec<Misfit>,
}

impl File {
    pub(super) fn new(columns: Columns, properties: WriterProperties) -> Result<Self> {
        let schema = columns.schema();
        // What Arrow would add says nothing that the types of Parquet do not say.
        let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let writer =
            ArrowWriter::try_new_with_options(Vec::new(), Arc::clone(&schema), options).map_err(cannot)?;
        Ok(Self {
            writer,
            schema,
            rows: Struct::new(&columns.members),
            columns,
            rescued: StringBuilder::new(),
            wrapped: BooleanBuilder::new(),
            batch: StringBuilder::new(),
            ordinal: Int64Builder::new(),
            child: Int32Builder::new(),
            pending: 0,
            records: 0,
            misfits: Vec::new(),
        })
    }

    /// The rows so far.
    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// Adds a row. `rescued` are values that no column of an earlier file held, as the members of a JSON object; `size`
    /// is about how many bytes the row takes.
    pub(super) fn push(
        &mut self,
        object: &[(Cow<'_, str>, Node<'_>)],
        row: Row<'_>,
        rescued: Option<&str>,
        size: usize,
    ) -> Result<()> {
        self.rows.push(object, &mut Place::default(), &mut self.misfits);
        let mut beside = rescued.map(str::to_owned).unwrap_or_default();
        for misfit in self.misfits.drain(..) {
            if !self.columns.rescued {
                return Err(Error::unexpected("a value has no column").with("at", misfit.path));
            }
            let comma = if beside.is_empty() { "" } else { "," };
            beside.push_str(&format!("{comma}{}:{}", quote(&misfit.path), misfit.json));
        }
        if beside.is_empty() {
            self.rescued.append_null();
        } else {
            self.rescued.append_value(format!("{{{beside}}}"));
        }
        self.wrapped.append_option(row.wrapped.then_some(true));
        self.batch.append_value(row.batch);
        self.ordinal.append_value(i64::from(row.ordinal));
        self.child.append_option((row.child > 0).then(|| i32::from(row.child)));
        self.records += 1;
        self.pending += size;
        if self.rows.len() >= ROWS || self.pending >= BYTES { self.flush() } else { Ok(()) }
    }

    /// Adds rows that are columns already, of the very same types.
    pub(super) fn push_all(&mut self, rows: &RecordBatch) -> Result<()> {
        self.records += rows.num_rows() as u64;
        self.writer.write(rows).map_err(cannot)
    }

    fn flush(&mut self) -> Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let mut arrays = self.rows.finish().map_err(cannot)?;
        let mut add = |there: bool, array: ArrayRef| {
            if there {
                arrays.push(array);
            }
        };
        add(self.columns.rescued, Arc::new(self.rescued.finish()));
        add(self.columns.wrapped, Arc::new(self.wrapped.finish()));
        add(true, Arc::new(self.batch.finish()));
        add(true, Arc::new(self.ordinal.finish()));
        add(self.columns.children, Arc::new(self.child.finish()));
        self.pending = 0;
        let rows = RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(cannot)?;
        self.writer.write(&rows).map_err(cannot)
    }

    /// The file.
    pub(super) fn finish(mut self) -> Result<Bytes> {
        self.flush()?;
        self.writer.into_inner().map(Bytes::from).map_err(cannot)
    }
}

fn cannot(cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::unexpected("records cannot be written as Parquet").caused_by(cause)
}

/// What is wrong with a file that cannot be read.
pub(super) fn corrupt(cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Corrupt, "an object is no Parquet file of this lake").caused_by(cause)
}

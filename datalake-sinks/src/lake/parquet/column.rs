//! Columns being filled.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::{
    ArrayBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder,
    StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, ListArray, StructArray};
use arrow_buffer::{NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::ArrowError;

use super::fit::{Misfit, Place, Scalar, scalar};
use super::json::{Node, Value};
use super::shape::{Shape, fields};

/// A column being filled.
pub(super) struct Column {
    shape: Shape,
    build: Build,
}

enum Build {
    Bool(BooleanBuilder),
    Int(Int64Builder),
    Decimal(Decimal128Builder),
    Double(Float64Builder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
    Text(StringBuilder),
    List { item: Box<Column>, ends: Vec<i32>, valid: NullBufferBuilder },
    Struct(Struct),
}

/// Columns side by side.
pub(super) struct Struct {
    columns: Vec<(Arc<str>, Column)>,
    index: HashMap<Arc<str>, usize>,
    rows: usize,
    valid: NullBufferBuilder,
}

impl Struct {
    pub(super) fn new(members: &[(Arc<str>, Shape)]) -> Self {
        let columns = members.iter().map(|(name, shape)| (Arc::clone(name), Column::new(shape))).collect();
        let index = members.iter().enumerate().map(|(n, (name, _))| (Arc::clone(name), n)).collect();
        Self { columns, index, rows: 0, valid: NullBufferBuilder::new(1024) }
    }

    /// Adds a row. What has no column, or does not fit into it, is told and left out.
    pub(super) fn push<'n>(
        &mut self,
        object: &'n [(Cow<'_, str>, Node<'_>)],
        place: &mut Place<'n>,
        misfits: &mut Vec<Misfit>,
    ) {
        let mut hint = 0;
        for (name, node) in object {
            let at = match self.columns.get(hint) {
                Some((there, _)) if **there == **name => Some(hint),
                _ => self.index.get(&**name).copied(),
            };
            place.enter(name);
            match at {
                Some(at) => {
                    self.columns[at].1.push(node, place, misfits);
                    hint = at + 1;
                }
                None if node.is_null() => {}
                None => misfits.push(place.unknown(node)),
            }
            place.leave();
        }
        self.close(true);
    }

    fn push_null(&mut self) {
        self.close(false);
    }

    /// Ends a row: columns it had nothing for get null.
    fn close(&mut self, valid: bool) {
        self.rows += 1;
        self.valid.append(valid);
        for (_, column) in self.columns.iter_mut().filter(|(_, column)| column.len() < self.rows) {
            column.push_null();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.rows
    }

    /// The columns filled so far. What comes next begins new ones.
    pub(super) fn finish(&mut self) -> Result<Vec<ArrayRef>, ArrowError> {
        self.rows = 0;
        self.columns.iter_mut().map(|(_, column)| column.finish()).collect()
    }
}

impl Column {
    fn new(shape: &Shape) -> Self {
        let build = match shape {
            Shape::Bool => Build::Bool(BooleanBuilder::new()),
            Shape::Int => Build::Int(Int64Builder::new()),
            Shape::Decimal(..) => Build::Decimal(Decimal128Builder::new().with_data_type(shape.data_type())),
            Shape::Double => Build::Double(Float64Builder::new()),
            Shape::Date => Build::Date(Date32Builder::new()),
            Shape::Timestamp => Build::Timestamp(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            Shape::Text | Shape::Any => Build::Text(StringBuilder::new()),
            Shape::List(item) => Build::List {
                item: Box::new(Self::new(item)),
                ends: vec![0],
                valid: NullBufferBuilder::new(1024),
            },
            Shape::Struct(members) => Build::Struct(Struct::new(members)),
        };
        Self { shape: shape.clone(), build }
    }

    fn len(&self) -> usize {
        match &self.build {
            Build::Bool(build) => build.len(),
            Build::Int(build) => build.len(),
            Build::Decimal(build) => build.len(),
            Build::Double(build) => build.len(),
            Build::Date(build) => build.len(),
            Build::Timestamp(build) => build.len(),
            Build::Text(build) => build.len(),
            Build::List { ends, .. } => ends.len() - 1,
            Build::Struct(build) => build.len(),
        }
    }

    fn push<'n>(&mut self, node: &'n Node<'_>, place: &mut Place<'n>, misfits: &mut Vec<Misfit>) {
        match (&mut self.build, &node.value) {
            (_, Value::Null) => self.push_null(),
            (Build::List { item, ends, valid }, Value::Array(nodes)) => {
                for (n, node) in nodes.iter().enumerate() {
                    place.enter_item(n);
                    item.push(node, place, misfits);
                    place.leave();
                }
                ends.push(i32::try_from(item.len()).unwrap_or(i32::MAX));
                valid.append_non_null();
            }
            (Build::Struct(build), Value::Object(object)) => build.push(object, place, misfits),
            _ => match scalar(&self.shape, node) {
                Some(value) => self.push_scalar(value),
                None => {
                    misfits.push(place.other(node, &self.shape));
                    self.push_null();
                }
            },
        }
    }

    fn push_scalar(&mut self, value: Scalar<'_>) {
        match (&mut self.build, value) {
            (Build::Bool(build), Scalar::Bool(value)) => build.append_value(value),
            (Build::Int(build), Scalar::Int(value)) => build.append_value(value),
            (Build::Decimal(build), Scalar::Decimal(value)) => build.append_value(value),
            (Build::Double(build), Scalar::Double(value)) => build.append_value(value),
            (Build::Date(build), Scalar::Days(value)) => build.append_value(value),
            (Build::Timestamp(build), Scalar::Micros(value)) => build.append_value(value),
            (Build::Text(build), Scalar::Text(value)) => build.append_value(value),
            _ => self.push_null(),
        }
    }

    fn push_null(&mut self) {
        match &mut self.build {
            Build::Bool(build) => build.append_null(),
            Build::Int(build) => build.append_null(),
            Build::Decimal(build) => build.append_null(),
            Build::Double(build) => build.append_null(),
            Build::Date(build) => build.append_null(),
            Build::Timestamp(build) => build.append_null(),
            Build::Text(build) => build.append_null(),
            Build::List { ends, valid, .. } => {
                ends.push(ends.last().copied().unwrap_or(0));
                valid.append_null();
            }
            Build::Struct(build) => build.push_null(),
        }
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        Ok(match &mut self.build {
            Build::Bool(build) => Arc::new(build.finish()),
            Build::Int(build) => Arc::new(build.finish()),
            Build::Decimal(build) => Arc::new(build.finish()),
            Build::Double(build) => Arc::new(build.finish()),
            Build::Date(build) => Arc::new(build.finish()),
            Build::Timestamp(build) => Arc::new(build.finish()),
            Build::Text(build) => Arc::new(build.finish()),
            Build::List { item, ends, valid } => {
                let ends = std::mem::replace(ends, vec![0]);
                let field = item.shape.item();
                let values = item.finish()?;
                let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
                Arc::new(ListArray::try_new(field, offsets, values, valid.finish())?)
            }
            Build::Struct(build) => {
                let rows = build.rows;
                let columns = build.finish()?;
                let Shape::Struct(members) = &self.shape else {
                    return Err(ArrowError::SchemaError("a struct without members".into()));
                };
                let valid = build.valid.finish();
                Arc::new(StructArray::try_new_with_length(fields(members), columns, valid, rows)?)
            }
        })
    }
}

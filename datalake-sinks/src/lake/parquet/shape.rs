//! The types of columns.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, TimeUnit};

/// The type of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    Bool,
    Int,
    /// Digits in all, and after the point.
    Decimal(u32, u32),
    Double,
    Date,
    /// Microseconds, UTC.
    Timestamp,
    Text,
    /// Any JSON value as text: a string that is not itself JSON stands without quotes, all else is JSON.
    Any,
    List(Box<Self>),
    Struct(Vec<(Arc<str>, Self)>),
}

impl Shape {
    pub(super) fn data_type(&self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Int => DataType::Int64,
            Self::Decimal(precision, scale) => DataType::Decimal128(*precision as u8, *scale as i8),
            Self::Double => DataType::Float64,
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Text | Self::Any => DataType::Utf8,
            Self::List(item) => DataType::List(item.item()),
            Self::Struct(members) => DataType::Struct(fields(members)),
        }
    }

    /// The field of the elements of a list of this.
    pub(super) fn item(&self) -> Arc<Field> {
        Arc::new(Field::new("element", self.data_type(), true))
    }
}

pub(super) fn fields(members: &[(Arc<str>, Shape)]) -> Fields {
    members.iter().map(|(name, shape)| Field::new(&**name, shape.data_type(), true)).collect()
}

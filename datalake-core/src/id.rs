//! Names: of pipelines, batches, records and attempts.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Error, Result};

/// The name of a pipeline: its lane in the ledger, and the first part of every record id.
///
/// Lower-case letters, digits, `-`, `_` and `.`, beginning with a letter or digit, at most 100 characters: it is a
/// path segment of object keys.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PipelineId(Arc<str>);

impl PipelineId {
    /// Checks a name.
    ///
    /// # Errors
    /// [`ConfigInvalid`](crate::ErrorKind::ConfigInvalid) if it has another character or length.
    pub fn new(name: impl AsRef<str>) -> Result<Self> {
        let name = name.as_ref();
        let ok = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
        let first = name.bytes().next().unwrap_or(b'-');
        if name.len() > 100 || !first.is_ascii_alphanumeric() || !name.bytes().all(ok) {
            return Err(Error::config(
                "a pipeline name is 1 to 100 lower-case letters, digits, '-', '_' or '.', beginning with a \
                 letter or digit",
            )
            .with("name", format_args!("{name:?}")));
        }
        Ok(Self(name.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of a dataset in the lake, and the folder of its objects in every zone: one or more segments of letters,
/// digits, `-`, `_` and `.`, separated by `/`, none beginning with `.` or `_`; at most 200 characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dataset(Arc<str>);

impl Dataset {
    /// Checks a name.
    ///
    /// # Errors
    /// [`ConfigInvalid`](crate::ErrorKind::ConfigInvalid) if it is not of the form above.
    pub fn new(name: impl AsRef<str>) -> Result<Self> {
        let name = name.as_ref();
        let segment = |segment: &str| {
            segment.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
                && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        if name.len() > 200 || !name.split('/').all(segment) {
            return Err(Error::config(
                "a dataset name is segments of letters, digits, '-', '_' and '.', separated by '/', each beginning \
                 with a letter or digit, at most 200 characters",
            )
            .with("name", format_args!("{name:?}")));
        }
        Ok(Self(name.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A batch: the pipeline and the number of the batch in it, counted from 1. Displayed as `orders/17`.
///
/// The number counts batches of acquired data only, so the same data read again from the same position gets the
/// same number whatever else was written to the ledger in between.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId {
    /// The pipeline.
    pub pipeline: PipelineId,
    /// The number of the batch in the pipeline, from 1.
    pub number: u64,
}

/// A record: its batch, its ordinal in the batch and, where one record became several, which of them. Displayed as
/// `orders/17/42` or `orders/17/42.3`. Derived, never random.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId {
    /// The batch.
    pub batch: BatchId,
    /// The index of the acquired record in the batch, from 0.
    pub ordinal: u32,
    /// Which child of that record, from 1; 0 for the record itself.
    pub child: u16,
}

/// One try at writing a batch, so that an ambiguous answer can be told apart from somebody else's success. A
/// version 7 UUID: 36 characters, ordered by time.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttemptId(Arc<str>);

impl AttemptId {
    pub(crate) fn new(millis: u64, random: [u8; 10]) -> Self {
        let id = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        Self(id.to_string().into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl RecordId {
    /// The ordinal and child as they stand in the id: `42` or `42.3`.
    #[must_use]
    pub fn local(&self) -> String {
        match self.child {
            0 => self.ordinal.to_string(),
            child => format!("{}.{child}", self.ordinal),
        }
    }
}

impl fmt::Display for PipelineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.pipeline, self.number)
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.batch, self.local())
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PipelineId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::new(text)
    }
}

impl FromStr for Dataset {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::new(text)
    }
}

impl FromStr for BatchId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = || Error::config("a batch id reads PIPELINE/NUMBER").with("id", format_args!("{text:?}"));
        let (pipeline, number) = text.rsplit_once('/').ok_or_else(bad)?;
        Ok(Self { pipeline: pipeline.parse()?, number: number.parse().map_err(|_| bad())? })
    }
}

impl FromStr for RecordId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = || {
            Error::config("a record id reads PIPELINE/NUMBER/ORDINAL or PIPELINE/NUMBER/ORDINAL.CHILD")
                .with("id", format_args!("{text:?}"))
        };
        let (batch, local) = text.rsplit_once('/').ok_or_else(bad)?;
        let (ordinal, child) = local.split_once('.').unwrap_or((local, "0"));
        Ok(Self {
            batch: batch.parse().map_err(|_| bad())?,
            ordinal: ordinal.parse().map_err(|_| bad())?,
            child: child.parse().map_err(|_| bad())?,
        })
    }
}

macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    )*};
}

as_text!(PipelineId, Dataset, BatchId, RecordId);

impl fmt::Debug for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_id_reads_back() {
        for text in ["orders/17/42", "shop.orders-eu/1/0.3"] {
            assert_eq!(text.parse::<RecordId>().unwrap().to_string(), text);
        }
        for text in ["", "orders", "orders/17", "orders/x/1", "orders/1/1.x", "../1/1"] {
            assert!(text.parse::<RecordId>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_pipeline_name_cannot_leave_its_path() {
        for name in ["", ".", "..", "a/b", "A", "-a", "a b", "a\\b", "ä", &"a".repeat(101)] {
            assert!(PipelineId::new(name).is_err(), "{name}");
        }
        assert!(PipelineId::new("sap-orders.v2_eu").is_ok());
    }

    #[test]
    fn a_dataset_name_cannot_leave_its_zone() {
        for name in ["", "/", "a/", "/a", "a//b", "../a", "a/..", "_ledger", "a/.b", "a b", "a=b", "a\\b"] {
            assert!(Dataset::new(name).is_err(), "{name}");
        }
        assert!(Dataset::new("erp/Orders.v2").is_ok());
    }
}

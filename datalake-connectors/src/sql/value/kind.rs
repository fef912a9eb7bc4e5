//! What the text of a value means.

use serde::{Deserialize, Serialize};

/// What the text of a value means. It is kept in the format of each document, since types of a database can change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(in crate::sql) enum Kind {
    /// Any text.
    Text,
    /// A number of any size, or `NaN` or `Infinity`.
    Number,
    /// `t` or `f`.
    Bool,
    /// JSON.
    Json,
    /// A time without a zone.
    Timestamp,
    /// A time with its offset from UTC.
    TimestampTz,
    /// Bytes in hexadecimal.
    Bytes,
    /// Values of one kind between braces.
    Array {
        /// What the elements are.
        of: Box<Self>,
        /// What is between them.
        delimiter: char,
    },
    /// Values between parentheses.
    Composite {
        /// Their names and kinds, in order.
        fields: Vec<Field>,
    },
}

/// A value with a name: an attribute of a composite type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sql) struct Field {
    pub(in crate::sql) name: String,
    #[serde(flatten)]
    pub(in crate::sql) kind: Kind,
}

impl Kind {
    /// The kind of a type that every database has, by its object id. `None` for those that are not text and have to be
    /// looked up.
    pub(in crate::sql) fn built_in(oid: u32) -> Option<Self> {
        Some(match oid {
            16 => Self::Bool,
            17 => Self::Bytes,
            20 | 21 | 23 | 700 | 701 | 1700 => Self::Number,
            114 | 3802 => Self::Json,
            1114 => Self::Timestamp,
            1184 => Self::TimestampTz,
            18 | 19 | 22 | 25..=30 | 142 | 600..=604 | 628 | 650 | 718 | 774 | 790 | 829 | 869 => Self::Text,
            1042 | 1043 | 1082 | 1083 | 1186 | 1266 | 1560 | 1562 | 2950 | 3220 | 3614 | 3615 | 5069 => {
                Self::Text
            }
            1000 => Self::array(Self::Bool),
            1005 | 1007 | 1016 | 1021 | 1022 | 1231 => Self::array(Self::Number),
            199 | 3807 => Self::array(Self::Json),
            1009 | 1014 | 1015 | 1182 | 2951 => Self::array(Self::Text),
            1115 => Self::array(Self::Timestamp),
            1185 => Self::array(Self::TimestampTz),
            _ => return None,
        })
    }

    pub(in crate::sql) fn array(of: Self) -> Self {
        Self::Array { of: Box::new(of), delimiter: ',' }
    }
}

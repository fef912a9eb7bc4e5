//! How a document divides into records.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::dialect::CsvRules;

/// How a document divides into records, and what a record of it contains.
///
/// The format travels with the document into the raw zone, so that the same records can be cut from the same bytes
/// at any later time. [`split`](crate::split::split) does the cutting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Format {
    /// The document is one record of any content, for instance XML or a picture.
    Whole,
    /// The document is one record, a JSON value.
    Json,
    /// One line of text a record, without its line end. Blank lines are records too.
    Lines,
    /// One JSON value a line. Blank lines are no records.
    Ndjson,
    /// The elements of a JSON array. A document may be a piece of a longer array, cut between elements.
    JsonArray {
        /// Where the array is in the document, as a JSON Pointer; empty for the document itself.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        pointer: String,
    },
    /// Delimited text (RFC 4180). A record becomes a JSON object of strings under the names of the header.
    Csv(Csv),
    /// The elements of one name directly below the root of an XML document, from tag to tag, in ASCII or an encoding that
    /// extends it. If the root has that name, it is the one record.
    Xml {
        /// The name, with its prefix if it has one.
        element: String,
    },
    /// Any other, by a [`Decoder`](crate::split::Decoder).
    Decoded {
        /// The name of the decoder.
        decoder: String,
        /// What it must know beside the bytes.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        settings: Value,
        /// Where a long document may be cut.
        cut: Cut,
    },
}

/// Where bytes may be cut into several documents, when only a decoder can tell the records in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Cut {
    /// Nowhere: they are one document, and its records cannot be read without it.
    Whole,
    /// After any line end. A record is bytes of the document that can be read alone.
    Lines,
}

/// The dialect and header of delimited text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Csv {
    /// The character between fields, ASCII: `,`, `;` or a tab.
    pub delimiter: char,
    /// The names of the columns.
    pub header: Arc<[String]>,
    /// Whether the first row of this document is the header and therefore no record.
    pub has_header: bool,
    /// What is beyond RFC 4180.
    #[serde(default, skip_serializing_if = "are_default")]
    pub rules: Arc<CsvRules>,
}

fn are_default(rules: &Arc<CsvRules>) -> bool {
    rules.are_default()
}

impl Csv {
    /// Text of RFC 4180 with a delimiter, whose first row is the header.
    #[must_use]
    pub fn new(delimiter: char) -> Self {
        Self { delimiter, header: Arc::from([]), has_header: true, rules: Arc::default() }
    }

    /// The same with other rules.
    #[must_use]
    pub fn with_rules(mut self, rules: CsvRules) -> Self {
        self.rules = Arc::new(rules);
        self
    }
}

impl Format {
    /// A JSON array that is the whole document.
    #[must_use]
    pub fn json_array() -> Self {
        Self::JsonArray { pointer: String::new() }
    }

    /// What a record of this format contains.
    #[must_use]
    pub fn content(&self) -> Content {
        match self {
            Self::Whole | Self::Lines | Self::Xml { .. } => Content::Opaque,
            Self::Json | Self::Ndjson | Self::JsonArray { .. } | Self::Csv(_) | Self::Decoded { .. } => {
                Content::Json
            }
        }
    }
}

/// What the bytes of a record are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Content {
    /// One JSON value (RFC 8259), UTF-8. The engine checks it before the first transform and sends a record that is
    /// none to quarantine.
    Json,
    /// Text or any other bytes. Nothing is checked.
    Opaque,
}

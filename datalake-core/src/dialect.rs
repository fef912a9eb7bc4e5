//! What delimited text may have beyond RFC 4180.

use serde::{Deserialize, Serialize};

use crate::encoding::Encoding;

/// The rules by which a document of delimited text becomes records. They travel with the document, so that it gives the
/// same records at any later time.
///
/// ```
/// use datalake_core::{Csv, CsvRules, Encoding, Ragged};
///
/// let mut rules = CsvRules::default();
/// rules.encoding = Encoding::UTF_16LE;
/// rules.ragged = Ragged::Keep;
/// rules.nulls = vec!["NULL".into()];
/// let report = Csv::new(';').with_rules(rules);
/// # let _ = report;
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct CsvRules {
    /// How the text is encoded: UTF-8 unless said otherwise. A row that is not is refused.
    pub encoding: Encoding,
    /// The character around fields that contain a delimiter or a line end, ASCII. `"` unless said otherwise; with `None`
    /// a quote is a character as any other.
    pub quote: Option<char>,
    /// The bytes of the file, from its beginning, that come before the header and are no records.
    pub preamble: u64,
    /// What becomes of a row with more or fewer fields than there are columns.
    pub ragged: Ragged,
    /// What stands for `null` in a field without quotes.
    pub nulls: Vec<String>,
    /// Words by which a row is known that is no record, such as `Total`: the first field that is not empty begins with
    /// one of them, in any case of ASCII letters, and the word does not go on.
    pub footers: Vec<String>,
}

/// What becomes of a row that has not as many fields as there are columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Ragged {
    /// It is refused and goes to quarantine.
    #[default]
    Refuse,
    /// It is kept: columns without a field are `null`, and fields without a column are an array of texts, `_extra`.
    Keep,
}

impl Default for CsvRules {
    fn default() -> Self {
        Self {
            encoding: Encoding::UTF_8,
            quote: Some('"'),
            preamble: 0,
            ragged: Ragged::Refuse,
            nulls: Vec::new(),
            footers: Vec::new(),
        }
    }
}

impl CsvRules {
    /// Whether they are those of RFC 4180.
    #[must_use]
    pub fn are_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a row can be written straight from its bytes.
    pub(crate) fn are_plain(&self) -> bool {
        Self { preamble: 0, ..self.clone() }.are_default()
    }

    /// Whether a row with this first text is no record.
    pub(crate) fn is_footer(&self, first: &str) -> bool {
        let first = first.trim_start();
        self.footers.iter().any(|word| {
            let begins = first.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word));
            let goes_on = || first[word.len()..].starts_with(char::is_alphanumeric);
            !word.is_empty() && begins && !(word.ends_with(char::is_alphanumeric) && goes_on())
        })
    }
}

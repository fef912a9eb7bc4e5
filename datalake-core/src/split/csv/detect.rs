//! What delimited text looks like.

use super::row::{Field, Row};
use super::text::{Text, before, rows};
use crate::dialect::CsvRules;
use crate::encoding::Encoding;
use crate::format::Csv;

/// The delimiters that are known without being told, the likeliest first.
const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];
/// The most that is looked at, bytes and rows.
const LOOK: (usize, usize) = (64 << 10, 100);

/// The delimiter a file seems to have, by its first line: a comma if there is one, otherwise a semicolon or a tab
/// if there is one, otherwise a comma. Quoted text is not looked at.
#[must_use]
pub fn detect_delimiter(head: &[u8]) -> char {
    let mut quoted = false;
    let mut found = None;
    for byte in head {
        match byte {
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b',' => return ',',
            b';' | b'\t' => found = found.or(Some(char::from(*byte))),
            b'\n' => break,
            _ => {}
        }
    }
    found.unwrap_or(',')
}

/// The delimiter, quote and encoding that delimited text seems to have, by its beginning; as text whose first row is the
/// header. `whole` says that the text ends here.
///
/// * The encoding is the one [detected](Encoding::detect).
/// * The delimiter is the one of `,`, `;`, tab and `|` by which most rows have as many fields as the first, and at least
///   two; between equals the one with more columns, and then the first in this order. Rows before the first that has two
///   fields are not looked at. It is a comma if there is only one column.
/// * The quote is `'` if at least two fields have those around them, all of them well, and none has `"`; otherwise `"`.
///
/// A function of the bytes alone, of which the first 64 KiB or 100 rows count, save for the encoding.
#[must_use]
pub fn detect_csv(head: &[u8], whole: bool) -> Csv {
    let mut csv = Csv::new(',');
    let mut rules = csv.rules.as_ref().clone();
    rules.encoding = Encoding::detect(head, whole);
    let looked = &head[..head.len().min(LOOK.0 / 2 * 2)];
    let whole = whole && looked.len() == head.len();
    csv = csv.with_rules(rules.clone());
    let text = Text::new(looked, &csv);
    let mut best = (0, 0);
    for delimiter in DELIMITERS {
        let score = score(&text, looked, &Csv { delimiter, ..csv.clone() }, whole);
        if score > best {
            (best, csv.delimiter) = (score, delimiter);
        }
    }
    if is_single_quoted(&text, looked, &csv, whole) {
        rules.quote = Some('\'');
    }
    csv.with_rules(rules)
}

/// The rows with as many fields as the first that has several, and how many those are.
fn score(text: &Text<'_>, bytes: &[u8], csv: &Csv, whole: bool) -> (usize, usize) {
    let (mut columns, mut alike) = (0, 0);
    each(text, bytes, csv, whole, |_, fields| {
        if columns == 0 && fields.len() > 1 {
            columns = fields.len();
        }
        alike += usize::from(columns > 0 && fields.len() == columns);
    });
    (alike, columns)
}

fn is_single_quoted(text: &Text<'_>, bytes: &[u8], csv: &Csv, whole: bool) -> bool {
    let quoted = |quote| {
        let csv = csv.clone().with_rules(CsvRules { quote: Some(quote), ..csv.rules.as_ref().clone() });
        let (mut quoted, mut broken) = (0, false);
        each(text, bytes, &csv, whole, |row, fields| {
            quoted += fields.iter().filter(|field| field.quoted).count();
            broken |= matches!(row, Row::Broken(_));
        });
        (quoted, broken)
    };
    quoted('"') == (0, false) && matches!(quoted('\''), (2.., false))
}

fn each(text: &Text<'_>, bytes: &[u8], csv: &Csv, whole: bool, mut row: impl FnMut(&Row, &[Field])) {
    let mut found = rows(before(bytes, 0, csv).min(bytes.len()) / csv.rules.encoding.width(), csv);
    let mut fields = Vec::new();
    for _ in 0..LOOK.1 {
        let Some(next) = found.next(text.units(), whole, &mut fields) else { break };
        row(&next, &fields);
    }
}

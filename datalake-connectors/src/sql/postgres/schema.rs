//! The columns as a sink of columns takes them.

use super::super::value::{Kind, string};
use super::copy::Column;

/// The most digits of a decimal.
const DIGITS: u32 = 38;

/// A schema of columns as JSON: a type for each name.
pub(super) fn text(columns: &[Column]) -> String {
    let mut out = vec![b'{'];
    for (n, column) in columns.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        string(&column.name, &mut out);
        out.push(b':');
        write(&column.kind, &column.of, &mut out);
    }
    out.push(b'}');
    String::from_utf8(out).unwrap_or_default()
}

/// Writes the type of values of a kind. `of` is the name of the type, if it is known.
fn write(kind: &Kind, of: &str, out: &mut Vec<u8>) {
    match kind {
        Kind::Bool => string("bool", out),
        Kind::Number => string(&number(of), out),
        Kind::Json => string("json", out),
        Kind::TimestampTz => string("timestamp", out),
        Kind::Text if of == "date" => string("date", out),
        // A time without a zone is no moment.
        Kind::Text | Kind::Timestamp | Kind::Bytes => string("text", out),
        Kind::Array { of: kind, .. } => {
            out.push(b'[');
            write(kind, of.strip_suffix("[]").unwrap_or_default(), out);
            out.push(b']');
        }
        Kind::Composite { fields } => {
            for (n, field) in fields.iter().enumerate() {
                out.push(if n == 0 { b'{' } else { b',' });
                string(&field.name, out);
                out.push(b':');
                write(&field.kind, "", out);
            }
            out.extend_from_slice(if fields.is_empty() { b"{}" } else { b"}" });
        }
    }
}

/// What numbers of a type are. Those of which the type does not say how many digits they have are kept as their text.
fn number(of: &str) -> String {
    match of {
        "smallint" | "integer" | "bigint" => return "int64".into(),
        "real" | "double precision" => return "double".into(),
        _ => {}
    }
    let digits = of.strip_prefix("numeric(").and_then(|of| of.strip_suffix(')')?.split_once(','));
    let digits = digits.and_then(|(all, after)| Some((all.parse::<u32>().ok()?, after.parse::<u32>().ok()?)));
    match digits {
        Some((all, after)) if all <= DIGITS && after <= all => format!("decimal({all},{after})"),
        _ => "json".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::value::Field;
    use super::*;

    #[test]
    fn columns_have_the_types_of_a_file_of_columns() {
        let column = |name: &str, of: &str, kind| Column {
            name: name.into(),
            of: of.into(),
            oid: 0,
            kind,
            filled: false,
        };
        let place = Kind::Composite { fields: vec![Field { name: "at".into(), kind: Kind::TimestampTz }] };
        let columns = [
            column("id", "bigint", Kind::Number),
            column("price", "numeric(10,2)", Kind::Number),
            column("any", "numeric", Kind::Number),
            column("wide", "numeric(60,2)", Kind::Number),
            column("day", "date", Kind::Text),
            column("local", "timestamp without time zone", Kind::Timestamp),
            column("list", "integer[]", Kind::array(Kind::Number)),
            column("place", "place", place),
        ];
        assert_eq!(
            text(&columns),
            "{\"id\":\"int64\",\"price\":\"decimal(10,2)\",\"any\":\"json\",\"wide\":\"json\",\"day\":\"date\",\
             \"local\":\"text\",\"list\":[\"int64\"],\"place\":{\"at\":\"timestamp\"}}"
        );
    }
}

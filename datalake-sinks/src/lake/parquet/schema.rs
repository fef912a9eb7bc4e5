//! Schemas as text.

use std::fmt;
use std::str::FromStr;

use datalake_core::{Error, Result};

use super::json::{Node, Value, quote};
use super::kind::{Kind, MOST_COLUMNS, Members, Numbers};
use super::number::DIGITS;
use super::shape::Shape;

/// The columns of a dataset. Written and read as JSON:
///
/// ```
/// # use datalake_sinks::lake::Schema;
/// let schema: Schema = r#"{
///     "id": "int64",
///     "price": "decimal(18,2)",
///     "placed_at": "timestamp",
///     "tags": ["text"],
///     "customer": { "email": "text", "since": "date", "vip": "bool" },
///     "rest": "json"
/// }"#
/// .parse()?;
/// # assert_eq!(schema.to_string().parse::<Schema>()?, schema);
/// # Ok::<(), datalake_core::Error>(())
/// ```
///
/// | type | holds | as Arrow |
/// |---|---|---|
/// | `bool` | `true`, `false` | Boolean |
/// | `int64` | integers of 64 bits | Int64 |
/// | `decimal(P,S)` | numbers of at most P digits, S of them after the point; P is at most 38 | Decimal128 |
/// | `double` | numbers of which a double says the same: its shortest text is that number | Float64 |
/// | `date` | strings like `2026-11-26` | Date32 |
/// | `timestamp` | strings like `2026-11-26T10:05:00.123456Z`: RFC 3339, UTC, to the microsecond | Timestamp, µs, UTC |
/// | `text` | strings | Utf8 |
/// | `json` | anything: a string stands as it is unless it is JSON itself, all else as JSON | Utf8 |
/// | `[T]` | arrays of T | List |
/// | `{"name": T}` | objects with no other members | Struct |
/// | `null` | nothing has been seen but null: there is no column yet | |
///
/// Every column may be null, which a missing member is too.
#[derive(Clone, PartialEq)]
pub struct Schema(pub(super) Members);

impl Schema {
    /// The schema with every type as it stands in a file.
    pub(super) fn text(&self, floats: bool) -> String {
        let mut text = String::new();
        write_members(&mut text, &self.0, floats);
        text
    }

    /// The names of the columns, in order.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }
}

impl FromStr for Schema {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let node = Node::parse(text)
            .map_err(|cause| Error::config("a schema of columns is no JSON").caused_by(cause))?;
        match kind(&node, "")? {
            Kind::Struct(members) if members.len() <= MOST_COLUMNS => Ok(Self(members)),
            _ => Err(Error::config("a schema of columns is a JSON object, of 3000 members at the most")),
        }
    }
}

fn kind(node: &Node<'_>, path: &str) -> Result<Kind> {
    let bad = |what: &'static str| Error::config(what).with("at", if path.is_empty() { "/" } else { path });
    Ok(match &node.value {
        Value::String(name) => match &**name {
            "null" => Kind::Null,
            "bool" => Kind::Bool,
            "int64" => Kind::Number(Numbers::of_ints()),
            "double" => Kind::Number(Numbers::of_doubles()),
            "date" => Kind::Date,
            "timestamp" => Kind::Timestamp,
            "text" => Kind::Text,
            "json" => Kind::Any,
            other => match decimal(other) {
                Some((precision, scale)) => Kind::Number(Numbers::of_decimals(precision, scale)),
                None => return Err(bad("a schema of columns has an unknown type").with("type", other)),
            },
        },
        Value::Array(items) => match &items[..] {
            [item] => Kind::List(Box::new(kind(item, &format!("{path}/-"))?)),
            _ => return Err(bad("a list in a schema of columns has one type")),
        },
        Value::Object(object) => {
            let mut members = Members::default();
            for (name, node) in object {
                members.insert(name, kind(node, &format!("{path}/{name}"))?);
            }
            Kind::Struct(members)
        }
        _ => return Err(bad("a type in a schema of columns is a name, a list or an object")),
    })
}

fn decimal(text: &str) -> Option<(u32, u32)> {
    let (precision, scale) = text.strip_prefix("decimal(")?.strip_suffix(')')?.split_once(',')?;
    let (precision, scale) = (precision.trim().parse().ok()?, scale.trim().parse().ok()?);
    ((1..=DIGITS).contains(&precision) && scale <= precision).then_some((precision, scale))
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(false))
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

fn write_members(text: &mut String, members: &Members, floats: bool) {
    text.push('{');
    for (n, (name, kind)) in members.iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        text.push_str(&quote(name));
        text.push(':');
        write_kind(text, kind, floats);
    }
    text.push('}');
}

fn write_kind(text: &mut String, kind: &Kind, floats: bool) {
    match kind {
        Kind::List(item) => {
            text.push('[');
            write_kind(text, item, floats);
            text.push(']');
        }
        Kind::Struct(members) => write_members(text, members, floats),
        Kind::Null => text.push_str("\"null\""),
        Kind::Bool | Kind::Number(_) | Kind::Date | Kind::Timestamp | Kind::Text | Kind::Any => {
            text.push_str(&format!("\"{}\"", kind.shape(floats).as_ref().map_or("null".into(), name)));
        }
    }
}

fn name(shape: &Shape) -> String {
    match shape {
        Shape::Bool => "bool".into(),
        Shape::Int => "int64".into(),
        Shape::Decimal(precision, scale) => format!("decimal({precision},{scale})"),
        Shape::Double => "double".into(),
        Shape::Date => "date".into(),
        Shape::Timestamp => "timestamp".into(),
        Shape::Text => "text".into(),
        _ => "json".into(),
    }
}

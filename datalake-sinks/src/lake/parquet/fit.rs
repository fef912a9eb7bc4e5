//! Whether a value fits into a column, and which does not.

use std::borrow::Cow;
use std::sync::Arc;

use datalake_core::RecordError;
use serde::de::IgnoredAny;

use super::json::{Node, Value, quote};
use super::number::Number;
use super::shape::Shape;
use super::time;

/// A value as a column holds it.
pub(super) enum Scalar<'a> {
    Bool(bool),
    Int(i64),
    Decimal(i128),
    Double(f64),
    Days(i32),
    Micros(i64),
    Text(Cow<'a, str>),
}

/// The value as a column of this type holds it. `None` if it does not fit, or is a list or an object.
pub(super) fn scalar<'a>(shape: &Shape, node: &'a Node<'_>) -> Option<Scalar<'a>> {
    Some(match (shape, &node.value) {
        (Shape::Bool, Value::Bool(value)) => Scalar::Bool(*value),
        (Shape::Int, Value::Number(text)) => Scalar::Int(Number::parse(text)?.int()?),
        (Shape::Decimal(precision, scale), Value::Number(text)) => {
            let value = Number::parse(text)?.unscaled(*scale)?;
            if value.unsigned_abs() >= 10_u128.pow(*precision) {
                return None;
            }
            Scalar::Decimal(value)
        }
        (Shape::Double, Value::Number(text)) => Scalar::Double(Number::parse(text)?.double()?),
        (Shape::Date, Value::String(text)) => Scalar::Days(time::days(text)?),
        (Shape::Timestamp, Value::String(text)) => Scalar::Micros(time::micros(text)?),
        (Shape::Text, Value::String(text)) => Scalar::Text(Cow::Borrowed(text)),
        (Shape::Any, Value::String(text)) if is_json(text) => Scalar::Text(quote(text).into()),
        (Shape::Any, Value::String(text)) => Scalar::Text(Cow::Borrowed(text)),
        (Shape::Any, _) => Scalar::Text(node.json()),
        _ => return None,
    })
}

/// Whether a text is JSON.
pub(super) fn is_json(text: &str) -> bool {
    let first = text.trim_start().bytes().next().unwrap_or(0);
    let may_be = matches!(first, b'0'..=b'9' | b'-' | b'"' | b'{' | b'[' | b't' | b'f' | b'n');
    may_be && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// The first value that does not fit.
pub(super) fn check<'n>(
    members: &[(Arc<str>, Shape)],
    object: &'n [(Cow<'_, str>, Node<'_>)],
    place: &mut Place<'n>,
) -> Option<Misfit> {
    let mut hint = 0;
    for (name, node) in object.iter().filter(|(_, node)| !node.is_null()) {
        let at = match members.get(hint) {
            Some((there, _)) if **there == **name => Some(hint),
            _ => members.iter().position(|(there, _)| **there == **name),
        };
        place.enter(name);
        let found = match at {
            Some(at) => {
                hint = at + 1;
                check_value(&members[at].1, node, place)
            }
            None => Some(place.unknown(node)),
        };
        if found.is_some() {
            return found;
        }
        place.leave();
    }
    None
}

fn check_value<'n>(shape: &Shape, node: &'n Node<'_>, place: &mut Place<'n>) -> Option<Misfit> {
    match (shape, &node.value) {
        (_, Value::Null) => None,
        (Shape::List(item), Value::Array(nodes)) => {
            for (n, node) in nodes.iter().enumerate() {
                place.enter_item(n);
                if let Some(found) = check_value(item, node, place) {
                    return Some(found);
                }
                place.leave();
            }
            None
        }
        (Shape::Struct(members), Value::Object(object)) => check(members, object, place),
        _ => scalar(shape, node).is_none().then(|| place.other(node, shape)),
    }
}

/// A value that does not fit.
#[derive(Debug)]
pub(super) struct Misfit {
    /// Where it is in the record, as a JSON Pointer.
    pub(super) path: String,
    /// The value.
    pub(super) json: String,
    what: String,
}

impl Misfit {
    /// The refusal of the record.
    pub(super) fn error(&self) -> RecordError {
        RecordError::new("schema", self.what.clone()).at(self.path.clone())
    }
}

/// Where in a record one is.
#[derive(Debug, Default)]
pub(super) struct Place<'n>(Vec<Step<'n>>);

#[derive(Debug)]
enum Step<'n> {
    Name(&'n str),
    Item(usize),
}

impl<'n> Place<'n> {
    pub(super) fn enter(&mut self, name: &'n str) {
        self.0.push(Step::Name(name));
    }

    pub(super) fn enter_item(&mut self, n: usize) {
        self.0.push(Step::Item(n));
    }

    pub(super) fn leave(&mut self) {
        self.0.pop();
    }

    pub(super) fn unknown(&self, node: &Node<'_>) -> Misfit {
        self.misfit(node, "there is no such column".into())
    }

    pub(super) fn other(&self, node: &Node<'_>, shape: &Shape) -> Misfit {
        let found = match &node.value {
            Value::Null => "null",
            Value::Bool(_) => "a truth value",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        };
        let column = match shape {
            Shape::Bool => "truth values".into(),
            Shape::Int => "integers of 64 bits".into(),
            Shape::Decimal(precision, scale) => {
                format!("numbers of {precision} digits, {scale} after the point")
            }
            Shape::Double => "numbers that a double holds exactly".into(),
            Shape::Date => "dates like 2026-11-26".into(),
            Shape::Timestamp => "times in UTC, to the microsecond".into(),
            Shape::Text => "strings".into(),
            Shape::Any => "anything".into(),
            Shape::List(_) => "arrays".into(),
            Shape::Struct(_) => "objects".to_owned(),
        };
        self.misfit(node, format!("{found} does not fit into a column of {column}"))
    }

    fn misfit(&self, node: &Node<'_>, what: String) -> Misfit {
        let mut path = String::new();
        for step in &self.0 {
            path.push('/');
            match step {
                Step::Name(name) => path.push_str(&name.replace('~', "~0").replace('/', "~1")),
                Step::Item(n) => path.push_str(&n.to_string()),
            }
        }
        Misfit { path, json: node.json().into_owned(), what }
    }
}

//! Which records a search means.

use std::cmp::Ordering;

use serde_json::Value;

use super::object::{CREATED, ID, Kind, Object, Record, millis};
use super::refused::Refused;
use super::search::Written;

/// A property, and how its values are compared.
#[derive(Debug, Clone)]
pub(super) enum Key {
    Id,
    Created,
    Modified,
    Other(String, Kind),
}

/// A value in a comparison.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    Nothing,
    Whole(i64),
    Number(f64),
    Text(String),
}

/// A condition on a property.
#[derive(Debug)]
pub(super) struct Filter {
    key: Key,
    how: How,
    with: Vec<Operand>,
}

#[derive(Debug, Clone, Copy)]
enum How {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Between,
    In,
    NotIn,
    Has,
    HasNot,
    Contains,
    ContainsNot,
}

impl Key {
    pub(super) fn new(object: &Object, name: &str) -> Result<Self, Refused> {
        Ok(match name {
            ID => Self::Id,
            CREATED => Self::Created,
            name if name == object.modified() => Self::Modified,
            name => {
                let kind = object.properties.get(name);
                let message = || format!("Property \"{name}\" does not exist");
                Self::Other(name.to_owned(), *kind.ok_or_else(|| Refused::invalid(message()))?)
            }
        })
    }

    pub(super) fn of(&self, record: &Record) -> Operand {
        match self {
            Self::Id => Operand::Whole(i64::try_from(record.id).unwrap_or(i64::MAX)),
            Self::Created => Operand::Whole(record.created),
            Self::Modified => Operand::Whole(record.modified),
            Self::Other(name, kind) => match record.properties.get(name) {
                None => Operand::Nothing,
                Some(text) => operand(*kind, text).unwrap_or(Operand::Nothing),
            },
        }
    }

    /// The value that a client gives to compare with.
    fn given(&self, value: &Value) -> Result<Operand, Refused> {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Null => return Err(Refused::invalid("a filter has no value")),
            other => other.to_string(),
        };
        let operand = match self {
            Self::Id => text.parse().ok().map(Operand::Whole),
            Self::Created | Self::Modified => millis(&text).map(Operand::Whole),
            Self::Other(_, kind) => operand(*kind, &text),
        };
        operand.ok_or_else(|| Refused::invalid(format!("{text:?} is no value for the property")))
    }
}

/// Text is compared without regard to case.
fn operand(kind: Kind, text: &str) -> Option<Operand> {
    match kind {
        Kind::Text | Kind::Boolean => Some(Operand::Text(text.to_lowercase())),
        Kind::Number => text.parse().ok().map(Operand::Number),
        Kind::Datetime => millis(text).map(Operand::Whole),
    }
}

impl Operand {
    /// Nothing comes first.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Nothing, Self::Nothing) => Ordering::Equal,
            (Self::Nothing, _) => Ordering::Less,
            (_, Self::Nothing) => Ordering::Greater,
            _ => Ordering::Equal,
        }
    }

    /// Whether a word of it is the other, whose end can be a star.
    fn contains(&self, word: &Self) -> bool {
        let (Self::Text(text), Self::Text(word)) = (self, word) else { return false };
        text.split(|letter: char| !letter.is_alphanumeric()).any(|found| match word.strip_suffix('*') {
            Some(start) => found.starts_with(start),
            None => found == word,
        })
    }
}

impl Filter {
    pub(super) fn new(object: &Object, written: &Written) -> Result<Self, Refused> {
        let key = Key::new(object, &written.property_name)?;
        let how = match written.operator.as_str() {
            "EQ" => How::Equal,
            "NEQ" => How::NotEqual,
            "LT" => How::Less,
            "LTE" => How::LessOrEqual,
            "GT" => How::Greater,
            "GTE" => How::GreaterOrEqual,
            "BETWEEN" => How::Between,
            "IN" => How::In,
            "NOT_IN" => How::NotIn,
            "HAS_PROPERTY" => How::Has,
            "NOT_HAS_PROPERTY" => How::HasNot,
            "CONTAINS_TOKEN" => How::Contains,
            "NOT_CONTAINS_TOKEN" => How::ContainsNot,
            other => return Err(Refused::invalid(format!("{other:?} is no operator"))),
        };
        let given: Vec<&Value> = match how {
            How::Has | How::HasNot => Vec::new(),
            How::In | How::NotIn => written.values.iter().collect(),
            How::Between => vec![&written.value, &written.high_value],
            _ => vec![&written.value],
        };
        let with = given.into_iter().map(|value| key.given(value)).collect::<Result<_, _>>()?;
        Ok(Self { key, how, with })
    }

    pub(super) fn fits(&self, record: &Record) -> bool {
        let value = self.key.of(record);
        let some = value != Operand::Nothing;
        let ordered = |wanted: fn(Ordering) -> bool| some && wanted(value.compare(&self.with[0]));
        match self.how {
            How::Equal => value == self.with[0],
            How::NotEqual => value != self.with[0],
            How::Less => ordered(Ordering::is_lt),
            How::LessOrEqual => ordered(Ordering::is_le),
            How::Greater => ordered(Ordering::is_gt),
            How::GreaterOrEqual => ordered(Ordering::is_ge),
            How::Between => ordered(Ordering::is_ge) && value.compare(&self.with[1]).is_le(),
            How::In => self.with.contains(&value),
            How::NotIn => some && !self.with.contains(&value),
            How::Has => some,
            How::HasNot => !some,
            How::Contains => value.contains(&self.with[0]),
            How::ContainsNot => !value.contains(&self.with[0]),
        }
    }
}

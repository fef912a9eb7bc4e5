//! What has been seen in a place of the records, and what holds all of it.

use std::collections::HashMap;
use std::sync::Arc;

use super::json::{Node, Value};
use super::number::{DIGITS, Number};
use super::shape::Shape;
use super::time;

/// An object nested deeper than this is kept as JSON text.
pub(super) const DEEPEST: usize = 12;
/// An object below the record that has shown more members than this is a map rather than a row, and is kept as JSON
/// text.
pub(super) const MOST_MEMBERS: usize = 300;
/// The most columns of a record. What comes beyond them is kept beside them.
pub(super) const MOST_COLUMNS: usize = 3000;

/// What has been seen in a place. It only ever widens.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// Nothing but null.
    Null,
    Bool,
    Number(Numbers),
    Date,
    Timestamp,
    Text,
    /// Values that have no type in common, as JSON text.
    Any,
    List(Box<Self>),
    Struct(Members),
}

/// What the numbers in a place have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Numbers {
    pub(super) whole: u32,
    pub(super) scale: u32,
    /// All of them are integers of 64 bits.
    pub(super) ints: bool,
    /// All of them are what a double says they are.
    pub(super) doubles: bool,
    /// The column holds doubles already.
    pub(super) double: bool,
    /// The column holds decimals of so many digits already.
    pub(super) width: u32,
}

/// Named places, in the order in which they were first seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Members {
    list: Vec<(Arc<str>, Kind)>,
    index: HashMap<Arc<str>, usize>,
}

impl PartialEq for Members {
    fn eq(&self, other: &Self) -> bool {
        self.list == other.list
    }
}

impl Members {
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Kind)> {
        self.list.iter().map(|(name, kind)| (name, kind))
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn insert(&mut self, name: &str, kind: Kind) {
        let name: Arc<str> = name.into();
        self.index.insert(Arc::clone(&name), self.list.len());
        self.list.push((name, kind));
    }

    /// The place of a name, which is most often the one after the last that was asked for.
    fn find(&self, name: &str, hint: usize) -> Option<usize> {
        match self.list.get(hint) {
            Some((there, _)) if **there == *name => Some(hint),
            _ => self.index.get(name).copied(),
        }
    }

    /// Sees an object. Names beyond `most` are left out.
    pub(super) fn observe(
        &mut self,
        object: &[(std::borrow::Cow<'_, str>, Node<'_>)],
        depth: usize,
        most: usize,
    ) {
        let mut hint = 0;
        for (name, node) in object {
            let at = match self.find(name, hint) {
                Some(at) => at,
                None if self.list.len() >= most => continue,
                None => {
                    self.insert(name, Kind::Null);
                    self.list.len() - 1
                }
            };
            self.list[at].1.observe(node, depth);
            hint = at + 1;
        }
    }

    /// Widens to what the other has seen. Names beyond `most` are left out.
    pub(super) fn merge(&mut self, other: &Self, most: usize) {
        for (hint, (name, kind)) in other.iter().enumerate() {
            match self.find(name, hint) {
                Some(at) => self.list[at].1.merge(kind),
                None if self.list.len() >= most => {}
                None => self.insert(name, kind.clone()),
            }
        }
    }

    /// The columns that hold this. Places where only null was seen have none.
    pub(super) fn shapes(&self, floats: bool) -> Vec<(Arc<str>, Shape)> {
        let shapes =
            self.list.iter().filter_map(|(name, kind)| Some((Arc::clone(name), kind.shape(floats)?)));
        shapes.collect()
    }
}

impl Kind {
    /// Sees a value, inside `depth` objects and lists.
    pub(super) fn observe(&mut self, node: &Node<'_>, depth: usize) {
        if let Self::Null = self {
            *self = Self::first(node, depth);
        }
        let fits = match (&mut *self, &node.value) {
            (_, Value::Null)
            | (Self::Any, _)
            | (Self::Bool, Value::Bool(_))
            | (Self::Text, Value::String(_)) => true,
            (Self::Number(numbers), Value::Number(text)) => match Number::parse(text) {
                Some(number) => {
                    numbers.observe(&number);
                    true
                }
                None => false,
            },
            (Self::Date, Value::String(text)) => time::days(text).is_some(),
            (Self::Timestamp, Value::String(text)) => time::micros(text).is_some(),
            (Self::List(item), Value::Array(nodes)) => {
                nodes.iter().for_each(|node| item.observe(node, depth + 1));
                true
            }
            (Self::Struct(members), Value::Object(object)) => {
                members.observe(object, depth + 1, MOST_MEMBERS + 1);
                members.len() <= MOST_MEMBERS
            }
            _ => false,
        };
        if !fits {
            let both_texts =
                matches!(self, Self::Date | Self::Timestamp) && matches!(node.value, Value::String(_));
            *self = if both_texts { Self::Text } else { Self::Any };
        }
    }

    fn first(node: &Node<'_>, depth: usize) -> Self {
        match &node.value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Bool,
            Value::Number(_) => Self::Number(Numbers::NONE),
            Value::String(text) if time::days(text).is_some() => Self::Date,
            Value::String(text) if time::micros(text).is_some() => Self::Timestamp,
            Value::String(_) => Self::Text,
            Value::Array(_) | Value::Object(_) if depth >= DEEPEST => Self::Any,
            Value::Array(_) => Self::List(Box::new(Self::Null)),
            Value::Object(_) => Self::Struct(Members::default()),
        }
    }

    /// Widens to what the other has seen.
    pub(super) fn merge(&mut self, other: &Self) {
        let fits = match (&mut *self, other) {
            (_, Self::Null)
            | (Self::Any, _)
            | (Self::Bool, Self::Bool)
            | (Self::Date, Self::Date)
            | (Self::Timestamp, Self::Timestamp)
            | (Self::Text, Self::Text | Self::Date | Self::Timestamp) => true,
            (Self::Null, other) => {
                *self = other.clone();
                true
            }
            (Self::Number(numbers), Self::Number(others)) => {
                numbers.merge(others);
                true
            }
            (Self::List(item), Self::List(other)) => {
                item.merge(other);
                true
            }
            (Self::Struct(members), Self::Struct(others)) => {
                members.merge(others, MOST_MEMBERS + 1);
                members.len() <= MOST_MEMBERS
            }
            _ => false,
        };
        if !fits {
            let text = |kind: &Self| matches!(kind, Self::Date | Self::Timestamp | Self::Text);
            *self = if text(self) && text(other) { Self::Text } else { Self::Any };
        }
    }

    /// The column that holds this, if there is anything to hold.
    pub(super) fn shape(&self, floats: bool) -> Option<Shape> {
        Some(match self {
            Self::Null => return None,
            Self::Bool => Shape::Bool,
            Self::Number(numbers) => numbers.shape(floats),
            Self::Date => Shape::Date,
            Self::Timestamp => Shape::Timestamp,
            Self::Text => Shape::Text,
            Self::Any => Shape::Any,
            Self::List(item) => item.shape(floats).map_or(Shape::Any, |item| Shape::List(Box::new(item))),
            Self::Struct(members) => match members.shapes(floats) {
                none if none.is_empty() => Shape::Any,
                members => Shape::Struct(members),
            },
        })
    }
}

impl Numbers {
    const NONE: Self = Self { whole: 0, scale: 0, ints: true, doubles: true, double: false, width: 0 };

    pub(super) fn of_ints() -> Self {
        Self { whole: 19, ..Self::NONE }
    }

    pub(super) fn of_decimals(precision: u32, scale: u32) -> Self {
        Self { whole: precision.saturating_sub(scale), scale, ints: false, width: precision, ..Self::NONE }
    }

    pub(super) fn of_doubles() -> Self {
        Self { double: true, ints: false, ..Self::NONE }
    }

    fn observe(&mut self, number: &Number<'_>) {
        self.whole = self.whole.max(number.whole_digits());
        self.scale = self.scale.max(number.scale());
        self.ints = self.ints && number.scale() == 0 && number.int().is_some();
        self.doubles = self.doubles && number.double().is_some();
    }

    fn merge(&mut self, other: &Self) {
        self.whole = self.whole.max(other.whole);
        self.scale = self.scale.max(other.scale);
        self.ints &= other.ints;
        self.doubles &= other.doubles;
        self.double |= other.double;
        self.width = self.width.max(other.width);
    }

    /// Integers if all are, else decimals as far as 38 digits hold all, else doubles if they say the same, else text.
    fn shape(&self, floats: bool) -> Shape {
        if self.doubles && (self.double || (floats && self.scale > 0)) {
            return Shape::Double;
        }
        match self.whole + self.scale {
            _ if self.double => Shape::Any,
            _ if self.ints && self.scale == 0 => Shape::Int,
            digits if digits <= self.width => Shape::Decimal(self.width, self.scale),
            // One width for most, so that a longer number does not change the type.
            0..=18 => Shape::Decimal(18, self.scale),
            19..=DIGITS => Shape::Decimal(38, self.scale),
            _ if self.doubles => Shape::Double,
            _ => Shape::Any,
        }
    }
}

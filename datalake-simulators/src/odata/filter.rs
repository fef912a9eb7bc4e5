//! `$filter`, as far as sources need it.

use std::cmp::Ordering;

use super::Version;
use super::entity::Entity;
use super::literal::{self, Token};
use super::value::Value;

/// A condition on a row.
#[derive(Debug, Clone)]
pub(crate) enum Filter {
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Not(Box<Self>),
    Compare(usize, Operator, Value),
    Text(Search, usize, String),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Operator {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Search {
    Begins,
    Ends,
    Has,
}

impl Filter {
    /// Reads a condition. The error is a sentence for the client.
    pub(crate) fn parse(version: Version, entity: &Entity, text: &str) -> Result<Self, String> {
        let tokens = literal::tokens(text).ok_or("a quote is not closed")?;
        let mut parser = Parser { version, entity, tokens: &tokens, depth: 0 };
        let filter = parser.or()?;
        match parser.tokens {
            [] => Ok(filter),
            [rest, ..] => Err(format!("nothing was expected at {rest:?}")),
        }
    }

    pub(crate) fn holds(&self, row: &[Value]) -> bool {
        match self {
            Self::And(one, two) => one.holds(row) && two.holds(row),
            Self::Or(one, two) => one.holds(row) || two.holds(row),
            Self::Not(inner) => !inner.holds(row),
            Self::Compare(property, operator, value) => operator.holds(&row[*property], value),
            Self::Text(search, property, part) => match (&row[*property], search) {
                (Value::Text(text), Search::Begins) => text.starts_with(part.as_str()),
                (Value::Text(text), Search::Ends) => text.ends_with(part.as_str()),
                (Value::Text(text), Search::Has) => text.contains(part.as_str()),
                _ => false,
            },
        }
    }
}

impl Operator {
    fn of(word: &str) -> Option<Self> {
        Some(match word {
            "eq" => Self::Eq,
            "ne" => Self::Ne,
            "gt" => Self::Gt,
            "ge" => Self::Ge,
            "lt" => Self::Lt,
            "le" => Self::Le,
            _ => return None,
        })
    }

    fn holds(self, one: &Value, two: &Value) -> bool {
        let order = one.compare(two);
        let nothing = *one == Value::Null || *two == Value::Null;
        match self {
            Self::Eq => order == Ordering::Equal,
            Self::Ne => order != Ordering::Equal,
            Self::Gt => !nothing && order == Ordering::Greater,
            Self::Ge => !nothing && order != Ordering::Less,
            Self::Lt => !nothing && order == Ordering::Less,
            Self::Le => !nothing && order != Ordering::Greater,
        }
    }
}

/// Nested deeper than this, a condition is refused.
const DEEPEST: u32 = 64;

struct Parser<'a> {
    version: Version,
    entity: &'a Entity,
    tokens: &'a [Token],
    depth: u32,
}

impl Parser<'_> {
    fn next(&mut self) -> Result<Token, String> {
        let (first, rest) = self.tokens.split_first().ok_or("the condition ends too early")?;
        self.tokens = rest;
        Ok(first.clone())
    }

    fn takes(&mut self, word: &str) -> bool {
        match self.tokens.split_first() {
            Some((Token::Word(first), rest)) if first == word => {
                self.tokens = rest;
                true
            }
            _ => false,
        }
    }

    fn expects(&mut self, wanted: &Token) -> Result<(), String> {
        let token = self.next()?;
        if token == *wanted { Ok(()) } else { Err(format!("{wanted:?} was expected at {token:?}")) }
    }

    fn or(&mut self) -> Result<Filter, String> {
        let mut filter = self.and()?;
        while self.takes("or") {
            filter = Filter::Or(Box::new(filter), Box::new(self.and()?));
        }
        Ok(filter)
    }

    fn and(&mut self) -> Result<Filter, String> {
        let mut filter = self.one()?;
        while self.takes("and") {
            filter = Filter::And(Box::new(filter), Box::new(self.one()?));
        }
        Ok(filter)
    }

    fn one(&mut self) -> Result<Filter, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("the condition is too deep".into());
        }
        let filter = if self.takes("not") {
            Filter::Not(Box::new(self.one()?))
        } else if self.tokens.first() == Some(&Token::Open) {
            self.next()?;
            let inner = self.or()?;
            self.expects(&Token::Close)?;
            inner
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(filter)
    }

    fn comparison(&mut self) -> Result<Filter, String> {
        let Token::Word(word) = self.next()? else { return Err("a property was expected".into()) };
        let search = match (word.as_str(), self.version) {
            ("startswith", _) => Some(Search::Begins),
            ("endswith", _) => Some(Search::Ends),
            ("contains", Version::V4) | ("substringof", Version::V2) => Some(Search::Has),
            _ => None,
        };
        if let Some(search) = search {
            return self.search(search, word == "substringof");
        }
        let property = self.property(&word)?;
        let Token::Word(operator) = self.next()? else { return Err("an operator was expected".into()) };
        let operator = Operator::of(&operator).ok_or_else(|| format!("{operator} is no operator"))?;
        let token = self.next()?;
        let kind = self.entity.properties[property].kind;
        let value = literal::value(self.version, kind, &token)
            .ok_or_else(|| format!("{token:?} is no literal for {word}, which is {kind:?}"))?;
        Ok(Filter::Compare(property, operator, value))
    }

    fn search(&mut self, search: Search, text_first: bool) -> Result<Filter, String> {
        self.expects(&Token::Open)?;
        let one = self.next()?;
        self.expects(&Token::Comma)?;
        let two = self.next()?;
        self.expects(&Token::Close)?;
        let (property, text) = if text_first { (two, one) } else { (one, two) };
        let (Token::Word(property), Token::Quoted(_, text)) = (property, text) else {
            return Err("a property and a text were expected".into());
        };
        let filter = Filter::Text(search, self.property(&property)?, text);
        if self.takes("eq") {
            let truth = self.takes("true");
            if !truth && !self.takes("false") {
                return Err("true or false was expected".into());
            }
            return Ok(if truth { filter } else { Filter::Not(Box::new(filter)) });
        }
        Ok(filter)
    }

    fn property(&self, name: &str) -> Result<usize, String> {
        let index = self.entity.index(name).ok_or_else(|| format!("Property {name} not found"))?;
        if self.entity.properties[index].filterable {
            Ok(index)
        } else {
            Err(format!("Property {name} is not filterable"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::odata::{Kind, Property};

    fn entity() -> Entity {
        Entity::new("Orders", "Order")
            .with(Property::new("Id", Kind::Text { max: 10 }).key())
            .with(Property::new("At", Kind::DateTimeOffset))
            .with(Property::new("Hidden", Kind::Int32).not_filterable())
    }

    fn holds(version: Version, text: &str, id: &str, at: i64) -> bool {
        Filter::parse(version, &entity(), text).unwrap().holds(&[id.into(), Value::Moment(at), Value::Null])
    }

    #[test]
    fn the_keyset_form_is_understood_in_both_versions() {
        let v4 = "(At gt 1970-01-01T00:00:01Z) or (At eq 1970-01-01T00:00:01Z and Id gt 'it''s')";
        let v2 = "(At gt datetimeoffset'1970-01-01T00:00:01Z') or (At eq datetimeoffset'1970-01-01T00:00:01Z' and \
                  Id gt 'it''s')";
        for (version, text) in [(Version::V4, v4), (Version::V2, v2)] {
            assert!(!holds(version, text, "it's", 1000));
            assert!(holds(version, text, "it's!", 1000));
            assert!(holds(version, text, "a", 1001));
            assert!(!holds(version, text, "z", 999));
        }
    }

    #[test]
    fn a_literal_of_the_other_version_is_refused() {
        assert!(Filter::parse(Version::V2, &entity(), "At gt 1970-01-01T00:00:01Z").is_err());
        assert!(Filter::parse(Version::V4, &entity(), "At gt datetimeoffset'1970-01-01T00:00:01Z'").is_err());
    }

    #[test]
    fn what_cannot_be_filtered_by_is_refused_and_so_is_what_is_not_there() {
        for text in ["Hidden eq 1", "Missing eq 1", "Id gt 'open", "Id gt", "Id gt 'a' 'b'"] {
            assert!(Filter::parse(Version::V4, &entity(), text).is_err(), "{text}");
        }
    }
}

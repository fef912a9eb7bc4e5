//! Queries, before it is known what their names mean.

use super::super::refused::Refused;
use super::token::{Token, tokens};

/// A query as it is written.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Written {
    pub(super) select: Vec<String>,
    pub(super) count: bool,
    pub(in super::super) from: String,
    pub(super) filter: Option<Tree>,
    pub(super) order: Vec<By>,
    pub(super) limit: Option<usize>,
    pub(super) offset: Option<usize>,
}

/// What a query sorts by.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct By {
    pub(super) field: String,
    pub(super) descending: bool,
    pub(super) nulls_last: bool,
}

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tree {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Compare { field: String, how: &'static str, with: Vec<Literal> },
}

/// A value in a condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Null,
    Boolean(bool),
    Text(String),
    Number(f64),
    Time(i64),
    Date(String),
}

/// Reads a query.
pub(in super::super) fn parse(text: &str) -> Result<Written, Refused> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0 };
    let written = parser.query()?;
    match parser.peek() {
        None => Ok(written),
        Some(token) => Err(unexpected(Some(token))),
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

fn unexpected(token: Option<&Token>) -> Refused {
    let token = match token {
        None => "<EOF>".to_owned(),
        Some(Token::Word(word) | Token::Date(word)) => word.clone(),
        Some(Token::Text(text)) => format!("'{text}'"),
        Some(Token::Sign(sign)) => (*sign).to_owned(),
        Some(Token::Number(number)) => number.to_string(),
        Some(Token::Time(millis)) => super::super::stamp::bulk(*millis),
    };
    Refused::malformed(format!("unexpected token: '{token}'"))
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<Token> {
        self.at += 1;
        self.tokens.get(self.at - 1).cloned()
    }

    fn takes(&mut self, keyword: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword));
        self.at += usize::from(found);
        found
    }

    fn sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Sign(found)) if *found == sign);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, found: bool) -> Result<(), Refused> {
        if found { Ok(()) } else { Err(unexpected(self.peek())) }
    }

    fn name(&mut self) -> Result<String, Refused> {
        match self.next() {
            Some(Token::Word(word)) => Ok(word),
            token => Err(unexpected(token.as_ref())),
        }
    }

    fn query(&mut self) -> Result<Written, Refused> {
        let select = self.takes("SELECT");
        self.expect(select)?;
        let (mut fields, mut count) = (vec![self.name()?], false);
        if self.sign("(") {
            let closed = self.sign(")");
            self.expect(closed && fields[0].eq_ignore_ascii_case("COUNT"))?;
            (fields, count) = (Vec::new(), true);
        }
        while !count && self.sign(",") {
            fields.push(self.name()?);
        }
        let from = self.takes("FROM");
        self.expect(from)?;
        let from = self.name()?;
        let filter = if self.takes("WHERE") { Some(self.any()?) } else { None };
        let mut order = Vec::new();
        if self.takes("ORDER") {
            let by = self.takes("BY");
            self.expect(by)?;
            order.push(self.by()?);
            while self.sign(",") {
                order.push(self.by()?);
            }
        }
        let limit = if self.takes("LIMIT") { Some(self.count()?) } else { None };
        let offset = if self.takes("OFFSET") { Some(self.count()?) } else { None };
        Ok(Written { select: fields, count, from, filter, order, limit, offset })
    }

    fn count(&mut self) -> Result<usize, Refused> {
        match self.next() {
            Some(Token::Number(number)) if number >= 0.0 && number.fract() == 0.0 => Ok(number as usize),
            token => Err(unexpected(token.as_ref())),
        }
    }

    fn by(&mut self) -> Result<By, Refused> {
        let field = self.name()?;
        let descending = self.takes("DESC");
        if !descending {
            self.takes("ASC");
        }
        let mut nulls_last = false;
        if self.takes("NULLS") {
            nulls_last = self.takes("LAST");
            let known = nulls_last || self.takes("FIRST");
            self.expect(known)?;
        }
        Ok(By { field, descending, nulls_last })
    }

    /// Conditions joined by AND or by OR. To mix them takes brackets, as in the service.
    fn any(&mut self) -> Result<Tree, Refused> {
        let first = self.one()?;
        let (and, or) = (self.is("AND"), self.is("OR"));
        if !and && !or {
            return Ok(first);
        }
        let joiner = if and { "AND" } else { "OR" };
        let mut all = vec![first];
        while self.takes(joiner) {
            all.push(self.one()?);
        }
        if self.is("AND") || self.is("OR") {
            return Err(unexpected(self.peek()));
        }
        Ok(if and { Tree::All(all) } else { Tree::Any(all) })
    }

    fn is(&self, keyword: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword))
    }

    fn one(&mut self) -> Result<Tree, Refused> {
        if self.takes("NOT") {
            return Ok(Tree::Not(Box::new(self.one()?)));
        }
        if self.sign("(") {
            let inner = self.any()?;
            let closed = self.sign(")");
            self.expect(closed)?;
            return Ok(inner);
        }
        let field = self.name()?;
        if self.takes("LIKE") {
            return Ok(Tree::Compare { field, how: "LIKE", with: vec![self.literal()?] });
        }
        let negated = self.takes("NOT");
        if self.takes("IN") {
            let open = self.sign("(");
            self.expect(open)?;
            let mut with = vec![self.literal()?];
            while self.sign(",") {
                with.push(self.literal()?);
            }
            let closed = self.sign(")");
            self.expect(closed)?;
            return Ok(Tree::Compare { field, how: if negated { "NOT IN" } else { "IN" }, with });
        }
        match self.next() {
            Some(Token::Sign(how @ ("=" | "!=" | "<" | "<=" | ">" | ">="))) if !negated => {
                Ok(Tree::Compare { field, how, with: vec![self.literal()?] })
            }
            token => Err(unexpected(token.as_ref())),
        }
    }

    fn literal(&mut self) -> Result<Literal, Refused> {
        Ok(match self.next() {
            Some(Token::Text(text)) => Literal::Text(text),
            Some(Token::Number(number)) => Literal::Number(number),
            Some(Token::Time(millis)) => Literal::Time(millis),
            Some(Token::Date(date)) => Literal::Date(date),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("null") => Literal::Null,
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("true") => Literal::Boolean(true),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("false") => Literal::Boolean(false),
            token => return Err(unexpected(token.as_ref())),
        })
    }
}

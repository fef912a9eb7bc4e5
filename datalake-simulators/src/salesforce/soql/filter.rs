//! Which records a query means.

use std::cmp::Ordering;

use super::super::object::Cell;

/// A condition on a record.
#[derive(Debug, Clone)]
pub(in super::super) enum Filter {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Compare { field: usize, how: &'static str, with: Vec<Cell> },
}

impl Filter {
    pub(in super::super) fn fits(&self, cells: &[Cell]) -> bool {
        match self {
            Self::All(filters) => filters.iter().all(|filter| filter.fits(cells)),
            Self::Any(filters) => filters.iter().any(|filter| filter.fits(cells)),
            Self::Not(filter) => !filter.fits(cells),
            Self::Compare { field, how, with } => {
                let cell = &cells[*field];
                let is = |with: &Cell| compare(cell, with) == Ordering::Equal;
                let ordered = |wanted: fn(Ordering) -> bool| {
                    with.iter()
                        .any(|with| *cell != Cell::Null && *with != Cell::Null && wanted(compare(cell, with)))
                };
                match *how {
                    "=" | "IN" => with.iter().any(is),
                    "!=" | "NOT IN" => !with.iter().any(is),
                    "<" => ordered(Ordering::is_lt),
                    "<=" => ordered(Ordering::is_le),
                    ">" => ordered(Ordering::is_gt),
                    ">=" => ordered(Ordering::is_ge),
                    _ => with.iter().any(|with| like(cell, with)),
                }
            }
        }
    }
}

/// The order of two values of one field: none comes first, text without regard to case. Ids differ by case alone, and
/// are told apart by it.
pub(in super::super) fn compare(a: &Cell, b: &Cell) -> Ordering {
    match (a, b) {
        (Cell::Id(a), Cell::Id(b)) => a.cmp(b),
        (Cell::Text(a), Cell::Text(b)) => {
            let folded = |text: &str| text.chars().flat_map(char::to_lowercase).collect::<String>();
            if a == b { Ordering::Equal } else { folded(a).cmp(&folded(b)) }
        }
        (Cell::Number(a), Cell::Number(b)) => {
            let number = |number: &serde_json::Number| number.as_f64().unwrap_or_default();
            number(a).partial_cmp(&number(b)).unwrap_or(Ordering::Equal)
        }
        (Cell::Boolean(a), Cell::Boolean(b)) => a.cmp(b),
        (Cell::Time(a), Cell::Time(b)) => a.cmp(b),
        (Cell::Null, Cell::Null) => Ordering::Equal,
        (Cell::Null, _) => Ordering::Less,
        (_, Cell::Null) => Ordering::Greater,
        _ => Ordering::Equal,
    }
}

/// `%` is any text, `_` any letter.
fn like(cell: &Cell, pattern: &Cell) -> bool {
    let (Cell::Text(text), Cell::Text(pattern)) = (cell, pattern) else { return false };
    let letters = |text: &str| text.chars().flat_map(char::to_lowercase).collect::<Vec<_>>();
    let (text, pattern) = (letters(text), letters(pattern));
    let (mut t, mut p, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some('%') => {
                star = Some((p, t));
                p += 1;
            }
            Some(letter) if *letter == '_' || *letter == text[t] => {
                t += 1;
                p += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|letter| *letter == '%')
}

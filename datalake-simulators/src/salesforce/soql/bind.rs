//! What the names in a query mean.

use super::super::object::Cell;
use super::super::object::{Kind, Object};
use super::super::refused::Refused;
use super::filter::Filter;
use super::parse::{By, Literal, Tree, Written};

/// A query on an object.
#[derive(Debug, Clone)]
pub(in super::super) struct Query {
    pub(in super::super) select: Selected,
    pub(in super::super) filter: Option<Filter>,
    pub(in super::super) order: Vec<Order>,
    pub(in super::super) limit: Option<usize>,
    pub(in super::super) offset: usize,
}

/// What a query gives.
#[derive(Debug, Clone)]
pub(in super::super) enum Selected {
    /// How many there are.
    Count,
    /// These fields, by their places in the object.
    Fields(Vec<usize>),
}

/// What a query sorts by.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Order {
    pub(in super::super) field: usize,
    pub(in super::super) descending: bool,
    pub(in super::super) nulls_last: bool,
}

/// The most that a query can skip.
const OFFSET: usize = 2000;

/// Finds the names of a query in the object.
pub(in super::super) fn bind(written: &Written, object: &Object) -> Result<Query, Refused> {
    let fields = written.select.iter().map(|name| field(object, name)).collect::<Result<Vec<_>, _>>()?;
    if let Some(twice) = fields.iter().enumerate().find(|(at, field)| fields[..*at].contains(field)) {
        let name = &written.select[twice.0];
        return Err(Refused::malformed(format!("duplicate field selected: {name}")));
    }
    let order = written.order.iter().map(|by| order(object, by)).collect::<Result<_, _>>()?;
    let offset = written.offset.unwrap_or_default();
    if offset > OFFSET {
        return Err(Refused::new(
            400,
            "NUMBER_OUTSIDE_VALID_RANGE",
            format!("Maximum SOQL offset allowed is {OFFSET}"),
        ));
    }
    Ok(Query {
        select: if written.count { Selected::Count } else { Selected::Fields(fields) },
        filter: written.filter.as_ref().map(|tree| filter(object, tree)).transpose()?,
        order,
        limit: written.limit,
        offset,
    })
}

fn field(object: &Object, name: &str) -> Result<usize, Refused> {
    let name_of = |name: &str| name.strip_prefix(&format!("{}.", object.name)).unwrap_or(name).to_owned();
    object.find(&name_of(name)).ok_or_else(|| {
        let object = &object.name;
        Refused::field(match name.split_once('.') {
            Some((parent, _)) => format!("Didn't understand relationship '{parent}' in field path."),
            None => format!(
                "No such column '{name}' on entity '{object}'. If you are attempting to use a custom field, be sure to \
                 append the '__c' after the custom field name."
            ),
        })
    })
}

fn order(object: &Object, by: &By) -> Result<Order, Refused> {
    let at = field(object, &by.field)?;
    if !object.fields[at].sortable {
        let message = format!("field '{}' can not be sorted in a query call", by.field);
        return Err(Refused::malformed(message));
    }
    Ok(Order { field: at, descending: by.descending, nulls_last: by.nulls_last })
}

fn filter(object: &Object, tree: &Tree) -> Result<Filter, Refused> {
    let all = |trees: &[Tree]| trees.iter().map(|tree| filter(object, tree)).collect::<Result<Vec<_>, _>>();
    Ok(match tree {
        Tree::All(trees) => Filter::All(all(trees)?),
        Tree::Any(trees) => Filter::Any(all(trees)?),
        Tree::Not(tree) => Filter::Not(Box::new(filter(object, tree)?)),
        Tree::Compare { field: name, how, with } => {
            let at = field(object, name)?;
            let known = &object.fields[at];
            if !known.filterable {
                let message = format!("field '{name}' can not be filtered in a query call");
                return Err(Refused::field(message));
            }
            let with = with.iter().map(|with| value(name, known.kind, with)).collect::<Result<_, _>>()?;
            Filter::Compare { field: at, how, with }
        }
    })
}

/// The value that a field is compared with.
fn value(name: &str, kind: Kind, literal: &Literal) -> Result<Cell, Refused> {
    let mistaken = |wanted: &str, quotes: &str| {
        let message =
            format!("value of filter criterion for field '{name}' must be of type {wanted}{quotes}");
        Err(Refused::field(message))
    };
    const UNQUOTED: &str = " and should not be enclosed in quotes";
    match (kind, literal) {
        (_, Literal::Null) => Ok(Cell::Null),
        (Kind::Datetime, Literal::Time(millis)) => Ok(Cell::Time(*millis)),
        (Kind::Datetime, Literal::Text(_)) => mistaken("dateTime", UNQUOTED),
        (Kind::Datetime, _) => mistaken("dateTime", ""),
        (Kind::Date, Literal::Date(date)) => Ok(Cell::Text(date.clone())),
        (Kind::Date, _) => mistaken("date", UNQUOTED),
        (Kind::Number, Literal::Number(number)) => {
            let number = serde_json::Number::from_f64(*number);
            Ok(number.map_or(Cell::Null, Cell::Number))
        }
        (Kind::Number, _) => mistaken("double", UNQUOTED),
        (Kind::Boolean, Literal::Boolean(truth)) => Ok(Cell::Boolean(*truth)),
        (Kind::Boolean, _) => mistaken("boolean", UNQUOTED),
        (Kind::Id | Kind::Reference, Literal::Text(id)) => match id.len() {
            15 => Ok(Cell::Id(super::super::id::complete(id))),
            18 => Ok(Cell::Id(id.clone())),
            _ => Err(Refused::new(400, "INVALID_QUERY_FILTER_OPERATOR", format!("invalid ID field: {id}"))),
        },
        (Kind::Text, Literal::Text(text)) => Ok(Cell::Text(text.clone())),
        _ => mistaken("string", " and should be enclosed in quotes"),
    }
}

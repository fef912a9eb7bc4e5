//! Accounts.

use crate::odata::{Entity, Kind, Property, Row, Value};

/// The name of their set.
pub const ACCOUNTS: &str = "accounts";

/// The type. `modifiedon` says when a row was changed.
pub fn accounts() -> Entity {
    Entity::new(ACCOUNTS, "account")
        .with(Property::new("accountid", Kind::Guid).key())
        .with(Property::new("name", Kind::Text { max: 160 }))
        .with(Property::new("accountnumber", Kind::Text { max: 20 }))
        .with(Property::new("revenue", Kind::Decimal { precision: 38, scale: 4 }))
        .with(Property::new("numberofemployees", Kind::Int32))
        .with(Property::new("creditonhold", Kind::Boolean))
        .with(Property::new("address1_longitude", Kind::Double))
        .with(Property::new("description", Kind::Text { max: 0 }))
        .with(Property::new("createdon", Kind::DateTimeOffset))
        .with(Property::new("modifiedon", Kind::DateTimeOffset))
        .changed("modifiedon")
}

/// The key of the n-th account.
#[must_use]
pub fn account_key(n: u64) -> String {
    format!("00000000-0000-4000-8000-{n:012x}")
}

/// The n-th account.
#[must_use]
pub fn account(n: u64) -> Row {
    let description = match n % 3 {
        0 => Value::Null,
        1 => Value::from(format!("Zeile {n}\nmit \"Rand\" \\ 🚃  ")),
        _ => Value::from(""),
    };
    Row::new()
        .with("accountid", account_key(n))
        .with("name", format!("Åkeri {n}"))
        .with("accountnumber", format!("{n:08}"))
        .with("revenue", Value::decimal(format!("{}.{:04}", 9_007_199_254_740_993 + n, n % 10_000)))
        .with("numberofemployees", (n % 1000) as i64)
        .with("creditonhold", n.is_multiple_of(2))
        .with("address1_longitude", 12.5 + n as f64 / 64.0)
        .with("description", description)
        .with("createdon", Value::Moment(1_700_000_000_000 + n as i64 * 1000))
}

//! Sales orders with the values that have cost others data.

use crate::odata::{Entity, Kind, Property, Row, Value};

/// The name of their set.
pub const SALES_ORDERS: &str = "SalesOrders";

/// The type: keys with leading zeros, amounts of 33 digits, whole numbers beyond 2^53, days that may be initial, texts that
/// are dates, times, bytes. `LastChangeDateTime` says when a row was changed.
pub fn sales_orders() -> Entity {
    Entity::new(SALES_ORDERS, "SalesOrder")
        .with(Property::new("SalesOrder", Kind::Text { max: 10 }).key().annotated("label", "Sales Order"))
        .with(Property::new("SoldToParty", Kind::Text { max: 10 }).annotated("label", "Sold-to Party"))
        .with(
            Property::new("NetAmount", Kind::Decimal { precision: 33, scale: 2 })
                .annotated("label", "Net Amount")
                .annotated("unit", "Currency"),
        )
        .with(Property::new("Currency", Kind::Text { max: 5 }).annotated("semantics", "currency-code"))
        .with(Property::new("Counter", Kind::Int64))
        .with(Property::new("Items", Kind::Int32))
        .with(Property::new("Factor", Kind::Double).not_filterable())
        .with(Property::new("Blocked", Kind::Boolean))
        .with(Property::new("OrderDate", Kind::Date))
        .with(Property::new("PricingDate", Kind::Text { max: 8 }).annotated("semantics", "yearmonthday"))
        .with(Property::new("CreatedAt", Kind::DateTime))
        .with(Property::new("CreationTime", Kind::Time))
        .with(Property::new("LastChangeDateTime", Kind::DateTimeOffset).annotated("semantics", "updated-at"))
        .with(Property::new("Uuid", Kind::Guid))
        .with(Property::new("Note", Kind::Text { max: 0 }).not_filterable())
        .with(Property::new("Seal", Kind::Binary).not_filterable())
        .changed("LastChangeDateTime")
}

/// The name of the set of their items.
pub const SALES_ORDER_ITEMS: &str = "SalesOrderItems";

/// The type of items. It is not there unless it is [defined](crate::odata::System::define), with a way to it:
///
/// ```
/// use datalake_simulators::sap::{SALES_ORDER_ITEMS, System, sales_order_items, sales_orders};
///
/// let system = System::default();
/// let by = [("SalesOrder", "SalesOrder")];
/// system.define(sales_orders().navigation("to_Item", SALES_ORDER_ITEMS, &by));
/// system.define(sales_order_items());
/// ```
pub fn sales_order_items() -> Entity {
    Entity::new(SALES_ORDER_ITEMS, "SalesOrderItem")
        .with(Property::new("SalesOrder", Kind::Text { max: 10 }).key())
        .with(Property::new("Item", Kind::Text { max: 6 }).key())
        .with(Property::new("Material", Kind::Text { max: 40 }))
        .with(Property::new("Quantity", Kind::Decimal { precision: 13, scale: 3 }))
}

/// The n-th item of an order.
#[must_use]
pub fn order_item(order: u64, n: u64) -> Row {
    Row::new()
        .with("SalesOrder", order_key(order))
        .with("Item", format!("{:06}", n * 10))
        .with("Material", format!("{:018}", order * 100 + n))
        .with("Quantity", Value::decimal(format!("{n}.500")))
}

/// The key of the n-th order.
#[must_use]
pub fn order_key(n: u64) -> String {
    format!("{n:010}")
}

/// The n-th order. Every value is another one for another `n`, and every seventh row has one of the traps in full: an initial
/// date, trailing blanks, quotes and line breaks, a negative number, a null.
#[must_use]
pub fn order(n: u64) -> Row {
    let i = n as i64;
    let note = match n % 7 {
        0 => format!("Grüße, \"{n}\"\n\t<次郎> & Söhne \\ 🚃   "),
        1 => String::new(),
        _ => format!("order {n}  "),
    };
    let date = match n % 7 {
        2 => Value::Initial,
        3 => Value::Null,
        _ => Value::Moment((i % 20_000) * 86_400_000),
    };
    let sign = if n % 7 == 4 { "-" } else { "" };
    Row::new()
        .with("SalesOrder", order_key(n))
        .with("SoldToParty", format!("{:010}", n % 97))
        .with(
            "NetAmount",
            Value::decimal(format!("{sign}1234567890123456789012345{:06}.{:02}", n % 1_000_000, n % 100)),
        )
        .with("Currency", if n.is_multiple_of(2) { "EUR" } else { "SEK" })
        .with("Counter", 9_007_199_254_740_993 + i)
        .with("Items", i % 40)
        .with("Factor", 1.0 / (n as f64 + 3.0))
        .with("Blocked", n.is_multiple_of(5))
        .with("OrderDate", date)
        .with("PricingDate", if n.is_multiple_of(3) { "00000000" } else { "20260115" })
        .with("CreatedAt", Value::Moment(-2_208_988_800_000 + i * 1001))
        .with("CreationTime", Value::Time((n % 86_400) as u32))
        .with("Uuid", format!("00000000-0000-4000-8000-{n:012x}"))
        .with("Note", note)
        .with("Seal", Value::Binary((0..n % 5).map(|byte| (n + byte * 61) as u8).collect()))
}

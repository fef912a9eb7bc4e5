//! What clients get, asked over the wire.

mod delta;
mod gate;
mod going_wrong;
mod odp;
mod python;
mod reading;

use serde_json::Value as Json;

use super::*;
use crate::odata::wire::{get, get_with, send};

/// All rows of an answer of several pages, and the delta link at its end.
pub(super) async fn walk_v4(
    gateway: &Gateway,
    first: &str,
    headers: &[(&str, &str)],
) -> (Vec<Json>, Option<String>) {
    let mut rows = Vec::new();
    let mut url = first.to_owned();
    loop {
        let page = get_with(&url, headers).await;
        assert_eq!(page.status, 200, "{url}: {}", page.body);
        let page = page.json();
        rows.extend(page["value"].as_array().unwrap().iter().cloned());
        match page["@odata.nextLink"].as_str() {
            Some(next) => url = gateway.v4() + next,
            None => return (rows, page["@odata.deltaLink"].as_str().map(|link| gateway.v4() + link)),
        }
    }
}

/// The same in V2.
pub(super) async fn walk_v2(first: &str, headers: &[(&str, &str)]) -> (Vec<Json>, Option<String>) {
    let mut rows = Vec::new();
    let mut url = first.to_owned();
    loop {
        let page = get_with(&url, headers).await;
        assert_eq!(page.status, 200, "{url}: {}", page.body);
        let page = page.json();
        rows.extend(page["d"]["results"].as_array().unwrap().iter().cloned());
        match page["d"]["__next"].as_str() {
            Some(next) => url = next.to_owned(),
            None => return (rows, page["d"]["__delta"].as_str().map(str::to_owned)),
        }
    }
}

pub(super) fn keys(rows: &[Json]) -> Vec<String> {
    rows.iter().map(|row| row["SalesOrder"].as_str().unwrap().trim_start_matches('0').to_owned()).collect()
}

/// A gateway with so many orders, the first of them number 1.
pub(super) async fn with_orders(builder: Builder, orders: u64) -> Gateway {
    let gateway = builder.start().await.unwrap();
    (1..=orders).for_each(|n| gateway.system().create(SALES_ORDERS, order(n)));
    gateway
}

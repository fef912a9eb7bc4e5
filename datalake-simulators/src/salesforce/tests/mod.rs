mod bulk;
mod clients;
mod describe;
mod login;
mod queries;

use serde_json::{Value, json};

use super::{Field, Kind, Object, Salesforce};
use crate::rest::tests::{Reply, get};

/// Seconds since 1970 at which the clock of [`org`] stands.
const START: i64 = 1_767_225_600;

fn account() -> Object {
    Object::new("Account")
        .field(Field::text("Name"))
        .field(Field::number("Revenue"))
        .field(Field::new("Active__c", Kind::Boolean))
        .field(Field::new("Founded__c", Kind::Date))
        .field(Field::new("Description", Kind::LongText))
        .field(Field::new("BillingAddress", Kind::Address))
}

/// An org with an object `Account` whose clock stands still.
fn org() -> Salesforce {
    let org = Salesforce::builder().object(account()).start().unwrap();
    org.set_clock(START * 1000);
    org
}

/// `…/query` or the like with a query.
fn ask(org: &Salesforce, token: &str, resource: &str, soql: &str) -> Reply {
    let encoded = percent_encoding::utf8_percent_encode(soql, percent_encoding::NON_ALPHANUMERIC);
    get(&org.url(), token, &format!("/services/data/v62.0/{resource}?q={encoded}"))
}

fn query(org: &Salesforce, soql: &str) -> Value {
    let reply = ask(org, &org.session(), "query", soql);
    assert_eq!(reply.status, 200, "{soql}: {}", reply.text());
    reply.json()
}

/// The names of the records that a query finds.
fn names(org: &Salesforce, rest: &str) -> String {
    let found = query(org, &format!("SELECT Name FROM Account {rest}"));
    let records = found["records"].as_array().unwrap();
    records.iter().map(|record| record["Name"].as_str().unwrap()).collect()
}

/// The code of a refusal.
fn refused(reply: &Reply) -> (u16, String) {
    (reply.status, reply.json()[0]["errorCode"].as_str().unwrap_or_default().to_owned())
}

fn named(name: &str) -> Value {
    json!({ "Name": name })
}

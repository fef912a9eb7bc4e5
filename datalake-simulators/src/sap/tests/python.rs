//! The service of OData 2.0 as a client of somebody else reads it: the Python package `pyodata`.

use std::io::Write;
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::*;

const VARIABLE: &str = "DATALAKE_PYTHON_AWS";

/// What a Python program prints, given the root of a service; or a line that says why it is left out.
async fn python(program: &str, root: &str) -> Option<Json> {
    let Some(python) = std::env::var_os(VARIABLE) else {
        let line = format!("left out: pyodata, since {VARIABLE} is not set; `cargo xtask test` sets it\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return None;
    };
    let mut command = Command::new(python);
    command.args(["-c", program]).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(root.as_bytes()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    assert!(output.status.success(), "python: {}", output.status);
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

const READ: &str = r#"
import json, sys, pyodata, requests
root = sys.stdin.read()
session = requests.Session()
session.auth = ("READER", "secret")
session.params = {"sap-client": "100"}
client = pyodata.Client(root, session)
orders = client.entity_sets.SalesOrders

def plain(order):
    values = {name: getattr(order, name) for name in
              ["SalesOrder", "SoldToParty", "NetAmount", "Counter", "Items", "Factor", "Blocked", "Uuid", "Note"]}
    values["NetAmount"] = str(values["NetAmount"])
    values["Factor"] = repr(values["Factor"])
    for name in ["OrderDate", "CreatedAt", "LastChangeDateTime"]:
        moment = getattr(order, name)
        values[name] = moment and moment.isoformat()
    return values

every, pages, answer = [], 0, orders.get_entities().count(inline=True).execute()
counted = answer.total_count
while True:
    every += [plain(order) for order in answer]
    pages += 1
    if answer.next_url is None:
        break
    # It adds the parameters of the session, which a link is not to have.
    session.params = {}
    answer = orders.get_entities().next_url(answer.next_url).execute()
found = orders.get_entities().filter("SoldToParty eq '0000000003' or Currency eq 'it''s'").order_by("SalesOrder desc").top(2)
one = plain(orders.get_entity("0000000007").execute())
session.headers["X-CSRF-Token"] = session.get(root, headers={"X-CSRF-Token": "Fetch"}).headers["x-csrf-token"]
made = orders.create_entity()
made.set(SalesOrder="0000009999", Note="made by pyodata")
created = made.execute().SalesOrder
changed = orders.update_entity("0000000008")
changed.set(Note="changed by pyodata")
changed.execute()
orders.delete_entity(SalesOrder="0000000009").execute()
kind = client.schema.entity_type("SalesOrder").proprty("NetAmount").typ.name
label = client.schema.entity_type("SalesOrder").proprty("SoldToParty").label
print(json.dumps({"every": every, "pages": pages, "counted": counted, "found": [o.SalesOrder for o in found.execute()],
                  "one": one, "kind": kind, "label": label, "created": created}))
"#;

#[tokio::test]
async fn pyodata_reads_every_row_and_value_and_changes_rows() {
    let gateway = Gateway::builder().user("READER", "secret").page(4).start().await.unwrap();
    // It takes no initial dates.
    let numbers: Vec<_> = (1..=15).filter(|n| n % 7 != 2 || *n == 9).collect();
    for n in &numbers {
        gateway
            .system()
            .create(SALES_ORDERS, order(*n).with("OrderDate", Value::Moment(*n as i64 * 86_400_000)));
    }
    let Some(read) = python(READ, &gateway.v2()).await else { return };
    assert_eq!(read["pages"], 4);
    assert_eq!(read["counted"], numbers.len());
    assert_eq!(read["every"].as_array().unwrap().len(), numbers.len());
    for (row, n) in read["every"].as_array().unwrap().iter().zip(&numbers) {
        let order = order(*n);
        for name in ["SalesOrder", "SoldToParty", "Note", "Uuid"] {
            let Some(Value::Text(text)) = order.value(name) else { panic!("{name}") };
            assert_eq!(row[name], text.as_str());
        }
        assert_eq!(order.value("NetAmount"), Some(&Value::decimal(row["NetAmount"].as_str().unwrap())));
        assert_eq!(order.value("Counter"), row["Counter"].as_i64().map(Value::Integer).as_ref());
        assert_eq!(order.value("Items"), row["Items"].as_i64().map(Value::Integer).as_ref());
        assert_eq!(
            order.value("Factor"),
            row["Factor"].as_str().and_then(|text| text.parse().ok()).map(Value::Double).as_ref()
        );
        assert_eq!(order.value("Blocked"), row["Blocked"].as_bool().map(Value::Boolean).as_ref());
    }
    let seventh = &read["one"];
    assert_eq!(seventh["OrderDate"], "1970-01-08T00:00:00+00:00");
    assert_eq!(seventh["CreatedAt"], "1900-01-01T00:00:07.007000+00:00");
    assert_eq!(seventh["LastChangeDateTime"], "2026-01-01T00:00:05+00:00");
    assert_eq!(read["found"], serde_json::json!(["0000000003"]));
    assert_eq!(read["kind"], "Edm.Decimal");
    assert_eq!(read["label"], "Sold-to Party");
    assert_eq!(read["created"], "0000009999");
    let system = gateway.system();
    assert!(!system.contains(SALES_ORDERS, order_key(9)));
    let changed = system
        .rows(SALES_ORDERS)
        .into_iter()
        .find(|row| row.value("SalesOrder") == Some(&order_key(8).into()));
    assert_eq!(changed.unwrap().value("Note"), Some(&"changed by pyodata".into()));
    assert_eq!(gateway.sessions(), 1, "it keeps its cookies");
}

const SUBSCRIBE: &str = r#"
import json, sys, pyodata, requests
root = sys.stdin.read()
session = requests.Session()
client = pyodata.Client(root, session)
facts = client.entity_sets.FactsOfZSALESORDERS
tracked = facts.get_entities()
session.headers["Prefer"] = "odata.track-changes"
rows = [(row.SalesOrder, row.ODQ_CHANGEMODE, str(row.ODQ_ENTITYCNTR)) for row in tracked.execute()]
del session.headers["Prefer"]
links = [(link.DeltaToken, link.IsInitialLoad)
         for link in client.entity_sets.DeltaLinksOfFactsOfZSALESORDERS.get_entities().execute()]
print(json.dumps({"rows": rows, "links": links}))
"#;

#[tokio::test]
async fn pyodata_reads_operational_data_and_the_list_of_tokens() {
    let gateway = with_orders(Gateway::builder(), 1).await;
    let Some(read) = python(SUBSCRIBE, &gateway.odp()).await else { return };
    assert_eq!(read["rows"], serde_json::json!([[order_key(1), "", "0"]]));
    let token = &gateway.subscription("ANONYMOUS", "FactsOfZSALESORDERS")[0];
    assert_eq!(read["links"], serde_json::json!([[token, true]]));
}

const EXPAND: &str = r#"
import json, sys, pyodata, requests
client = pyodata.Client(sys.stdin.read(), requests.Session())
orders = client.entity_sets.SalesOrders.get_entities().expand("to_Item").filter("SalesOrder eq '0000000004'").execute()
print(json.dumps([[item.Item, str(item.Quantity)] for order in orders for item in order.to_Item]))
"#;

#[tokio::test]
async fn pyodata_reads_rows_that_are_expanded() {
    let gateway = Gateway::start().await.unwrap();
    let system = gateway.system();
    system.define(sales_orders().navigation("to_Item", SALES_ORDER_ITEMS, &[("SalesOrder", "SalesOrder")]));
    system.define(sales_order_items());
    system.create(SALES_ORDERS, order(4));
    (1..=2).for_each(|item| system.create(SALES_ORDER_ITEMS, order_item(4, item)));
    let Some(read) = python(EXPAND, &gateway.v2()).await else { return };
    assert_eq!(read, serde_json::json!([["000010", "1.500"], ["000020", "2.500"]]));
}

use super::*;

const TRACK: &[(&str, &str)] = &[("prefer", "odata.track-changes")];

fn change(system: &System) {
    system.create(SALES_ORDERS, order(20));
    system.update(SALES_ORDERS, Row::new().with("SalesOrder", order_key(2)).with("Note", "other"));
    system.update(SALES_ORDERS, Row::new().with("SalesOrder", order_key(2)).with("Note", "another"));
    system.delete(SALES_ORDERS, order_key(3));
    system.create(SALES_ORDERS, order(21));
    system.delete(SALES_ORDERS, order_key(21));
}

#[tokio::test]
async fn v4_tells_of_changes_since_the_first_page_each_row_once() {
    let gateway = with_orders(Gateway::builder().page(4), 10).await;
    let first = get_with(&(gateway.v4() + "SalesOrders"), TRACK).await;
    assert_eq!(first.header("preference-applied"), Some("odata.track-changes"));
    change(gateway.system());
    let next = gateway.v4() + first.json()["@odata.nextLink"].as_str().unwrap();
    let (rest, delta) = walk_v4(&gateway, &next, &[]).await;
    assert_eq!(keys(&rest), ["5", "6", "7", "8", "9", "10"]);
    let delta = delta.unwrap();
    let page = get(&delta).await.json();
    assert_eq!(page["@odata.context"], "$metadata#SalesOrders/$delta");
    let (rows, again) = walk_v4(&gateway, &delta, &[]).await;
    assert_eq!(keys(&rows[..2]), ["20", "2"]);
    assert_eq!(rows[1]["Note"], "another");
    assert_eq!(rows[2]["@odata.context"], "$metadata#SalesOrders/$deletedEntity");
    assert_eq!(rows[2]["id"], "SalesOrders('0000000003')");
    assert_eq!(rows[2]["reason"], "deleted");
    assert_eq!(rows[3]["id"], "SalesOrders('0000000021')", "a row that never was seen is told of too");
    assert_eq!(rows.len(), 4);
    let (rows, _) = walk_v4(&gateway, &again.unwrap(), &[]).await;
    assert_eq!(rows, Vec::<Json>::new());
    let (rows, _) = walk_v4(&gateway, &delta, &[]).await;
    assert_eq!(rows.len(), 4, "a link can be used again");
    assert_eq!(get(&delta.replace("%21", "!")).await.status, 400);
}

#[tokio::test]
async fn v4_can_write_removed_rows_and_names_as_in_the_next_version() {
    let builder = Gateway::builder().removed(Removed::Annotation).bare_names(true);
    let gateway = with_orders(builder, 3).await;
    let all = get_with(&(gateway.v4() + "SalesOrders?$filter=SoldToParty%20eq%20'0000000003'"), TRACK).await;
    assert_eq!(all.header("odata-version"), Some("4.01"));
    let delta = gateway.v4() + all.json()["@deltaLink"].as_str().unwrap();
    let moved = Row::new().with("SalesOrder", order_key(3)).with("SoldToParty", "0000000099");
    gateway.system().update(SALES_ORDERS, moved);
    let page = get(&delta).await.json();
    let row = &page["value"][0];
    assert_eq!(row["@removed"]["reason"], "changed");
    assert_eq!(row["@id"], "SalesOrders('0000000003')");
    assert_eq!(row["SalesOrder"], "0000000003");
}

#[tokio::test]
async fn a_server_can_ignore_the_wish_without_a_word() {
    let gateway = with_orders(Gateway::builder().delta(false), 3).await;
    let all = get_with(&(gateway.v4() + "SalesOrders"), TRACK).await;
    assert_eq!((all.status, all.header("preference-applied")), (200, None));
    assert!(!all.body.contains("deltaLink"));
    assert!(!get(&(gateway.v2() + "SalesOrders")).await.body.contains("__delta"));
}

#[tokio::test]
async fn v2_tells_of_deleted_rows_in_atom_alone() {
    let gateway = with_orders(Gateway::builder().page(4), 10).await;
    let (_, delta) = walk_v2(&(gateway.v2() + "SalesOrders"), &[]).await;
    let delta = delta.unwrap();
    change(gateway.system());
    let (rows, again) = walk_v2(&delta, &[]).await;
    assert_eq!(keys(&rows), ["20", "2"]);
    assert!(again.is_some());
    let atom = send("GET", &delta, &[("accept", "application/atom+xml")], "").await.unwrap();
    assert!(atom.header("content-type").unwrap().starts_with("application/atom+xml"));
    assert_eq!(atom.body.matches("<entry ").count(), 2);
    assert_eq!(atom.body.matches("<at:deleted-entry ref=\"http://").count(), 2);
    assert!(atom.body.contains("SalesOrders('0000000003')\" when=\"20"), "{}", atom.body);
    assert!(atom.body.contains("<link rel=\"delta\" href=\"http://"));
    assert_eq!(get(&delta.replace('!', "%21")).await.status, 400);
}

#[tokio::test]
async fn a_token_that_expired_is_refused_with_the_status_that_is_set() {
    let gateway = with_orders(Gateway::builder(), 3).await;
    let (_, v2) = walk_v2(&(gateway.v2() + "SalesOrders"), &[]).await;
    let (_, v4) = walk_v4(&gateway, &(gateway.v4() + "SalesOrders"), TRACK).await;
    gateway.expire_deltas();
    assert_eq!(get(&v2.unwrap()).await.status, 410);
    gateway.reconfigure(|settings| settings.expired_status(404));
    assert_eq!(get(&v4.unwrap()).await.status, 404);
}

use super::*;

#[tokio::test]
async fn pages_lead_to_every_row_in_both_versions() {
    let gateway = with_orders(Gateway::builder().page(4), 10).await;
    let (rows, delta) = walk_v4(&gateway, &(gateway.v4() + "SalesOrders"), &[]).await;
    assert_eq!(keys(&rows), (1..=10).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(delta, None);
    let (rows, delta) = walk_v2(&(gateway.v2() + "SalesOrders?$format=json"), &[]).await;
    assert_eq!(rows.len(), 10);
    assert!(delta.unwrap().contains("!deltatoken='"));
}

#[tokio::test]
async fn values_are_written_as_each_version_writes_them() {
    let gateway = with_orders(Gateway::builder(), 8).await;
    let v2 = get(&(gateway.v2() + "SalesOrders('0000000007')")).await;
    assert!(v2.body.contains(r"\/Date("), "slashes are escaped: {}", v2.body);
    let v2 = v2.json();
    assert_eq!(v2["d"]["SoldToParty"], "0000000007");
    assert_eq!(v2["d"]["NetAmount"], "1234567890123456789012345000007.07");
    assert_eq!(v2["d"]["Counter"], "9007199254741000");
    assert_eq!(v2["d"]["Items"], 7);
    assert_eq!(v2["d"]["Factor"], "0.1");
    assert_eq!(v2["d"]["CreatedAt"], "/Date(-2208988792993)/");
    assert_eq!(v2["d"]["LastChangeDateTime"], "/Date(1767225606000+0000)/");
    assert_eq!(v2["d"]["CreationTime"], "PT00H00M07S");
    assert!(v2["d"]["Note"].as_str().unwrap().ends_with("🚃   "));
    let initial = get(&(gateway.v2() + "SalesOrders('0000000002')")).await.json();
    assert_eq!(initial["d"]["OrderDate"], "0000-00-00T00:00:00");
    let v4 = get(&(gateway.v4() + "SalesOrders('0000000007')")).await;
    assert!(v4.body.contains("\"NetAmount\":1234567890123456789012345000007.07,"), "{}", v4.body);
    assert!(v4.body.contains("\"Counter\":9007199254741000,"));
    assert_eq!(v4.json()["OrderDate"], "1970-01-08");
    assert_eq!(v4.json()["LastChangeDateTime"], "2026-01-01T00:00:06Z");
    let accept = [("accept", "application/json;IEEE754Compatible=true")];
    let exact = send("GET", &(gateway.v4() + "SalesOrders?$top=1"), &accept, "").await.unwrap();
    assert!(exact.body.contains("\"Counter\":\"9007199254740994\""), "{}", exact.body);
    assert!(exact.header("content-type").unwrap().contains("IEEE754Compatible=true"));
    gateway.reconfigure(|settings| settings.exact_numbers(false));
    let ignored = send("GET", &(gateway.v4() + "SalesOrders?$top=1"), &accept, "").await.unwrap();
    assert!(ignored.body.contains("\"Counter\":9007199254740994,"), "{}", ignored.body);
}

#[tokio::test]
async fn the_keyset_walks_through_ties_that_are_larger_than_a_page() {
    let gateway =
        Gateway::builder().page(100).paging(Paging::Snapshot).shuffled_ties(1).start().await.unwrap();
    gateway.system().step(0);
    (0..25).for_each(|n| gateway.system().create(SALES_ORDERS, order(n)));
    let (mut seen, mut last) = (Vec::new(), None::<String>);
    loop {
        let filter = last.as_ref().map_or(String::new(), |id| {
            let at = "datetimeoffset'2026-01-01T00:00:00Z'";
            format!("&$filter=(LastChangeDateTime%20gt%20{at})%20or%20(LastChangeDateTime%20eq%20{at}%20and%20SalesOrder%20gt%20'{id}')")
        });
        let url =
            format!("{}SalesOrders?$orderby=LastChangeDateTime,SalesOrder&$top=4{filter}", gateway.v2());
        let page = get(&url).await.json();
        let rows = page["d"]["results"].as_array().unwrap().clone();
        let Some(end) = rows.last() else { break };
        last = end["SalesOrder"].as_str().map(str::to_owned);
        seen.extend(rows.iter().map(|row| row["SalesOrder"].as_str().unwrap().to_owned()));
    }
    assert_eq!(seen, (0..25).map(order_key).collect::<Vec<_>>());
}

#[tokio::test]
async fn without_a_total_order_rows_come_in_another_one_each_time() {
    let gateway = with_orders(Gateway::builder().shuffled_ties(7), 30).await;
    let url = gateway.v4() + "SalesOrders?$orderby=Currency";
    let (one, two) = (get(&url).await.json(), get(&url).await.json());
    assert_ne!(keys(one["value"].as_array().unwrap()), keys(two["value"].as_array().unwrap()));
}

#[tokio::test]
async fn an_offset_misses_a_row_when_one_before_it_goes() {
    let gateway = with_orders(Gateway::builder().page(4), 10).await;
    let first = get(&(gateway.v4() + "SalesOrders")).await.json();
    gateway.system().delete(SALES_ORDERS, order_key(1));
    let next = gateway.v4() + first["@odata.nextLink"].as_str().unwrap();
    let (rest, _) = walk_v4(&gateway, &next, &[]).await;
    assert_eq!(keys(&rest), ["6", "7", "8", "9", "10"], "number 5 is missed");
}

#[tokio::test]
async fn a_link_is_taken_only_as_it_was_given() {
    let gateway = with_orders(Gateway::builder().page(4), 10).await;
    let next = get(&(gateway.v2() + "SalesOrders?$format=json")).await.json();
    let next = next["d"]["__next"].as_str().unwrap().to_owned();
    assert_eq!(get(&next).await.status, 200);
    assert_eq!(get(&next.replace('\'', "%27")).await.status, 400);
    assert_eq!(get(&format!("{next}&sap-language=EN")).await.status, 400);
    gateway.expire_pages();
    assert_eq!(get(&next).await.status, 400);
}

#[tokio::test]
async fn top_is_a_bound_on_all_pages_and_counts_are_of_everything() {
    let gateway = with_orders(Gateway::builder().page(4), 10).await;
    let (rows, _) = walk_v4(&gateway, &(gateway.v4() + "SalesOrders?$top=6&$skip=1"), &[]).await;
    assert_eq!(keys(&rows), ["2", "3", "4", "5", "6", "7"]);
    let counted = get(&(gateway.v4() + "SalesOrders?$count=true&$top=1")).await.json();
    assert_eq!(counted["@odata.count"], 10);
    let counted = get(&(gateway.v2() + "SalesOrders?$inlinecount=allpages&$top=1")).await.json();
    assert_eq!(counted["d"]["__count"], "10");
    assert_eq!(get(&(gateway.v2() + "SalesOrders/$count?$filter=Blocked%20eq%20true")).await.body, "2");
}

#[tokio::test]
async fn metadata_has_annotations_and_a_tag() {
    let gateway = with_orders(Gateway::builder(), 0).await;
    for (root, sign) in
        [(gateway.v2(), "sap:semantics=\"currency-code\""), (gateway.v4(), "Capabilities.ChangeTracking")]
    {
        let url = root + "$metadata";
        let first = get(&url).await;
        assert!(first.body.contains(sign), "{}", first.body);
        let tag = first.header("etag").unwrap();
        assert_eq!(get_with(&url, &[("if-none-match", tag)]).await.status, 304);
        gateway
            .system()
            .extend(SALES_ORDERS, Property::new(format!("More{}", first.body.len()), Kind::Boolean));
        assert_eq!(get_with(&url, &[("if-none-match", tag)]).await.status, 200);
    }
    assert!(get(&(gateway.odp() + "$metadata")).await.body.contains("sap:semantics=\"entity-counter\""));
}

async fn with_items() -> Gateway {
    let gateway = Gateway::start().await.unwrap();
    let system = gateway.system();
    system.define(sales_orders().navigation("to_Item", SALES_ORDER_ITEMS, &[("SalesOrder", "SalesOrder")]));
    system.define(sales_order_items());
    for n in 1..=2 {
        system.create(SALES_ORDERS, order(n));
        (1..=n).for_each(|item| system.create(SALES_ORDER_ITEMS, order_item(n, item)));
    }
    gateway
}

#[tokio::test]
async fn rows_of_another_set_are_expanded_or_named() {
    let gateway = with_items().await;
    let plain = get(&(gateway.v2() + "SalesOrders")).await.json();
    let link = plain["d"]["results"][1]["to_Item"]["__deferred"]["uri"].as_str().unwrap().to_owned();
    let items = get(&link).await.json();
    assert_eq!(items["d"]["results"].as_array().unwrap().len(), 2);
    let expanded = get(&(gateway.v2() + "SalesOrders?$expand=to_Item")).await.json();
    let items = &expanded["d"]["results"][1]["to_Item"]["results"];
    assert_eq!((&items[0]["Item"], &items[1]["Quantity"]), (&"000010".into(), &"2.500".into()));
    let v4 = get(&(gateway.v4() + "SalesOrders?$expand=to_Item&$select=SalesOrder")).await.json();
    assert_eq!(v4["value"][1]["to_Item"][1]["Material"], "000000000000000202");
    assert!(get(&(gateway.v4() + "SalesOrders")).await.json()["value"][0].get("to_Item").is_none());
    assert_eq!(
        get(&(gateway.v4() + "SalesOrders('0000000002')/to_Item")).await.json()["value"][1]["Item"],
        "000020"
    );
    for wrong in ["SalesOrders?$expand=to_Nothing", "SalesOrders('0000000002')/to_Nothing"] {
        assert!(get(&(gateway.v4() + wrong)).await.status >= 400, "{wrong}");
    }
    for (root, sign) in
        [(gateway.v2(), "<Association Name=\"SalesOrder_to_Item\""), (gateway.v4(), "Collection(com.sap")]
    {
        let metadata = get(&(root + "$metadata")).await.body;
        assert!(metadata.contains(sign), "{metadata}");
    }
}

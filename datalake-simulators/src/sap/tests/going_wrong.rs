use super::*;

#[tokio::test]
async fn each_fault_strikes_the_request_that_it_is_meant_for() {
    let gateway = with_orders(Gateway::builder(), 3).await;
    let url = gateway.v4() + "SalesOrders";
    let accept = [("accept", "application/json")];
    gateway.faults().nth(1, Fault::throttled(7));
    assert_eq!(get(&url).await.status, 200);
    let refused = get(&url).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("7")));
    assert_eq!(refused.json()["error"]["message"], "made to fail");
    gateway.faults().add(Rule::new(Fault::Truncated).target("SalesOrders"));
    assert!(send("GET", &url, &accept, "").await.is_none());
    gateway.faults().add(Rule::new(Fault::Short));
    let short = get(&url).await;
    assert!(serde_json::from_str::<Json>(&short.body).is_err());
    gateway.faults().add(Rule::new(Fault::RefusedInXml(500)));
    assert!(get(&url).await.body.starts_with("<?xml"));
    gateway.faults().add(Rule::new(Fault::Login));
    let login = get(&url).await;
    assert_eq!(login.status, 200);
    assert!(login.body.starts_with("<!DOCTYPE html>"));
    gateway.faults().add(Rule::new(Fault::Reset));
    assert!(send("GET", &url, &accept, "").await.is_none());
    assert_eq!(get(&url).await.status, 200);
    assert_eq!(gateway.seen().last().unwrap().header("accept"), Some("application/json"));
    assert_eq!(gateway.seen().iter().filter(|seen| seen.status.is_none()).count(), 1);
}

#[tokio::test]
async fn one_request_in_ten_fails_and_the_same_ones_for_the_same_seed() {
    let mut struck = Vec::new();
    for _ in 0..2 {
        let gateway = with_orders(Gateway::builder(), 1).await;
        gateway.faults().one_in(10, 42);
        for _ in 0..200 {
            send("GET", &(gateway.v4() + "SalesOrders"), &[], "").await;
        }
        struck.push(gateway.seen().into_iter().map(|seen| seen.fault).collect::<Vec<_>>());
    }
    assert_eq!(struck[0], struck[1]);
    let failed = struck[0].iter().flatten().count();
    assert!((10..=35).contains(&failed), "{failed} of 200");
}

#[tokio::test]
async fn links_can_lead_in_a_circle_or_elsewhere() {
    let gateway = with_orders(Gateway::builder().page(2), 6).await;
    let first = gateway.v2() + "SalesOrders?$format=json";
    let next = get(&first).await.json()["d"]["__next"].as_str().unwrap().to_owned();
    gateway.faults().add(Rule::new(Fault::SameLink));
    assert_eq!(get(&next).await.json()["d"]["__next"], next.as_str());
    let first = gateway.v4() + "SalesOrders";
    let next = get(&first).await.json()["@odata.nextLink"].as_str().unwrap().to_owned();
    gateway.faults().add(Rule::new(Fault::SameLink));
    assert_eq!(get(&(gateway.v4() + &next)).await.json()["@odata.nextLink"], next.as_str());
    for (links, origin) in [
        (Links::Localhost, "http://localhost:4004/"),
        (Links::To("http://127.0.0.2:81".into()), "http://127.0.0.2:81/"),
    ] {
        gateway.reconfigure(|settings| settings.links(links));
        let next = get(&first).await.json()["@odata.nextLink"].as_str().unwrap().to_owned();
        let rest = next.strip_prefix(origin).unwrap_or_else(|| panic!("{next}"));
        assert_eq!(get(&format!("{}/{rest}", gateway.url())).await.status, 200, "it can be led back");
    }
}

use super::*;
use crate::web::collect::{Address, Cookie};

#[tokio::test]
async fn a_browser_gets_a_cookie_and_keeps_it() {
    let cookie = Cookie::new("sp").domain("shop.example").lifetime(Duration::from_secs(60));
    let lake = Lake::on(builder().cookie(cookie)).await;
    let first = lake.post(TP2, &[], tp2(&["1"])).await;
    let given = first.header("set-cookie").unwrap();
    let (value, rest) = given.strip_prefix("sp=").unwrap().split_once(';').unwrap();
    assert_eq!(rest, " Path=/; Max-Age=60; Domain=shop.example; SameSite=None; Secure");
    assert_eq!((value.len(), &value[14..15]), (36, "4"), "{value}");
    let again = lake.get("/i?e=pv", &[("cookie", &format!("a=b; sp={value}"))]).await;
    assert_eq!(again.header("set-cookie"), Some(given));
    let forged = lake.get("/i?e=pv", &[("cookie", "sp=<script>")]).await;
    assert!(!forged.head.contains("<script>") && forged.header("set-cookie") != Some(given));
    let unknown = lake.get("/i?e=pv", &[("sp-anonymous", "*"), ("cookie", &format!("sp={value}"))]).await;
    assert_eq!(unknown.header("set-cookie"), None);
    assert_eq!(lake.post(TP2, &[], "refused").await.header("set-cookie"), None);
}

#[tokio::test]
async fn no_cookie_is_given_unless_asked_for() {
    let lake = Lake::on(builder()).await;
    assert_eq!(lake.get("/i?e=pv", &[]).await.header("set-cookie"), None);
}

/// The properties of what was sent last.
fn properties(lake: &Lake) -> serde_json::Map<String, Value> {
    lake.documents().last().unwrap().properties().unwrap().as_ref().clone()
}

#[tokio::test]
async fn nothing_of_a_visitor_is_kept_unless_asked_for() {
    let lake = Lake::on(builder()).await;
    lake.get("/i?e=pv", &[("user-agent", "u"), ("x-forwarded-for", "1.2.3.4"), ("cookie", "sp=abc")]).await;
    let known: Vec<_> = properties(&lake).into_iter().map(|(name, _)| name).collect();
    assert_eq!(known, ["protocol", "received_at"]);
}

#[tokio::test]
async fn a_visitor_is_kept_as_far_as_asked_for_and_never_if_it_wants_to_be_unknown() {
    let kept = builder()
        .cookie(Cookie::new("sp"))
        .keep_address(Address::Truncated)
        .behind_proxies(2)
        .keep_user_agent();
    let lake = Lake::on(kept).await;
    let forged = "10.9.9.9, 203.0.113.77, 10.0.0.1";
    let headers = [("user-agent", "u"), ("x-forwarded-for", forged), ("cookie", "sp=abc")];
    lake.get("/i?e=pv", &headers).await;
    let found = properties(&lake);
    assert_eq!(found["user_ipaddress"], "203.0.113.0", "what a sender adds itself is not believed");
    assert_eq!((&found["useragent"], &found["network_userid"]), (&json!("u"), &json!("abc")));
    lake.get("/i?e=pv", &[("x-forwarded-for", "2001:db8:1:2:3::4, 10.0.0.1")]).await;
    assert_eq!(properties(&lake)["user_ipaddress"], "2001:db8:1::");
    lake.get("/i?e=pv", &[("x-forwarded-for", "unknown")]).await;
    assert!(!properties(&lake).contains_key("user_ipaddress"));
    lake.get("/i?e=pv", &[&headers[..], &[("sp-anonymous", "*")]].concat()).await;
    let found = properties(&lake);
    assert_eq!(found.keys().collect::<Vec<_>>(), ["protocol", "received_at"]);
}

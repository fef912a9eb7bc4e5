use super::*;
use crate::web::collect::Cookie;

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

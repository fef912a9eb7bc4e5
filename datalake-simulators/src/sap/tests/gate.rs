use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::*;

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

#[tokio::test]
async fn a_wrong_password_is_answered_in_html_and_locks_the_user_in_time() {
    let gateway = with_orders(Gateway::builder().user("READER", "right").lock_after(3), 1).await;
    let url = gateway.v4() + "SalesOrders";
    let refused = get(&url).await;
    assert_eq!(refused.status, 401);
    assert_eq!(refused.header("content-type"), Some("text/html; charset=utf-8"));
    let (right, wrong) = (basic("READER", "right"), basic("READER", "wrong"));
    assert_eq!(get_with(&url, &[("authorization", &right)]).await.status, 200);
    for _ in 0..3 {
        assert_eq!(get_with(&url, &[("authorization", &wrong)]).await.status, 401);
    }
    assert!(gateway.locked("READER"));
    assert_eq!(get_with(&url, &[("authorization", &right)]).await.status, 401);
}

#[tokio::test]
async fn a_client_without_cookies_opens_a_session_with_every_request() {
    let gateway = with_orders(Gateway::builder(), 1).await;
    let url = gateway.v4() + "SalesOrders";
    let first = get(&url).await;
    get(&url).await;
    assert_eq!(gateway.sessions(), 2);
    let cookie = first.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    get_with(&url, &[("cookie", &cookie)]).await;
    assert_eq!(gateway.sessions(), 2);
    gateway.reconfigure(|settings| settings.most_sessions(2));
    assert_eq!(get(&url).await.status, 503);
    assert_eq!(get_with(&url, &[("cookie", &cookie)]).await.status, 200);
}

#[tokio::test]
async fn another_client_of_the_system_is_refused() {
    let gateway = with_orders(Gateway::builder().client("200"), 1).await;
    let url = gateway.v2() + "SalesOrders";
    assert_eq!(get(&(url.clone() + "?sap-client=200")).await.status, 200);
    assert_eq!(get(&(url.clone() + "?sap-client=100")).await.status, 401);
    assert_eq!(get_with(&url, &[("sap-client", "100")]).await.status, 401);
}

#[tokio::test]
async fn a_modifying_call_needs_the_token_and_the_cookies_of_one_session() {
    let gateway = with_orders(Gateway::builder(), 1).await;
    let url = gateway.v2() + "SalesOrders";
    let body = r#"{"SalesOrder":"0000000009","NetAmount":"1.50","Note":"by hand"}"#;
    let refused = send("POST", &url, &[], body).await.unwrap();
    assert_eq!((refused.status, refused.header("x-csrf-token")), (403, Some("Required")));
    let fetched = get_with(&gateway.v2(), &[("x-csrf-token", "Fetch")]).await;
    let token = fetched.header("x-csrf-token").unwrap();
    assert_eq!(send("POST", &url, &[("x-csrf-token", token)], body).await.unwrap().status, 403, "no cookies");
    let cookie = fetched.header("set-cookie").unwrap().split(';').next().unwrap();
    let headers = [("x-csrf-token", token), ("cookie", cookie)];
    assert_eq!(send("POST", &url, &headers, body).await.unwrap().status, 201);
    let one = url + "('0000000009')";
    assert_eq!(send("MERGE", &one, &headers, r#"{"Note":"again"}"#).await.unwrap().status, 204);
    assert_eq!(get(&one).await.json()["d"]["Note"], "again");
    assert_eq!(send("DELETE", &one, &headers, "").await.unwrap().status, 204);
    assert!(!gateway.system().contains(SALES_ORDERS, "0000000009"));
}

#[tokio::test]
async fn tokens_of_oauth_are_given_to_clients_and_for_assertions_and_end() {
    let gateway = with_orders(Gateway::builder().oauth_client("lake", "secret"), 1).await;
    let client = basic("lake", "secret");
    let headers = [("authorization", client.as_str()), ("content-type", "application/x-www-form-urlencoded")];
    let assertion = URL_SAFE_NO_PAD
        .encode("<saml2:Assertion><saml2:NameID Format=\"x\">READER</saml2:NameID></saml2:Assertion>");
    let saml =
        format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Asaml2-bearer&assertion={assertion}");
    for form in ["grant_type=client_credentials", &saml] {
        let given = send("POST", &gateway.token_url(), &headers, form).await.unwrap().json();
        let bearer = format!("Bearer {}", given["access_token"].as_str().unwrap());
        let url = gateway.v4() + "SalesOrders";
        assert_eq!(get_with(&url, &[("authorization", &bearer)]).await.status, 200);
        gateway.expire_access();
        assert_eq!(get_with(&url, &[("authorization", &bearer)]).await.status, 401);
    }
    let wrong = basic("lake", "other");
    let refused = send("POST", &gateway.token_url(), &[("authorization", &wrong)], &saml).await.unwrap();
    assert_eq!((refused.status, refused.json()["error"].as_str()), (401, Some("invalid_client")));
}

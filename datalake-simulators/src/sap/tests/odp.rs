use super::*;

const TRACK: (&str, &str) = ("prefer", "odata.track-changes, odata.maxpagesize=4");
const FACTS: &str = "FactsOfZSALESORDERS";

fn as_user(user: &str) -> String {
    use base64::Engine;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:any")))
}

/// All rows after a first request, and the token in the link at the end.
async fn load(gateway: &Gateway, user: &str) -> (Vec<Json>, String) {
    let user = as_user(user);
    let (rows, delta) = walk_v2(&(gateway.odp() + FACTS), &[TRACK, ("authorization", &user)]).await;
    (rows, token(&delta.unwrap()))
}

fn token(link: &str) -> String {
    link.split('\'').nth(1).unwrap().to_owned()
}

async fn changes(gateway: &Gateway, user: &str, token: &str) -> Result<(Vec<Json>, String), u16> {
    let user = as_user(user);
    let headers = [("authorization", user.as_str())];
    let url = format!("{}{FACTS}?!deltatoken='{token}'", gateway.odp());
    let status = get_with(&url, &headers).await.status;
    if status != 200 {
        return Err(status);
    }
    let (rows, delta) = walk_v2(&url, &headers).await;
    Ok((rows, self::token(&delta.unwrap())))
}

fn modes(rows: &[Json]) -> Vec<(String, String, String)> {
    let text = |row: &Json, name: &str| row[name].as_str().unwrap().to_owned();
    let one = |row| (text(row, "SalesOrder"), text(row, "ODQ_CHANGEMODE"), text(row, "ODQ_ENTITYCNTR"));
    rows.iter().map(one).collect()
}

fn set_note(gateway: &Gateway, n: u64, note: &str) {
    gateway.system().update(SALES_ORDERS, Row::new().with("SalesOrder", order_key(n)).with("Note", note));
}

#[tokio::test]
async fn a_subscription_gives_everything_and_then_each_change_in_its_order() {
    let gateway = with_orders(Gateway::builder().before_images(true), 10).await;
    let first = get_with(&(gateway.odp() + FACTS), &[TRACK]).await;
    assert_eq!(first.header("preference-applied"), Some("odata.track-changes,odata.maxpagesize=4"));
    let (rows, token) = load(&gateway, "A").await;
    assert_eq!(rows.len(), 10);
    assert_eq!(rows[0]["ODQ_CHANGEMODE"], "");
    gateway.system().create(SALES_ORDERS, order(11));
    set_note(&gateway, 1, "one");
    set_note(&gateway, 1, "two");
    gateway.system().delete(SALES_ORDERS, order_key(2));
    let (rows, next) = changes(&gateway, "A", &token).await.unwrap();
    let (one, two) = (order_key(1), order_key(2));
    let wanted = [
        (order_key(11), "C", "1"),
        (one.clone(), "U", "-1"),
        (one.clone(), "U", "1"),
        (one.clone(), "U", "-1"),
        (one, "U", "1"),
        (two, "D", "-1"),
    ];
    assert_eq!(modes(&rows), wanted.map(|(key, mode, counter)| (key, mode.to_owned(), counter.to_owned())));
    assert_eq!(rows[3]["Note"], "one");
    let (rows, same) = changes(&gateway, "A", &next).await.unwrap();
    assert_eq!((rows.len(), same), (0, next), "nothing changed: the same token");
}

#[tokio::test]
async fn a_package_can_be_asked_for_again_until_the_next_token_is_used() {
    let gateway = with_orders(Gateway::builder(), 3).await;
    let (_, first) = load(&gateway, "A").await;
    set_note(&gateway, 1, "one");
    let (rows, second) = changes(&gateway, "A", &first).await.unwrap();
    set_note(&gateway, 2, "two");
    let (again, same) = changes(&gateway, "A", &first).await.unwrap();
    assert_eq!((again, &same), (rows, &second), "the package is as it was");
    let (rows, third) = changes(&gateway, "A", &second).await.unwrap();
    assert_eq!(keys(&rows), ["2"]);
    assert_eq!(changes(&gateway, "A", &first).await, Err(410), "it is dropped");
    assert_eq!(gateway.subscription("A", FACTS), [second, third]);
}

#[tokio::test]
async fn a_second_reader_with_the_same_user_ends_the_subscription_of_the_first() {
    let gateway = with_orders(Gateway::builder(), 3).await;
    let (_, a) = load(&gateway, "A").await;
    let (_, b) = load(&gateway, "B").await;
    load(&gateway, "A").await;
    assert_eq!(changes(&gateway, "A", &a).await, Err(410));
    assert!(changes(&gateway, "B", &b).await.is_ok(), "another user has another one");
    assert_eq!(changes(&gateway, "A", &b).await, Err(410), "and its tokens are no one else's");
}

#[tokio::test]
async fn another_filter_is_refused_until_the_subscription_is_terminated() {
    let gateway = with_orders(Gateway::builder(), 6).await;
    load(&gateway, "ANONYMOUS").await;
    let filtered = gateway.odp() + FACTS + "?$filter=SoldToParty%20eq%20'0000000003'";
    let refused = get_with(&filtered, &[TRACK]).await;
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("Illegal change in selection parameters"));
    let subscribed = gateway.odp() + "SubscribedTo" + FACTS;
    assert!(get(&subscribed).await.body.contains("\"SubscribedFlag\":true"));
    let ended = get(&(gateway.odp() + "TerminateDeltasFor" + FACTS)).await;
    assert!(ended.body.contains("\"ResultFlag\":true"), "{}", ended.body);
    assert!(get(&subscribed).await.body.contains("\"SubscribedFlag\":false"));
    let (rows, delta) = walk_v2(&filtered, &[TRACK]).await;
    assert_eq!(keys(&rows), ["3"]);
    set_note(&gateway, 2, "not of it");
    set_note(&gateway, 3, "of it");
    let (rows, _) = walk_v2(&delta.unwrap(), &[]).await;
    assert_eq!(keys(&rows), ["3"], "the filter of the first request holds for the changes");
}

#[tokio::test]
async fn a_token_can_stand_where_the_next_page_would_or_only_in_the_list_of_tokens() {
    let gateway = with_orders(Gateway::builder().token_at(TokenAt::Next), 3).await;
    let all = get_with(&(gateway.odp() + FACTS), &[TRACK]).await.json();
    assert!(all["d"]["__next"].as_str().unwrap().contains("?!deltatoken='D2026"));
    assert!(all["d"].get("__delta").is_none());
    gateway.reconfigure(|settings| settings.token_at(TokenAt::DeltaLinks));
    let all = get_with(&(gateway.odp() + FACTS), &[TRACK]).await.json();
    assert!(all["d"].get("__delta").is_none() && all["d"].get("__next").is_none());
    let links = gateway.odp() + "DeltaLinksOf" + FACTS;
    let first = get(&format!("{links}?$format=json")).await.json();
    let first = &first["d"]["results"][0];
    assert_eq!(first["IsInitialLoad"], true);
    let token = first["DeltaToken"].as_str().unwrap();
    set_note(&gateway, 1, "one");
    let changes = get(&format!("{links}('{token}')/ChangesAfter")).await.json();
    assert_eq!(changes["d"]["results"][0]["ODQ_CHANGEMODE"], "U");
    let both = get(&links).await.json();
    assert_eq!(both["d"]["results"][1]["IsInitialLoad"], false);
}

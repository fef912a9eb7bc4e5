//! What clients get, asked over the wire.

use serde_json::Value as Json;

use super::*;
use crate::odata::wire::{get, get_with, send};

const TRACK: &[(&str, &str)] = &[("prefer", "odata.track-changes,odata.maxpagesize=4")];

async fn with_accounts(builder: Builder, accounts: u64) -> Dataverse {
    let dataverse = builder.start().await.unwrap();
    (1..=accounts).for_each(|n| dataverse.system().create(ACCOUNTS, account(n)));
    dataverse
}

/// All rows of an answer of several pages, and the delta link at its end.
async fn walk(first: &str, headers: &[(&str, &str)]) -> (Vec<Json>, Option<String>) {
    let mut rows = Vec::new();
    let mut url = first.to_owned();
    loop {
        let page = get_with(&url, headers).await;
        assert_eq!(page.status, 200, "{url}: {}", page.body);
        let page = page.json();
        rows.extend(page["value"].as_array().unwrap().iter().cloned());
        match page["@odata.nextLink"].as_str() {
            Some(next) => url = next.to_owned(),
            None => return (rows, page["@odata.deltaLink"].as_str().map(str::to_owned)),
        }
    }
}

fn numbers(rows: &[Json]) -> Vec<&str> {
    rows.iter().map(|row| row["accountnumber"].as_str().unwrap().trim_start_matches('0')).collect()
}

#[tokio::test]
async fn changes_come_first_and_deleted_rows_last_by_their_bare_id() {
    let dataverse = with_accounts(Dataverse::builder(), 10).await;
    let first = get_with(&(dataverse.api() + "accounts?$select=accountnumber"), TRACK).await;
    assert_eq!(first.header("preference-applied"), Some("odata.track-changes,odata.maxpagesize=4"));
    let (rows, delta) = walk(&(dataverse.api() + "accounts?$select=accountnumber"), TRACK).await;
    assert_eq!(rows.len(), 10);
    let system = dataverse.system();
    system.delete(ACCOUNTS, account_key(3));
    system.create(ACCOUNTS, account(11));
    system.create(ACCOUNTS, account(12));
    system.delete(ACCOUNTS, account_key(12));
    system.update(ACCOUNTS, Row::new().with("accountid", account_key(1)).with("name", "other"));
    let delta = delta.unwrap();
    let (rows, again) = walk(&delta, &[]).await;
    assert_eq!(numbers(&rows[..2]), ["11", "1"]);
    let gone: Vec<_> = rows[2..].iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(gone, [account_key(3), account_key(12)], "also one that never was seen");
    assert_eq!(rows[2]["reason"], "deleted");
    assert!(rows[2]["@odata.context"].as_str().unwrap().ends_with("$metadata#accounts/$deletedEntity"));
    assert_eq!(rows[0].get("name"), None, "what was selected is kept in the link");
    assert_eq!(walk(&again.unwrap(), &[]).await.0, Vec::<Json>::new());
}

#[tokio::test]
async fn changes_of_a_part_are_refused_and_so_are_those_that_are_not_tracked() {
    let dataverse = with_accounts(Dataverse::builder(), 3).await;
    for option in ["$filter=name%20eq%20'x'", "$orderby=name", "$top=1", "$expand=primarycontactid"] {
        let refused = get_with(&format!("{}accounts?{option}", dataverse.api()), TRACK).await;
        assert_eq!(refused.status, 400, "{option}");
    }
    assert_eq!(
        get(&(dataverse.api() + "accounts?$orderby=name&$top=2")).await.json()["value"][1]["name"],
        "Åkeri 2"
    );
    let all =
        get(&(dataverse.api() + "EntityDefinitions?$filter=ChangeTrackingEnabled%20eq%20true")).await.json();
    assert_eq!(all["value"][0]["EntitySetName"], "accounts");
    dataverse.reconfigure(|settings| settings.untracked(ACCOUNTS));
    assert_eq!(get_with(&(dataverse.api() + "accounts"), TRACK).await.status, 400);
    let all =
        get(&(dataverse.api() + "EntityDefinitions?$filter=ChangeTrackingEnabled%20eq%20true")).await.json();
    assert_eq!(all["value"], serde_json::json!([]));
}

#[tokio::test]
async fn links_are_taken_byte_for_byte_and_expire() {
    let dataverse = with_accounts(Dataverse::builder(), 3).await;
    let (_, delta) = walk(&(dataverse.api() + "accounts"), TRACK).await;
    let delta = delta.unwrap();
    assert_eq!(get(&delta).await.status, 200);
    assert_eq!(get(&delta.replace("%2f", "/")).await.status, 400);
    assert_eq!(get(&delta.replace("%3a", "%3A")).await.status, 400);
    let system = dataverse.system();
    system.at(system.now() + 8 * 86_400_000);
    let expired = get(&delta).await;
    assert_eq!((expired.status, expired.json()["error"]["code"].as_str()), (400, Some("0x80044352")));
}

#[tokio::test]
async fn numbers_stay_numbers_and_annotations_have_names_of_their_own() {
    let dataverse = with_accounts(Dataverse::builder(), 1).await;
    let wish = [("prefer", "odata.include-annotations=\"*\"")];
    let row = get_with(&(dataverse.api() + "accounts(" + &account_key(1) + ")"), &wish).await;
    assert!(row.body.contains("\"revenue\":9007199254740994.0001,"), "{}", row.body);
    let formatted = &row.json()["revenue@OData.Community.Display.V1.FormattedValue"];
    assert_eq!(formatted, "9007199254740994.0001");
}

#[tokio::test(start_paused = true)]
async fn who_is_throttled_and_keeps_sending_waits_longer() {
    let dataverse = with_accounts(Dataverse::builder(), 1).await;
    let url = dataverse.api() + "accounts";
    let wait = Duration::from_secs(60);
    dataverse.throttle(wait);
    let refused = get(&url).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("60")));
    tokio::time::advance(wait / 2).await;
    assert_eq!(get(&url).await.status, 429);
    tokio::time::advance(wait * 3 / 4).await;
    assert_eq!(get(&url).await.status, 429, "the time began again");
    tokio::time::advance(wait).await;
    assert_eq!(get(&url).await.status, 200);
    assert_eq!(dataverse.early(), 2);
}

#[tokio::test]
async fn a_token_is_given_for_the_scope_of_the_environment_and_ends() {
    let dataverse = with_accounts(Dataverse::builder().client("lake", "secret"), 1).await;
    let url = dataverse.api() + "accounts";
    assert_eq!(get(&url).await.status, 401);
    let form = |scope: &str| {
        format!(
            "grant_type=client_credentials&client_id=lake&client_secret=secret&scope={}",
            scope.replace(':', "%3A")
        )
    };
    let refused = send("POST", &dataverse.token_url(), &[], &form("other")).await.unwrap();
    assert_eq!(refused.json()["error"], "invalid_scope");
    let given = send("POST", &dataverse.token_url(), &[], &form(&dataverse.scope())).await.unwrap().json();
    let bearer = format!("Bearer {}", given["access_token"].as_str().unwrap());
    assert_eq!(get_with(&url, &[("authorization", &bearer)]).await.status, 200);
    dataverse.expire_access();
    assert_eq!(get_with(&url, &[("authorization", &bearer)]).await.status, 401);
    assert_eq!(dataverse.tokens_given(), 1);
}

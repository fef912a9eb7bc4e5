//! Secrets of customer systems: of clients, keys that sign, and the tokens they are given.

use std::time::{Duration, SystemTime};

use datalake_connectors::crm::dynamics::DynamicsSource;
use datalake_connectors::crm::hubspot::HubSpotSource;
use datalake_connectors::crm::salesforce::{Bulk, SalesforceAuth, SalesforceSource};
use datalake_connectors::web::OAuth2;
use datalake_core::Dataset;
use datalake_simulators::dataverse::{ACCOUNTS, Dataverse, account};
use datalake_simulators::hubspot::{HubSpot, Kind, Object};
use datalake_simulators::salesforce::{
    CLIENT_ID, Field, Object as SalesforceObject, PRIVATE_KEY, Salesforce, USER,
};
use serde_json::json;

use super::front::{Front, Mood, Words};
use super::silo::Silo;
use super::watch::Canary;

fn dataset() -> Dataset {
    Dataset::new("d").unwrap()
}

const SALESFORCE: Words = Words {
    refuses: |_, told| json!([{ "errorCode": told, "message": told, "fields": [told] }]).to_string(),
    leads: |told| {
        let next = format!("/services/data/v62.0/query/01g?t={told}");
        json!({ "totalSize": 1, "done": false, "nextRecordsUrl": next, "records": [] }).to_string()
    },
};

/// An organisation with a secret, and accounts in it.
fn org(secret: &Canary) -> Salesforce {
    let object = SalesforceObject::new("Account").field(Field::text("Name"));
    let org = Salesforce::builder().client(CLIENT_ID, &secret.value).object(object).page(2).start().unwrap();
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
    org.set_clock(i64::try_from(now).unwrap());
    for n in 0..5 {
        org.create("Account", json!({ "Name": format!("account {n}") }));
    }
    org.advance(Duration::from_secs(60));
    org
}

#[tokio::test]
async fn secrets_and_tokens_of_salesforce_are_nowhere() {
    let (secret, key) = (Canary::new("salesforce"), Canary::of_key(PRIVATE_KEY));
    let ways = [
        (SalesforceAuth::client_credentials(CLIENT_ID, secret.value.as_str()), vec![&secret], Bulk::Never),
        (SalesforceAuth::client_credentials(CLIENT_ID, secret.value.as_str()), vec![&secret], Bulk::Always),
        (SalesforceAuth::jwt_bearer(CLIENT_ID, USER, PRIVATE_KEY), key.iter().collect(), Bulk::Never),
    ];
    for (auth, canaries, bulk) in ways {
        let org = org(&secret);
        let front = Front::of(&org.url(), SALESFORCE).await;
        let builder = SalesforceSource::builder(dataset(), front.url(), "Account")
            .auth(auth)
            .bulk(bulk)
            .watch_every(Duration::from_micros(200))
            .poll_every(Duration::from_millis(1))
            .timeout(Duration::from_secs(10));
        let parts = ["/oauth2/token", "/describe", "/query"];
        Silo {
            name: "salesforce",
            front: &front,
            parts: &parts,
            moods: &Mood::ALL,
            panics: "account 3",
            canaries,
        }
        .visit(&builder, |builder| builder.build())
        .await;
        assert!(!front.secrets().is_empty(), "tokens were given");
    }
}

#[tokio::test]
async fn a_token_of_hubspot_is_nowhere() {
    let words = Words {
        refuses: |_, told| {
            json!({ "status": "error", "message": told, "category": told, "policyName": "SECONDLY" })
                .to_string()
        },
        leads: |told| {
            let next = json!({ "after": told, "link": format!("https://elsewhere.example/?after={told}") });
            json!({ "results": [], "total": 1, "paging": { "next": next } }).to_string()
        },
    };
    let token = Canary::new("hubspot");
    let object = Object::new("companies").property("name", Kind::Text);
    let portal = HubSpot::builder().token(&token.value).object(object).start().unwrap();
    portal.create_many("companies", 120, |n| json!({ "name": format!("company {n}.") }));
    let front = Front::of(&portal.url(), words).await;
    let builder = HubSpotSource::builder(dataset(), "companies")
        .url(front.url())
        .token(token.value.as_str())
        .rate_limit(100_000, Duration::from_millis(1))
        .search_rate_limit(100_000, Duration::from_millis(1))
        .poll_every(Duration::from_millis(1))
        .timeout(Duration::from_secs(10));
    let parts = ["/crm/v3/properties", "/crm/v3/objects", "after="];
    Silo {
        name: "hubspot",
        front: &front,
        parts: &parts,
        moods: &Mood::ALL,
        panics: "company 7.",
        canaries: vec![&token],
    }
    .visit(&builder, |builder| builder.build())
    .await;
}

#[tokio::test]
async fn secrets_and_tokens_of_dynamics_are_nowhere() {
    let words = Words {
        refuses: |_, told| json!({ "error": { "code": told, "message": told } }).to_string(),
        leads: |told| {
            let next = format!("https://elsewhere.example/api/data/v9.2/accounts?$skiptoken={told}");
            json!({ "@odata.context": "c", "value": [], "@odata.nextLink": next }).to_string()
        },
    };
    let secret = Canary::new("dynamics");
    let dataverse = Dataverse::builder().client("worker", &secret.value).page(2).start().await.unwrap();
    (0..5).for_each(|n| dataverse.system().create(ACCOUNTS, account(n)));
    let front = Front::of(&dataverse.url(), words).await;
    let token_url = dataverse.token_url().replace(&dataverse.url(), &front.url());
    let oauth = OAuth2::client_credentials(token_url, "worker", secret.value.as_str());
    let builder = DynamicsSource::builder(dataset(), front.url(), ACCOUNTS)
        .auth(oauth.scope(format!("{}/.default", front.url())).credentials_in_body())
        .poll_every(Duration::from_millis(1))
        .timeout(Duration::from_secs(10));
    let parts = ["/oauth2/v2.0/token", "/api/data"];
    Silo {
        name: "dynamics",
        front: &front,
        parts: &parts,
        moods: &Mood::ALL,
        panics: "keri 3",
        canaries: vec![&secret],
    }
    .visit(&builder, |builder| builder.build())
    .await;
    assert!(!front.secrets().is_empty(), "tokens were given");
}

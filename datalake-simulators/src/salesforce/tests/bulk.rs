use serde_json::{Value, json};

use super::{account, named, org, refused};
use crate::rest::tests::{Reply, call, get};
use crate::salesforce::{JobState, Object, Salesforce};

const JOBS: &str = "/services/data/v62.0/jobs/query";

/// A client of Bulk with a session of its own.
struct Client<'a> {
    org: &'a Salesforce,
    token: String,
}

impl<'a> Client<'a> {
    fn new(org: &'a Salesforce) -> Self {
        Self { org, token: org.session() }
    }

    fn send(&self, method: &str, target: &str, body: &Value) -> Reply {
        let bearer = format!("Bearer {}", self.token);
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        call(&self.org.url(), method, target, &headers, body.to_string()).unwrap()
    }

    fn create(&self, soql: &str) -> Reply {
        self.send("POST", JOBS, &json!({ "operation": "query", "query": soql }))
    }

    fn get(&self, rest: &str) -> Reply {
        get(&self.org.url(), &self.token, &format!("{JOBS}{rest}"))
    }

    /// Makes a job and waits until it has ended.
    fn run(&self, body: &Value) -> (String, String) {
        let job = self.send("POST", JOBS, body).json();
        assert_eq!(job["state"], "UploadComplete");
        let id = job["id"].as_str().unwrap().to_owned();
        loop {
            let state = self.get(&format!("/{id}")).json()["state"].as_str().unwrap().to_owned();
            if state != "InProgress" {
                return (id, state);
            }
        }
    }
}

fn filled(builder: crate::salesforce::Builder, records: usize) -> Salesforce {
    let org = builder.object(account()).start().unwrap();
    org.set_clock(super::START * 1000);
    (0..records).for_each(|n| drop(org.create("Account", named(&n.to_string()))));
    org
}

#[test]
fn a_job_goes_on_as_it_is_asked_for_and_its_pages_all_have_a_header() {
    let org = filled(Salesforce::builder(), 5);
    let client = Client::new(&org);
    let job = client.create("SELECT Name, IsDeleted, SystemModstamp FROM Account").json();
    assert_eq!((&job["apiVersion"], &job["columnDelimiter"]), (&json!(62.0), &json!("COMMA")));
    let id = job["id"].as_str().unwrap();
    let states: Vec<_> = (0..3).map(|_| client.get(&format!("/{id}")).json()["state"].clone()).collect();
    assert_eq!(states, ["InProgress", "InProgress", "JobComplete"]);
    let mut target = format!("/{id}/results?maxRecords=2");
    let mut pages = Vec::new();
    loop {
        let page = client.get(&target);
        let locator = page.header("sforce-locator").unwrap().to_owned();
        pages.push((page.header("sforce-numberofrecords").unwrap().to_owned(), page.text().to_owned()));
        if locator == "null" {
            break;
        }
        target = format!("/{id}/results?maxRecords=2&locator={locator}");
    }
    let header = "\"Name\",\"IsDeleted\",\"SystemModstamp\"\n";
    let line = |n| format!("\"{n}\",\"false\",\"2026-01-01T00:00:00.000Z\"\n");
    let expected = [("2", vec![0, 1]), ("2", vec![2, 3]), ("1", vec![4])].map(|(count, lines)| {
        (count.to_owned(), lines.into_iter().map(line).fold(header.to_owned(), |text, line| text + &line))
    });
    assert_eq!(pages, expected);
    // A page can be read again, as long as the job is there.
    assert_eq!(client.get(&target).text(), expected[2].1);
    assert_eq!(client.send("DELETE", &format!("{JOBS}/{id}"), &json!({})).status, 204);
    assert_eq!(refused(&client.get(&target)), (404, "NOT_FOUND".to_owned()));
    assert!(org.jobs().is_empty());
}

#[test]
fn values_of_any_kind_survive_as_csv() {
    let org = filled(Salesforce::builder().without_number_of_records(), 0);
    org.create("Account", json!({ "Name": "a \"b\",\n\u{0}c", "Revenue": 1.5, "Active__c": true }));
    org.create("Account", json!({ "Name": "", "Founded__c": "1999-12-31" }));
    let client = Client::new(&org);
    let soql = "SELECT Revenue, Name, Active__c, Founded__c FROM Account";
    let request =
        json!({ "operation": "query", "query": soql, "columnDelimiter": "TAB", "lineEnding": "CRLF" });
    let (id, _) = client.run(&request);
    let page = client.get(&format!("/{id}/results"));
    assert_eq!(
        page.text(),
        "\"Revenue\"\t\"Name\"\t\"Active__c\"\t\"Founded__c\"\r\n\
         \"1.5\"\t\"a \"\"b\"\",\n\u{0}c\"\t\"true\"\t\"\"\r\n\"\"\t\"\"\t\"\"\t\"1999-12-31\"\r\n"
    );
    assert_eq!(page.header("sforce-numberofrecords"), None);
    let old = JOBS.replace("v62", "v49");
    let job = client.send("POST", &old, &json!({ "operation": "query", "query": soql })).json();
    let job = job["id"].as_str().unwrap();
    (0..3).for_each(|_| drop(client.get(&format!("/{job}"))));
    let page = get(&org.url(), &client.token, &format!("{old}/{job}/results"));
    assert!(
        page.text().starts_with("\"Active__c\",\"Founded__c\",\"Name\",\"Revenue\"\n"),
        "{}",
        page.text()
    );
    assert_eq!(client.get(&format!("/{job}/results")).status, 409);
}

#[test]
fn a_job_sees_what_is_there_when_it_is_complete() {
    let org = filled(Salesforce::builder().bulk_polls(1), 1);
    let client = Client::new(&org);
    let job = client
        .send("POST", JOBS, &json!({ "operation": "queryAll", "query": "SELECT Name FROM Account" }))
        .json();
    let id = job["id"].as_str().unwrap();
    assert_eq!(client.get(&format!("/{id}")).json()["state"], "InProgress");
    let late = org.create("Account", named("late"));
    org.delete("Account", &late);
    assert_eq!(client.get(&format!("/{id}")).json()["numberRecordsProcessed"], 2);
    org.create("Account", named("too late"));
    assert_eq!(client.get(&format!("/{id}/results")).text(), "\"Name\"\n\"0\"\n\"late\"\n");
}

#[test]
fn a_job_is_aborted_deleted_only_when_it_has_ended_and_fails_when_told_to() {
    let org = filled(Salesforce::builder(), 1);
    let client = Client::new(&org);
    let soql = "SELECT Id FROM Account";
    let id = client.create(soql).json()["id"].as_str().unwrap().to_owned();
    let target = format!("{JOBS}/{id}");
    let wrong = (400, "INVALIDJOBSTATE".to_owned());
    assert_eq!(refused(&client.get(&format!("/{id}/results"))), wrong);
    assert_eq!(refused(&client.send("DELETE", &target, &json!({}))), wrong);
    assert_eq!(client.send("PATCH", &target, &json!({ "state": "Aborted" })).json()["state"], "Aborted");
    assert_eq!(refused(&client.send("PATCH", &target, &json!({ "state": "Aborted" }))), wrong);
    assert_eq!(org.jobs()[0].state, JobState::Aborted);
    org.fail_job("InternalServerError : try again");
    let (id, state) = client.run(&json!({ "operation": "query", "query": soql }));
    assert_eq!(state, "Failed");
    assert_eq!(client.get(&format!("/{id}")).json()["errorMessage"], "InternalServerError : try again");
    assert_eq!(client.get("").json()["records"].as_array().unwrap().len(), 2);
    org.forget_jobs();
    assert_eq!(client.get(&format!("/{id}")).status, 404);
}

#[test]
fn only_what_is_sorted_takes_a_job_too_long() {
    let org = filled(Salesforce::builder().query_rows(2), 3);
    let client = Client::new(&org);
    let run = |soql: &str| client.run(&json!({ "operation": "query", "query": soql })).1;
    assert_eq!(run("SELECT Id FROM Account"), "JobComplete");
    assert_eq!(run("SELECT Id FROM Account ORDER BY Id"), "Failed");
}

#[test]
fn what_bulk_does_not_read_is_refused() {
    let org =
        Salesforce::builder().object(account()).object(Object::new("Topic").without_bulk()).start().unwrap();
    let client = Client::new(&org);
    for (soql, code) in [
        ("SELECT Id FROM Topic", "INVALIDENTITY"),
        ("SELECT BillingAddress FROM Account", "API_ERROR"),
        ("SELECT COUNT() FROM Account", "API_ERROR"),
        ("SELECT Id FROM Account OFFSET 1", "API_ERROR"),
        ("SELECT Nothing FROM Account", "INVALID_FIELD"),
    ] {
        assert_eq!(refused(&client.create(soql)), (400, code.to_owned()), "{soql}");
    }
    let request = json!({ "operation": "insert", "query": "SELECT Id FROM Account" });
    assert_eq!(client.send("POST", JOBS, &request).status, 400);
    assert!(org.jobs().is_empty());
}

#[test]
fn a_result_without_records_is_a_header() {
    let org = org();
    let client = Client::new(&org);
    let (id, _) = client.run(&json!({ "operation": "query", "query": "SELECT Id FROM Account" }));
    let page = client.get(&format!("/{id}/results"));
    assert_eq!((page.text(), page.header("sforce-locator")), ("\"Id\"\n", Some("null")));
}

use std::time::Duration;

use serde_json::json;

use super::{START, account, ask, named, names, org, query, refused};
use crate::rest::tests::get;
use crate::salesforce::Salesforce;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_record_comes_as_the_service_writes_it() {
    let org = org();
    let address = json!({ "city": "Basel" });
    let id = org.create(
        "Account",
        json!({ "Name": "Ä \"b\"\n\u{0}", "Revenue": 1.5, "Founded__c": "1999-12-31", "Description": "", "BillingAddress": address }),
    );
    let reply = ask(
        &org,
        &org.session(),
        "query",
        "SELECT Revenue, Id, Name, SystemModstamp, Founded__c, Description, IsDeleted, BillingAddress FROM Account",
    );
    let expected = format!(
        "{{\"totalSize\":1,\"done\":true,\"records\":[{{\"attributes\":{{\"type\":\"Account\",\
         \"url\":\"/services/data/v62.0/sobjects/Account/{id}\"}},\"Revenue\":1.5,\"Id\":\"{id}\",\
         \"Name\":\"Ä \\\"b\\\"\\n\\u0000\",\"SystemModstamp\":\"2026-01-01T00:00:00.000+0000\",\
         \"Founded__c\":\"1999-12-31\",\"Description\":null,\"IsDeleted\":false,\
         \"BillingAddress\":{{\"city\":\"Basel\"}}}}]}}"
    );
    assert_eq!(reply.text(), expected);
    assert_eq!(reply.header("sforce-limit-info"), Some("api-usage=1/15000"));
    assert_eq!(reply.header("date"), Some("Thu, 01 Jan 2026 00:00:00 GMT"));
    assert_eq!(query(&org, "select count() from account")["totalSize"], 1);
}

#[test]
fn conditions_mean_what_they_say() {
    let org = org();
    for (n, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
        let founded = format!("200{n}-01-01");
        org.create(
            "Account",
            json!({ "Name": name, "Revenue": n, "Active__c": n % 2 == 0, "Founded__c": founded }),
        );
        org.advance(SECOND);
    }
    org.create("Account", json!({ "Name": "e" }));
    let id = org.records("Account")[1]["Id"].as_str().unwrap().to_owned();
    for (rest, expected) in [
        ("", "abcde"),
        ("WHERE Name = 'A'", "a"),
        ("WHERE Name != 'a'", "bcde"),
        ("WHERE Revenue >= 1 AND Revenue < 3", "bc"),
        ("WHERE Revenue <> 1", "acde"),
        ("WHERE Revenue = null OR Revenue = -0.0", "ae"),
        ("WHERE NOT (Revenue > 1 OR Name = 'a')", "be"),
        ("WHERE Name IN ('a', 'c') AND (Active__c = true OR Name LIKE 'z%')", "ac"),
        ("WHERE Name NOT IN ('a','b')", "cde"),
        ("WHERE Founded__c > 2001-06-01", "cd"),
        (
            "WHERE SystemModstamp >= 2026-01-01T00:00:01.000Z AND SystemModstamp < 2026-01-01T01:00:03+01:00",
            "bc",
        ),
        ("ORDER BY Revenue DESC NULLS LAST, Id LIMIT 2", "dc"),
        ("ORDER BY Revenue, Name LIMIT 2 OFFSET 1", "ab"),
    ] {
        assert_eq!(names(&org, rest), expected, "{rest}");
    }
    assert_eq!(names(&org, &format!("WHERE Id = '{id}'")), "b");
    assert_eq!(names(&org, &format!("WHERE Id = '{}'", &id[..15])), "b");
    assert_eq!(
        names(
            &org,
            &format!(
                "WHERE SystemModstamp > 2026-01-01T00:00:01Z OR (SystemModstamp = 2026-01-01T00:00:01Z AND Id > '{id}')"
            )
        ),
        "cde"
    );
}

#[test]
fn text_in_a_query_can_hold_anything() {
    let org = org();
    for name in ["it's", "back\\slash", "new\nline", "50%", "wörld"] {
        org.create("Account", named(name));
    }
    for (literal, expected) in [
        (r"= 'it\'s'", "it's"),
        (r"= 'back\\slash'", "back\\slash"),
        (r"= 'new\nline'", "new\nline"),
        ("LIKE '_0%'", "50%"),
        ("LIKE '%ÖR%'", "wörld"),
    ] {
        assert_eq!(names(&org, &format!("WHERE Name {literal}")), expected);
    }
}

#[test]
fn what_the_service_does_not_take_is_refused_with_its_code() {
    let org = org();
    let token = org.session();
    for (soql, status, code) in [
        ("SELECT Id FROM Accounts", 400, "INVALID_TYPE"),
        ("SELECT Id, Nme FROM Account", 400, "INVALID_FIELD"),
        ("SELECT Owner.Name FROM Account", 400, "INVALID_FIELD"),
        ("SELECT Id FROM Account WHERE Description = 'x'", 400, "INVALID_FIELD"),
        ("SELECT Id FROM Account WHERE SystemModstamp > '2026-01-01T00:00:00Z'", 400, "INVALID_FIELD"),
        ("SELECT Id FROM Account WHERE Revenue = 'x'", 400, "INVALID_FIELD"),
        ("SELECT Id FROM Account WHERE Id > 'x'", 400, "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Id FROM Account WHERE Name = 'a' AND Name = 'b' OR Name = 'c'", 400, "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE Name = 'a", 400, "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE SystemModstamp > 2026-01-01T00:00:00 00:00", 400, "MALFORMED_QUERY"),
        ("SELECT Id, Id FROM Account", 400, "MALFORMED_QUERY"),
        ("SELECT Id FROM Account ORDER BY Description", 400, "MALFORMED_QUERY"),
        ("SELECT Id FROM Account LIMIT x", 400, "MALFORMED_QUERY"),
        ("SELECT Id FROM Account OFFSET 2001", 400, "NUMBER_OUTSIDE_VALID_RANGE"),
        ("SELECT * FROM Account", 400, "MALFORMED_QUERY"),
        ("", 400, "MALFORMED_QUERY"),
    ] {
        assert_eq!(refused(&ask(&org, &token, "query", soql)), (status, code.to_owned()), "{soql}");
    }
    assert_eq!(refused(&get(&org.url(), &token, "/services/data/v62.0/nothing")).0, 404);
    assert_eq!(refused(&get(&org.url(), &token, "/services/data/v9.0/query?q=")).0, 404);
}

#[test]
fn an_address_of_more_than_16384_bytes_is_refused() {
    let org = org();
    let padding = "a".repeat(16_000);
    assert_eq!(
        ask(&org, &org.session(), "query", &format!("SELECT Id FROM Account WHERE Name = '{padding}'"))
            .status,
        200
    );
    let padding = "a".repeat(16_384);
    assert_eq!(
        ask(&org, &org.session(), "query", &format!("SELECT Id FROM Account WHERE Name = '{padding}'"))
            .status,
        414
    );
}

#[test]
fn fifteen_hundred_records_of_one_second_come_in_pages() {
    let org = org();
    (0..1500).for_each(|n| drop(org.create("Account", named(&n.to_string()))));
    let token = org.session();
    let soql = "SELECT%20Id%20FROM%20Account%20ORDER%20BY%20SystemModstamp,Id";
    let target = format!("/services/data/v62.0/query?q={soql}");
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("sforce-query-options", "batchSize=400")];
    let mut page = crate::rest::tests::call(&org.url(), "GET", &target, &headers, "").unwrap().json();
    let mut sizes = Vec::new();
    let mut ids = Vec::new();
    loop {
        let records = page["records"].as_array().unwrap();
        sizes.push(records.len());
        ids.extend(records.iter().map(|record| record["Id"].as_str().unwrap().to_owned()));
        assert_eq!(page["totalSize"], 1500);
        match page["nextRecordsUrl"].as_str() {
            Some(next) => page = get(&org.url(), &token, next).json(),
            None => break,
        }
    }
    assert_eq!((sizes, page["done"].as_bool()), (vec![400, 400, 400, 300], Some(true)));
    let all: Vec<_> =
        org.records("Account").iter().map(|record| record["Id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, all);
}

#[test]
fn deleted_records_are_in_query_all_alone_and_erased_ones_nowhere() {
    let org = org();
    let ids: Vec<_> = ["a", "b", "c"].map(|name| org.create("Account", named(name))).into();
    org.advance(SECOND);
    org.delete("Account", &ids[0]);
    org.erase("Account", &ids[1]);
    assert_eq!(names(&org, ""), "c");
    let all =
        ask(&org, &org.session(), "queryAll", "SELECT Name, IsDeleted, SystemModstamp FROM Account").json();
    assert_eq!(all["totalSize"], 2);
    assert_eq!(all["records"][0]["IsDeleted"], true);
    assert_eq!(all["records"][0]["SystemModstamp"], "2026-01-01T00:00:01.000+0000");
    org.restore("Account", &ids[0]);
    assert_eq!(names(&org, ""), "ac");
}

#[test]
fn pages_show_what_was_or_what_is_as_the_setting_says() {
    for live in [false, true] {
        let builder = Salesforce::builder().object(account()).page(2);
        let org = if live { builder.live_pages() } else { builder }.start().unwrap();
        org.set_clock(START * 1000);
        let ids: Vec<_> = ["a", "b", "c", "d"].map(|name| org.create("Account", named(name))).into();
        let token = org.session();
        let first = ask(&org, &token, "query", "SELECT Name FROM Account ORDER BY Id").json();
        org.update("Account", &ids[2], named("x"));
        org.erase("Account", &ids[3]);
        let second = get(&org.url(), &token, first["nextRecordsUrl"].as_str().unwrap()).json();
        let names: String = second["records"]
            .as_array()
            .unwrap()
            .iter()
            .map(|record| record["Name"].as_str().unwrap())
            .collect();
        assert_eq!(names, if live { "x" } else { "cd" });
    }
}

#[test]
fn what_a_query_leaves_open_comes_in_any_order_if_told_to() {
    let org = Salesforce::builder().object(account()).unordered().start().unwrap();
    org.set_clock(START * 1000);
    let made: String = (b'a'..=b'z').map(char::from).collect();
    made.chars().for_each(|name| drop(org.create("Account", named(&name.to_string()))));
    let (first, second) = (names(&org, ""), names(&org, ""));
    assert!(first != made && first != second, "{first} {second}");
    assert_ne!(names(&org, "ORDER BY SystemModstamp"), made);
    assert_eq!(names(&org, "ORDER BY SystemModstamp, Id"), made);
}

#[test]
fn a_locator_dies_of_age_of_use_and_of_company() {
    let org = Salesforce::builder().object(account()).page(1).cursors(2).cursor_pages(2).start().unwrap();
    (0..6).for_each(|n| drop(org.create("Account", named(&n.to_string()))));
    let token = org.session();
    let open = || {
        let page = ask(&org, &token, "query", "SELECT Id FROM Account").json();
        page["nextRecordsUrl"].as_str().unwrap().to_owned()
    };
    let dead = (400, "INVALID_QUERY_LOCATOR".to_owned());
    let (first, second, third) = (open(), open(), open());
    assert_eq!(refused(&get(&org.url(), &token, &first)), dead);
    assert_eq!([0; 2].map(|_| get(&org.url(), &token, &second).status), [200, 200]);
    assert_eq!(refused(&get(&org.url(), &token, &second)), dead);
    org.expire_cursors();
    assert_eq!(refused(&get(&org.url(), &token, &third)), dead);
}

#[test]
fn a_late_commit_is_stamped_before_and_seen_after() {
    let org = org();
    let mut late = org.transaction();
    late.create("Account", named("late"));
    org.advance(SECOND * 10);
    org.create("Account", named("early"));
    assert_eq!(names(&org, ""), "early");
    late.commit();
    assert_eq!(names(&org, "ORDER BY SystemModstamp"), "lateearly");
    let mut never = org.transaction();
    never.create("Account", named("never"));
    drop(never);
    assert_eq!(names(&org, "ORDER BY SystemModstamp"), "lateearly");
}

#[test]
fn a_formula_changes_without_a_stamp() {
    let org = org();
    let id = org.create("Account", named("a"));
    org.advance(SECOND);
    org.recalculate("Account", &id, named("b"));
    assert_eq!(names(&org, "WHERE SystemModstamp = 2026-01-01T00:00:00Z"), "b");
}

#[test]
fn a_query_of_too_many_records_runs_out_of_time() {
    let org = Salesforce::builder().object(account()).query_rows(3).start().unwrap();
    (0..4).for_each(|n| drop(org.create("Account", json!({ "Name": "a", "Revenue": n }))));
    let token = org.session();
    let reply = ask(&org, &token, "query", "SELECT Id FROM Account");
    assert_eq!(refused(&reply), (400, "QUERY_TIMEOUT".to_owned()));
    assert_eq!(ask(&org, &token, "query", "SELECT Id FROM Account WHERE Revenue > 0").status, 200);
}

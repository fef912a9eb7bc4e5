use std::time::Duration;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{Failure, Silo, at, dataset, error, mac, read};
use crate::web::poll::{PollSourceBuilder, Window};
use crate::web::presets::meta::{access, ad_insights, edge, insights};
use datalake_core::{ErrorKind, Next, Source as _, source_suite};
use datalake_simulators::social::{Social, TOKEN};

const MEDIA: &str = "/v23.0/178/media";
const ADS: &str = "/v23.0/act_17/insights";
const PAGE: &str = "/v23.0/42/insights";
const APP_SECRET: &str = "s3cr3t-of-the-app";
const DAYS: u64 = 12;

const FAILURES: &[Failure] = &[
    (500, "1", ErrorKind::Unavailable),
    (400, "2", ErrorKind::Unavailable),
    (400, "4", ErrorKind::RateLimited),
    (400, "17", ErrorKind::RateLimited),
    (403, "32", ErrorKind::RateLimited),
    (400, "613", ErrorKind::RateLimited),
    (400, "80004", ErrorKind::RateLimited),
    (400, "190", ErrorKind::Unauthenticated),
    (403, "200", ErrorKind::PermissionDenied),
    (400, "100", ErrorKind::ConfigInvalid),
];

/// A service that wants to see the secret of the app, and puts empty pages between the others.
fn social() -> Social {
    let proof: String = mac(APP_SECRET, TOKEN).iter().map(|byte| format!("{byte:02x}")).collect();
    Social::builder().proof(proof).gaps().links_to("https://graph.facebook.example").start().unwrap()
}

fn on(social: &Social, preset: PollSourceBuilder) -> PollSourceBuilder {
    at(social, preset).auth(access(TOKEN, APP_SECRET)).page_size(3)
}

fn medium(n: u64) -> Value {
    json!({ "id": n.to_string(), "caption": format!("caption {n}") })
}

/// The first of twelve days of which today is the last.
fn start() -> DateTime<Utc> {
    (Utc::now() - TimeDelta::days(11)).date_naive().and_time(NaiveTime::MIN).and_utc()
}

/// The figures of a day.
fn figures(n: u64) -> Value {
    let day = (start() + TimeDelta::days(i64::try_from(n).unwrap())).format("%Y-%m-%d").to_string();
    json!({ "date_start": day, "date_stop": day, "ad_id": "7", "spend": "1.50" })
}

fn ads() -> PollSourceBuilder {
    let window = Window::days_in("time_range", r#"{"since":"{since}","until":"{until}"}"#, start());
    let preset = ad_insights(dataset(), "v23.0", "act_17", "ad", "ad_id,spend", start());
    preset.window(window.span(Duration::from_secs(5 * 24 * 60 * 60)))
}

fn silo(path: &'static str, preset: PollSourceBuilder, make: fn(u64) -> Value) -> Silo {
    let social = social();
    let source = on(&social, preset);
    Silo {
        failures: FAILURES,
        secrets: vec![TOKEN, APP_SECRET],
        ..Silo::on(social, path, source, make, DAYS)
    }
}

source_suite!(of_media, silo(MEDIA, edge(dataset(), "v23.0", "178/media", "id,caption"), medium));
source_suite!(of_figures, silo(ADS, ads(), figures));
source_suite!(of_figures_of_a_shaky_service, silo(ADS, ads(), figures).shaky());

#[tokio::test]
async fn neither_token_nor_proof_is_in_what_is_asked_for_by_a_link() {
    let social = social();
    (0..7).for_each(|n| social.push(MEDIA, medium(n)));
    assert_eq!(read(&on(&social, edge(dataset(), "v23.0", "178/media", "id")), None).await.0.len(), 7);
    for seen in social.faults().seen() {
        assert!(!seen.target.contains("access_token") && !seen.target.contains(TOKEN), "{}", seen.target);
        assert_eq!(seen.target.matches("appsecret_proof=").count(), 1, "{}", seen.target);
        assert_eq!(seen.header("authorization"), Some(&*format!("Bearer {TOKEN}")));
    }
}

#[tokio::test]
async fn no_cursor_is_in_a_position_and_a_walk_goes_on_without_them() {
    let social = social();
    (0..12).for_each(|n| social.push(MEDIA, medium(n)));
    let source = on(&social, edge(dataset(), "v23.0", "178/media", "id"));
    let mut first = source.clone().build().unwrap();
    let mut found = 0;
    let mut position = None;
    while found < 2 {
        let Next::Batch(batch) = first.next_batch().await.unwrap() else { panic!("a page") };
        assert!(!batch.position.to_string().contains("QVFI"), "{}", batch.position);
        found += batch.documents.len();
        position = Some(batch.position);
    }
    let (rest, _) = read(&source, position.as_ref()).await;
    assert_eq!(rest, social.list(MEDIA)[6..]);
}

#[tokio::test]
async fn figures_that_are_restated_are_given_again_and_those_before_are_not_asked_for() {
    let social = social();
    (0..DAYS).for_each(|n| social.push(ADS, figures(n)));
    let again = |days: u64| {
        let day = Duration::from_secs(24 * 60 * 60);
        let window = Window::days_in("time_range", r#"{"since":"{since}","until":"{until}"}"#, start());
        on(&social, ads().window(window.span(5 * day).again(u32::try_from(days).unwrap() * day)))
    };
    let (found, position) = read(&again(4), None).await;
    assert_eq!(found, social.list(ADS));
    social.faults().forget();
    social.change(ADS, |days| {
        days[1]["spend"] = json!("9.99");
        days[9]["spend"] = json!("2.75");
    });
    let (found, _) = read(&again(4), position.as_ref()).await;
    let all = social.list(ADS);
    assert!(found.contains(&all[9]), "{found:?}");
    assert!(!found.contains(&all[1]), "it was restated too late: {found:?}");
    let first = &social.faults().seen()[0].target;
    assert!(first.contains(figures(7)["date_start"].as_str().unwrap()), "{first}");
}

#[tokio::test]
async fn a_first_load_that_is_ended_goes_on_with_the_window_it_was_in() {
    let social = social();
    (0..DAYS).for_each(|n| social.push(ADS, figures(n)));
    let source = on(&social, ads());
    let mut first = source.clone().build().unwrap();
    let mut position = None;
    for _ in 0..4 {
        let Next::Batch(batch) = first.next_batch().await.unwrap() else { panic!("a page") };
        position = Some(batch.position);
    }
    social.faults().forget();
    let (rest, position) = read(&source, position.as_ref()).await;
    assert_eq!(rest, social.list(ADS)[10..]);
    let first = social.faults().seen()[0].target.clone();
    assert!(!first.contains(figures(0)["date_start"].as_str().unwrap()), "{first}");
    assert_eq!(read(&source, position.as_ref()).await.0.len(), 0, "the whole cycle is known");
}

#[tokio::test]
async fn the_links_of_page_insights_that_never_end_are_not_followed() {
    let social = social();
    (0..DAYS).for_each(|n| {
        let at = start() + TimeDelta::days(i64::try_from(n).unwrap());
        social.push(PAGE, json!({ "at": at.timestamp(), "value": n, "end_time": at.format("%Y-%m-%dT07:00:00+0000").to_string() }));
    });
    let source = on(&social, insights(dataset(), "v23.0", "42", "page_impressions", start()));
    let (found, position) = read(&source, None).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["values"].as_array().unwrap().len(), 12);
    assert_eq!(social.faults().count("graph"), 1);
    social.change(PAGE, |days| days[11]["value"] = json!(99));
    assert_eq!(read(&source, position.as_ref()).await.0[0]["values"][11]["value"], 99);
}

#[tokio::test]
async fn a_rate_that_is_used_up_is_waited_for_as_long_as_the_service_says() {
    let social = social();
    (0..7).for_each(|n| social.push(MEDIA, medium(n)));
    social.say_used(100);
    let error = error(&on(&social, edge(dataset(), "v23.0", "178/media", "id"))).await;
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    let wait = error.retry_after().unwrap().as_secs();
    assert!((410..=420).contains(&wait), "{wait}");
    assert_eq!(social.faults().count("graph"), 1);
}

#[tokio::test]
async fn a_token_without_the_proof_is_refused() {
    let social = social();
    social.push(MEDIA, medium(0));
    let source = at(&social, edge(dataset(), "v23.0", "178/media", "id"));
    assert_eq!(error(&source).await.kind(), ErrorKind::ConfigInvalid);
}

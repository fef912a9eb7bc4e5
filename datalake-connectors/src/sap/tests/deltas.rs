//! Deltas: when a token is used, where it is found, what becomes of it.

use datalake_core::{ErrorKind, Source};
use datalake_simulators::sap::{Fault, Gateway, Row, Rule, SALES_ORDERS, TokenAt, order, order_key};

use super::*;
use crate::sap::{Change, Renew};

const PLACES: [TokenAt; 3] = [TokenAt::Delta, TokenAt::Next, TokenAt::DeltaLinks];

fn changes_of(batches: &[SourceBatch]) -> Vec<(String, Change)> {
    bodies(batches).iter().map(|body| (text(body, "SalesOrder"), Change::of(body))).collect()
}

/// The targets of the requests for rows, without the path of the service.
fn asked(gateway: &Gateway) -> Vec<String> {
    let rows = |target: &String| !target.contains("$metadata") && !target.contains("SubscribedTo");
    let name = |target: String| target.rsplit('/').next().unwrap_or_default().to_owned();
    gateway.seen().into_iter().map(|seen| seen.target).filter(rows).map(name).collect()
}

fn note(n: u64) -> Row {
    Row::new().with("SalesOrder", order_key(n)).with("Note", "changed")
}

#[tokio::test]
async fn a_token_is_used_only_once_its_position_is_committed() {
    for service in [Service::V2, Service::V4, Service::Queue] {
        let gateway = gateway(Gateway::builder().page(10), 3).await;
        let source = service.source(&gateway, Mode::delta());
        let mut first = at(&source, None).await;
        let load = drain(&mut first).await.unwrap();
        assert_eq!(orders(&load).len(), 3);
        gateway.system().create(SALES_ORDERS, order(3));
        gateway.forget();
        for _ in 0..5 {
            assert!(matches!(first.next_batch().await.unwrap(), Next::Idle(_)));
        }
        assert_eq!(gateway.seen(), [], "nothing is asked with a token that is not committed");
        let delta = more(&mut first, &load).await;
        assert_eq!(orders(&delta), [order_key(3)]);
        // The worker is killed before the delta is committed: another gets it again.
        drop(first);
        let mut second = at(&source, load.last().map(|batch| &batch.position)).await;
        assert_eq!(bodies(&drain(&mut second).await.unwrap()), bodies(&delta));
    }
}

#[tokio::test]
async fn the_final_token_is_found_wherever_the_queue_puts_it() {
    for place in PLACES {
        let gateway = gateway(Gateway::builder().page(2).token_at(place), 5).await;
        let mut source = at(&Service::Queue.source(&gateway, Mode::delta()), None).await;
        let load = drain(&mut source).await.unwrap();
        assert_eq!((load.len(), orders(&load).len()), (3, 5), "{place:?}");
        for n in 5..8 {
            gateway.system().create(SALES_ORDERS, order(n));
        }
        gateway.system().delete(SALES_ORDERS, order_key(0));
        let delta = more(&mut source, &load).await;
        let mut expected: Vec<_> = (5..8).map(|n| (order_key(n), Change::Upsert)).collect();
        expected.push((order_key(0), Change::Delete));
        assert_eq!(changes_of(&delta), expected, "{place:?}");
        assert_eq!(delta.len(), 2, "a delta has pages too");
        assert_eq!(more(&mut source, &delta).await.len(), 0);
    }
}

#[tokio::test]
async fn a_list_of_tokens_is_read_to_its_end() {
    let gateway = gateway(Gateway::builder().page(1).token_at(TokenAt::DeltaLinks), 1).await;
    let mut source = at(&Service::Queue.source(&gateway, Mode::delta()), None).await;
    let load = drain(&mut source).await.unwrap();
    gateway.system().create(SALES_ORDERS, order(1));
    let delta = more(&mut source, &load).await;
    assert_eq!(orders(&delta), [order_key(1)]);
    assert!(more(&mut source, &delta).await.is_empty(), "the newest token is on the second page of the list");
}

#[tokio::test]
async fn a_token_in_the_place_of_a_next_page_is_not_followed_as_one() {
    let gateway = gateway(Gateway::builder().page(10).token_at(TokenAt::Next), 2).await;
    let mut source = at(&Service::Queue.source(&gateway, Mode::delta()), None).await;
    drain(&mut source).await.unwrap();
    assert!(asked(&gateway).iter().all(|target| !target.contains("deltatoken")), "{:?}", asked(&gateway));
}

#[tokio::test]
async fn every_page_of_a_load_comes_and_not_only_the_last() {
    for service in [Service::V2, Service::V4, Service::Queue] {
        let gateway = gateway(Gateway::builder().page(4), 11).await;
        let mut source = at(&service.source(&gateway, Mode::delta()), None).await;
        let load = drain(&mut source).await.unwrap();
        assert_eq!(orders(&load), (0..11).map(order_key).collect::<Vec<_>>());
        assert_eq!(load.len(), 3);
    }
}

#[tokio::test]
async fn a_server_that_ignores_the_wish_for_deltas_is_noticed() {
    for service in [Service::V2, Service::V4] {
        let gateway = gateway(Gateway::builder().page(2).delta(false), 3).await;
        let mut source = at(&service.source(&gateway, Mode::delta()), None).await;
        let found = error(&mut source).await;
        assert_eq!(found.kind(), ErrorKind::Unsupported, "{found}");
    }
}

#[tokio::test]
async fn filter_and_selection_go_with_the_first_request() {
    for service in [Service::V2, Service::V4, Service::Queue] {
        let gateway = gateway(Gateway::builder().page(2), 8).await;
        let source = service.source(&gateway, Mode::delta()).filter("Currency eq 'EUR'");
        let mut source = at(&source.select(["SalesOrder", "Currency"]), None).await;
        let load = drain(&mut source).await.unwrap();
        assert_eq!(orders(&load), [0, 2, 4, 6].map(order_key));
        let first = &asked(&gateway)[0];
        assert!(
            first.contains("$filter=Currency%20eq%20%27EUR%27&") || first.ends_with("%27EUR%27"),
            "{first}"
        );
        assert!(first.contains("$select=SalesOrder%2CCurrency"), "{first}");
        assert_eq!(text(&bodies(&load)[0], "Note"), "");
    }
}

#[tokio::test]
async fn a_changed_filter_on_a_subscription_is_refused_unless_it_may_begin_anew() {
    let gateway = gateway(Gateway::builder(), 4).await;
    let source = Service::Queue.source(&gateway, Mode::delta());
    let load = drain(&mut at(&source, None).await).await.unwrap();
    let position = &load.last().unwrap().position;
    let other = source.filter("Currency eq 'EUR'");
    let refused = other.clone().build().unwrap().seek(Some(position)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::PositionInvalid);
    assert!(refused.to_string().contains("when_changed"), "{refused}");
    let anew = other.when_changed(Renew::Reinitialise);
    let load = drain(&mut at(&anew, Some(position)).await).await.unwrap();
    assert_eq!(orders(&load), [0, 2].map(order_key));
}

#[tokio::test]
async fn a_second_subscriber_with_the_same_user_is_refused() {
    let gateway = gateway(Gateway::builder().page(2), 3).await;
    let source = Service::Queue.source(&gateway, Mode::delta());
    let mut first = at(&source, None).await;
    let load = drain(&mut first).await.unwrap();
    let refused = error(&mut at(&source, None).await).await;
    assert_eq!(refused.kind(), ErrorKind::Conflict, "{refused}");
    gateway.system().create(SALES_ORDERS, order(3));
    assert_eq!(orders(&more(&mut first, &load).await), [order_key(3)], "the first goes on");
    // Who says so takes it over; then the first is told, and loses nothing unseen.
    let mut second = at(&source.take_over(true), None).await;
    assert_eq!(drain(&mut second).await.unwrap().len(), 2);
    let position = load.last().map(|batch| &batch.position);
    first.seek(position).await.unwrap();
    let found = error(&mut first).await;
    assert_eq!(found.kind(), ErrorKind::PositionInvalid, "{found}");
    assert!(found.to_string().contains("another reader"), "{found}");
}

#[tokio::test]
async fn a_token_that_has_expired_stops_the_source_or_begins_anew() {
    for (service, status) in [(Service::V2, 410), (Service::V4, 404), (Service::Queue, 400)] {
        let gateway = gateway(Gateway::builder().expired_status(status), 3).await;
        let source = service.source(&gateway, Mode::delta());
        let load = drain(&mut at(&source, None).await).await.unwrap();
        let position = load.last().map(|batch| &batch.position);
        gateway.expire_deltas();
        gateway.system().create(SALES_ORDERS, order(3));
        let mut stopped = at(&source, position).await;
        let found = error(&mut stopped).await;
        assert_eq!((found.kind(), found.is_retryable()), (ErrorKind::PositionInvalid, false), "{found}");
        let mut anew = at(&source.when_expired(Renew::Reinitialise), position).await;
        let load = drain(&mut anew).await.unwrap();
        assert_eq!(orders(&load), (0..4).map(order_key).collect::<Vec<_>>());
        gateway.system().delete(SALES_ORDERS, order_key(3));
        let delta = more(&mut anew, &load).await;
        assert_eq!(
            bodies(&delta).iter().map(|body| Change::of(body)).filter(|c| *c == Change::Delete).count(),
            usize::from(service != Service::V2)
        );
    }
}

#[tokio::test]
async fn images_from_before_a_change_are_told_from_those_after_it() {
    let gateway = gateway(Gateway::builder().before_images(true), 2).await;
    let mut source = at(&Service::Queue.source(&gateway, Mode::delta()), None).await;
    let load = drain(&mut source).await.unwrap();
    gateway.system().update(SALES_ORDERS, note(1));
    gateway.system().delete(SALES_ORDERS, order_key(0));
    let delta = more(&mut source, &load).await;
    assert_eq!(
        changes_of(&delta),
        [(order_key(1), Change::Before), (order_key(1), Change::Upsert), (order_key(0), Change::Delete)]
    );
    assert_eq!(text(&bodies(&delta)[1], "Note"), "changed");
    assert_ne!(text(&bodies(&delta)[0], "Note"), "changed");
}

#[tokio::test]
async fn a_delta_that_was_lost_is_asked_for_again_by_the_token_before() {
    for service in [Service::V4, Service::Queue] {
        let gateway = gateway(Gateway::builder(), 2).await;
        let source = service.source(&gateway, Mode::delta());
        let mut first = at(&source, None).await;
        let load = drain(&mut first).await.unwrap();
        gateway.system().update(SALES_ORDERS, note(1));
        let delta = more(&mut first, &load).await;
        let position = &delta.last().unwrap().position;
        let mut again = at(&source.ask_again(true), Some(position)).await;
        let once = drain(&mut again).await.unwrap();
        assert_eq!(bodies(&once), bodies(&delta));
        gateway.system().update(SALES_ORDERS, note(0));
        let next = more(&mut again, &once).await;
        assert_eq!(orders(&next), [order_key(0)], "it is asked again once and not for ever");
    }
}

#[tokio::test]
async fn each_delta_is_asked_for_once_while_a_source_may_ask_again() {
    for service in [Service::V4, Service::Queue] {
        let gateway = gateway(Gateway::builder(), 1).await;
        let mut source = at(&service.source(&gateway, Mode::delta()).ask_again(true), None).await;
        let mut batches = drain(&mut source).await.unwrap();
        for n in 1..5 {
            gateway.system().create(SALES_ORDERS, order(n));
            for _ in 0..3 {
                let news = more(&mut source, &batches).await;
                batches.extend(news);
            }
        }
        assert_eq!(orders(&batches), (0..5).map(order_key).collect::<Vec<_>>(), "{service:?}");
    }
}

#[tokio::test]
async fn a_delta_that_cannot_be_asked_for_again_is_passed_over() {
    let gateway = gateway(Gateway::builder(), 1).await;
    let source = Service::Queue.source(&gateway, Mode::delta());
    let mut first = at(&source, None).await;
    let mut batches = drain(&mut first).await.unwrap();
    for n in 1..3 {
        gateway.system().create(SALES_ORDERS, order(n));
        batches = more(&mut first, &batches).await;
    }
    // An empty poll with the last token: the queue drops the delta before.
    more(&mut first, &batches).await;
    gateway.system().create(SALES_ORDERS, order(3));
    let position = &batches.last().unwrap().position;
    let mut again = at(&source.ask_again(true), Some(position)).await;
    assert_eq!(orders(&drain(&mut again).await.unwrap()), [order_key(3)]);
}

#[tokio::test]
async fn a_lost_answer_to_the_first_request_is_no_other_reader() {
    for fault in [Fault::Lost, Fault::Truncated] {
        let gateway = gateway(Gateway::builder(), 2).await;
        gateway.faults().add(Rule::new(fault).target(format!("/{FACTS}?")));
        let mut source = at(&Service::Queue.source(&gateway, Mode::delta()), None).await;
        let found = error(&mut source).await;
        assert!(found.is_retryable(), "{found}");
        assert_eq!(gateway.subscription(USER, FACTS).len(), 1, "the system has done what was asked");
        let load = drain(&mut source).await.unwrap();
        gateway.system().create(SALES_ORDERS, order(2));
        assert_eq!(orders(&more(&mut source, &load).await), [order_key(2)]);
    }
}

#[tokio::test]
async fn who_had_no_subscription_ends_none() {
    let gateway = gateway(Gateway::builder(), 2).await;
    let full = drain(&mut at(&Service::Queue.source(&gateway, Mode::full()), None).await).await.unwrap();
    let source = Service::Queue.source(&gateway, Mode::delta());
    let mut first = at(&source, None).await;
    let load = drain(&mut first).await.unwrap();
    let anew = source.when_changed(Renew::Reinitialise);
    let found = error(&mut at(&anew, full.last().map(|batch| &batch.position)).await).await;
    assert_eq!(found.kind(), ErrorKind::Conflict, "{found}");
    gateway.system().create(SALES_ORDERS, order(2));
    assert_eq!(orders(&more(&mut first, &load).await), [order_key(2)], "the first has lost nothing");
}

#[tokio::test]
async fn two_readers_that_begin_anew_do_not_end_each_other_for_ever() {
    let gateway = gateway(Gateway::builder(), 2).await;
    let source = Service::Queue.source(&gateway, Mode::delta()).when_expired(Renew::Reinitialise);
    let mut first = at(&source, None).await;
    let old = drain(&mut first).await.unwrap();
    let mut second = at(&source.take_over(true), None).await;
    let load = drain(&mut second).await.unwrap();
    first.commit(&old[0].position).await.unwrap();
    let found = error(&mut first).await;
    assert_eq!(found.kind(), ErrorKind::Conflict, "{found}");
    gateway.system().create(SALES_ORDERS, order(2));
    assert_eq!(orders(&more(&mut second, &load).await), [order_key(2)], "the second goes on");
}

#[tokio::test]
async fn a_token_that_is_unknown_at_once_is_not_loaded_for_without_end() {
    let gateway = gateway(Gateway::builder(), 2).await;
    let source = Service::V4.source(&gateway, Mode::delta()).when_expired(Renew::Reinitialise);
    let mut source = at(&source, None).await;
    let mut batches = drain(&mut source).await.unwrap();
    gateway.expire_deltas();
    batches = more(&mut source, &batches).await;
    assert_eq!(orders(&batches).len(), 2);
    gateway.expire_deltas();
    source.commit(&batches[0].position).await.unwrap();
    let found = error(&mut source).await;
    assert_eq!(found.kind(), ErrorKind::PositionInvalid, "{found}");
    assert!(found.to_string().contains("gave with that"), "{found}");
}

#[tokio::test]
async fn a_position_is_of_one_client_and_one_language() {
    let gateway = gateway(Gateway::builder(), 2).await;
    let source = Service::V4.source(&gateway, Mode::delta());
    let load = drain(&mut at(&source, None).await).await.unwrap();
    let position = load.last().map(|batch| &batch.position);
    for other in [source.clone().client("200"), source.clone().language("DE")] {
        let refused = other.build().unwrap().seek(position).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::PositionInvalid, "{refused}");
    }
}

#[tokio::test]
async fn a_subscription_can_be_ended() {
    let gateway = gateway(Gateway::builder(), 2).await;
    let mut source = at(&Service::Queue.source(&gateway, Mode::delta()), None).await;
    drain(&mut source).await.unwrap();
    assert_eq!(gateway.subscription(USER, FACTS).len(), 1);
    source.terminate().await.unwrap();
    assert_eq!(gateway.subscription(USER, FACTS).len(), 0);
    let other = at(&Service::V4.source(&gateway, Mode::delta()), None).await;
    assert_eq!(other.terminate().await.unwrap_err().kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn polls_that_find_nothing_write_nothing() {
    for service in [Service::V2, Service::V4, Service::Queue] {
        let gateway = gateway(Gateway::builder(), 2).await;
        let mut source = at(&service.source(&gateway, Mode::delta()), None).await;
        let load = drain(&mut source).await.unwrap();
        assert!(more(&mut source, &load).await.is_empty());
        for _ in 0..3 {
            assert!(drain(&mut source).await.unwrap().is_empty());
        }
        gateway.system().create(SALES_ORDERS, order(2));
        assert_eq!(orders(&drain(&mut source).await.unwrap()), [order_key(2)]);
    }
}

#[tokio::test]
async fn both_ways_in_which_version_4_tells_of_deletes_are_understood() {
    use datalake_simulators::sap::Removed;
    for (removed, bare) in
        [(Removed::Entry, false), (Removed::Annotation, false), (Removed::Annotation, true)]
    {
        let gateway = gateway(Gateway::builder().removed(removed).bare_names(bare).page(2), 5).await;
        let mut source = at(&Service::V4.source(&gateway, Mode::delta()), None).await;
        let load = drain(&mut source).await.unwrap();
        for n in 0..3 {
            gateway.system().delete(SALES_ORDERS, order_key(n));
        }
        let delta = more(&mut source, &load).await;
        assert_eq!(
            bodies(&delta).iter().map(|body| Change::of(body)).collect::<Vec<_>>(),
            [Change::Delete; 3]
        );
        assert_eq!(delta.len(), 2);
    }
}

#[tokio::test]
async fn the_page_of_a_delta_says_which_delta_it_is_of() {
    let gateway = gateway(Gateway::builder().page(1), 1).await;
    let mut source = at(&Service::Queue.source(&gateway, Mode::delta()), None).await;
    let load = drain(&mut source).await.unwrap();
    let token = gateway.subscription(USER, FACTS)[0].clone();
    gateway.system().create(SALES_ORDERS, order(1));
    gateway.system().create(SALES_ORDERS, order(2));
    let delta = more(&mut source, &load).await;
    let ids: Vec<_> = delta.iter().map(|batch| batch.documents[0].id().unwrap().to_string()).collect();
    assert_eq!(ids, [1, 2].map(|page| format!("delta 1, !deltatoken='{token}', page {page}")));
    assert_eq!(load[0].documents[0].id().map(|id| &**id), Some("load 1, page 1"));
}

//! What has cost others rows or secrets.

use std::sync::{Arc, Mutex};

use datalake_core::ErrorKind;
use datalake_simulators::sap::{
    Fault, Gateway, Links, Property, Row, Rule, SALES_ORDERS, Value, order, order_key,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::sap::Renew;

const ALL: [Service; 3] = [Service::V2, Service::V4, Service::Queue];

fn keyset() -> Mode {
    Mode::keyset("LastChangeDateTime").settle(Duration::ZERO)
}

#[tokio::test]
async fn a_link_to_localhost_is_asked_of_the_configured_host() {
    for service in ALL {
        let gateway = gateway(Gateway::builder().page(2).links(Links::Localhost), 5).await;
        let mut source = at(&service.source(&gateway, Mode::full()), None).await;
        assert_eq!(orders(&drain(&mut source).await.unwrap()).len(), 5);
    }
}

/// A server that answers nothing and keeps what it hears.
async fn stranger() -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ears = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut bytes = vec![0; 4096];
            let read = stream.read(&mut bytes).await.unwrap_or(0);
            ears.lock().unwrap().extend_from_slice(&bytes[..read]);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.ok();
        }
    });
    (origin, heard)
}

#[tokio::test]
async fn a_link_to_another_host_takes_no_credential_there() {
    let (origin, heard) = stranger().await;
    for (service, mode) in [
        (Service::V2, Mode::full()),
        (Service::V4, Mode::full()),
        (Service::V4, Mode::delta()),
        (Service::Queue, Mode::delta()),
    ] {
        let gateway = gateway(Gateway::builder().page(2).links(Links::To(origin.clone())), 5).await;
        let mut source = at(&service.source(&gateway, mode), None).await;
        let load = drain(&mut source).await.unwrap();
        assert_eq!(orders(&load).len(), 5);
        gateway.system().create(SALES_ORDERS, order(5));
        more(&mut source, &load).await;
        assert!(gateway.seen().iter().all(|seen| seen.header("authorization").is_some()));
    }
    assert_eq!(heard.lock().unwrap().len(), 0, "nobody else hears anything");
}

#[tokio::test]
async fn fifteen_hundred_rows_of_one_timestamp_come_over_pages_of_four_hundred() {
    for service in [Service::V2, Service::V4] {
        let gateway = gateway(Gateway::builder().page(400).shuffled_ties(7), 0).await;
        gateway.system().step(0);
        (0..1_500).for_each(|n| gateway.system().create(SALES_ORDERS, order(n)));
        let source = service.source(&gateway, keyset()).page_size(400);
        let mut source = at(&source, None).await;
        let batches = drain(&mut source).await.unwrap();
        assert_eq!(orders(&batches), (0..1_500).map(order_key).collect::<Vec<_>>());
        assert_eq!(batches.len(), 4);
    }
}

#[tokio::test]
async fn a_keyset_goes_on_where_it_was_and_misses_no_row_that_changes_meanwhile() {
    let gateway = gateway(Gateway::builder().page(3), 6).await;
    let source = Service::V2.source(&gateway, keyset()).page_size(3);
    let mut first = at(&source, None).await;
    let Next::Batch(page) = first.next_batch().await.unwrap() else { panic!("there are rows") };
    assert_eq!(orders(std::slice::from_ref(&page)), [0, 1, 2].map(order_key));
    // A row that was read changes, and one that was not: an offset would now pass over row 3.
    gateway.system().update(SALES_ORDERS, Row::new().with("SalesOrder", order_key(0)).with("Items", 7));
    gateway.system().delete(SALES_ORDERS, order_key(1));
    let mut second = at(&source, Some(&page.position)).await;
    assert_eq!(orders(&drain(&mut second).await.unwrap()), [3, 4, 5, 0].map(order_key));
}

#[tokio::test]
async fn rows_too_young_to_be_sure_of_are_left_for_later() {
    let gateway = gateway(Gateway::builder(), 2).await;
    gateway.system().at(chrono::Utc::now().timestamp_millis());
    gateway.system().create(SALES_ORDERS, order(2));
    let mut source = at(&Service::V4.source(&gateway, Mode::keyset("LastChangeDateTime")), None).await;
    assert_eq!(orders(&drain(&mut source).await.unwrap()), [0, 1].map(order_key));
    let mut source = at(&Service::V4.source(&gateway, keyset()), None).await;
    assert_eq!(orders(&drain(&mut source).await.unwrap()).len(), 3);
}

#[tokio::test]
async fn a_property_that_cannot_be_filtered_by_is_refused_before_a_row_is_read() {
    let gateway = gateway(Gateway::builder(), 2).await;
    for (field, why) in [("Note", "filter or sort"), ("Nothing", "no such property")] {
        let found = error(&mut at(&Service::V2.source(&gateway, Mode::keyset(field)), None).await).await;
        assert_eq!(found.kind(), ErrorKind::ConfigInvalid);
        assert!(found.to_string().contains(why), "{found}");
    }
}

#[tokio::test]
async fn a_page_that_breaks_off_is_asked_for_again_and_gives_no_row_twice() {
    for fault in [Fault::Truncated, Fault::Short, Fault::Lost, Fault::Reset] {
        let gateway = gateway(Gateway::builder().page(2), 5).await;
        gateway.faults().add(Rule::new(fault.clone()).target("skiptoken"));
        let mut source = at(&Service::V4.source(&gateway, Mode::full()), None).await;
        let Next::Batch(first) = source.next_batch().await.unwrap() else { panic!("there are rows") };
        let found = source.next_batch().await.unwrap_err();
        assert_eq!(
            (found.kind(), found.is_retryable()),
            (ErrorKind::Unavailable, true),
            "{fault:?}: {found}"
        );
        let rest = drain(&mut source).await.unwrap();
        assert_eq!(orders(&[vec![first], rest].concat()), (0..5).map(order_key).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_login_page_with_status_200_is_no_page_of_rows() {
    for service in ALL {
        let gateway = gateway(Gateway::builder(), 2).await;
        gateway.faults().add(Rule::new(Fault::Login).target(service.set()).always());
        let found = error(&mut at(&service.source(&gateway, Mode::full()), None).await).await;
        assert_eq!(found.kind(), ErrorKind::Unauthenticated, "{found}");
        assert!(found.to_string().contains("web page"), "{found}");
    }
}

#[tokio::test]
async fn an_error_in_xml_is_read_and_classified() {
    let gateway = gateway(Gateway::builder(), 2).await;
    gateway.faults().add(Rule::new(Fault::RefusedInXml(503)).target("SalesOrders?"));
    let mut source = at(&Service::V2.source(&gateway, Mode::full()), None).await;
    let found = error(&mut source).await;
    assert_eq!((found.kind(), found.is_retryable()), (ErrorKind::Unavailable, true));
    assert!(found.to_string().contains("SY/530") && found.to_string().contains("made to fail"), "{found}");
    assert_eq!(orders(&drain(&mut source).await.unwrap()).len(), 2);
}

#[tokio::test]
async fn a_link_back_to_the_same_page_ends_in_an_error_and_not_in_a_loop() {
    for service in ALL {
        let gateway = gateway(Gateway::builder().page(2), 6).await;
        gateway.faults().add(Rule::new(Fault::SameLink).target("skiptoken").always());
        let found = error(&mut at(&service.source(&gateway, Mode::full()), None).await).await;
        assert!(found.to_string().contains("leads back"), "{found}");
    }
    let gateway = gateway(Gateway::builder().page(1), 6).await;
    let found = error(&mut at(&Service::V2.source(&gateway, Mode::full()).page_cap(3), None).await).await;
    assert!(found.to_string().contains("page_cap"), "{found}");
}

#[tokio::test]
async fn a_page_link_that_has_expired_begins_the_walk_again() {
    for service in ALL {
        let gateway = gateway(Gateway::builder().page(2), 5).await;
        let source = service.source(&gateway, Mode::full());
        let mut first = at(&source, None).await;
        let Next::Batch(page) = first.next_batch().await.unwrap() else { panic!("there are rows") };
        gateway.expire_pages();
        for mut source in [at(&source, Some(&page.position)).await, first] {
            let rest = drain(&mut source).await.unwrap();
            assert_eq!(orders(&rest), (0..5).map(order_key).collect::<Vec<_>>(), "{service:?}");
            assert_eq!(id(&rest[0]), "load 2, page 1");
        }
    }
}

#[tokio::test]
async fn a_walk_whose_page_links_expire_again_and_again_is_an_error_and_not_a_loop() {
    let gateway = gateway(Gateway::builder().page(2), 5).await;
    let mut source = at(&Service::V4.source(&gateway, Mode::full()), None).await;
    for _ in 0..2 {
        assert!(matches!(source.next_batch().await.unwrap(), Next::Batch(_)));
        gateway.expire_pages();
    }
    let found = error(&mut source).await;
    assert_eq!(found.kind(), ErrorKind::PositionInvalid, "{found}");
    assert!(
        found.to_string().contains("begin again") || found.to_string().contains("began again"),
        "{found}"
    );
}

#[tokio::test]
async fn a_load_for_deltas_that_loses_its_page_does_not_pass_over_a_delete_in_silence() {
    for service in ALL {
        let gateway = gateway(Gateway::builder().page(2), 5).await;
        let source = service.source(&gateway, Mode::delta());
        let mut first = at(&source, None).await;
        let Next::Batch(page) = first.next_batch().await.unwrap() else { panic!("there are rows") };
        assert_eq!(orders(std::slice::from_ref(&page)), [0, 1].map(order_key));
        assert_eq!(id(&page), "load 1, page 1");
        // Neither a second load nor the delta after it would tell of this.
        gateway.system().delete(SALES_ORDERS, order_key(0));
        gateway.expire_pages();
        for source in [&mut first, &mut at(&source, Some(&page.position)).await] {
            let found = error(source).await;
            assert_eq!((found.kind(), found.is_retryable()), (ErrorKind::PositionInvalid, false), "{found}");
            assert!(found.to_string().contains("when_expired"), "{found}");
        }
        let anew = source.when_expired(Renew::Reinitialise);
        let load = drain(&mut at(&anew, Some(&page.position)).await).await.unwrap();
        assert_eq!(orders(&load), (1..5).map(order_key).collect::<Vec<_>>(), "{service:?}");
        assert_eq!(id(&load[0]), "load 2, page 1", "a reader can tell that it is another load");
    }
}

/// The id of the document of a batch.
fn id(batch: &SourceBatch) -> String {
    batch.documents[0].id().unwrap().to_string()
}

#[tokio::test]
async fn a_keyset_on_a_day_or_a_time_of_day_is_refused() {
    let gateway = gateway(Gateway::builder(), 2).await;
    for service in [Service::V2, Service::V4] {
        for field in ["OrderDate", "PricingDate", "CreationTime"] {
            let found = error(&mut at(&service.source(&gateway, Mode::keyset(field)), None).await).await;
            assert_eq!(found.kind(), ErrorKind::ConfigInvalid, "{field}: {found}");
            assert!(found.to_string().contains("a day"), "{found}");
        }
    }
}

#[tokio::test]
async fn rows_without_a_value_of_the_keyset_are_left_out_and_do_not_hold_it_up() {
    for service in [Service::V2, Service::V4] {
        for field in ["CreatedAt", "Counter"] {
            let gateway = gateway(Gateway::builder().page(2), 2).await;
            let bare = |n| Row::new().with("SalesOrder", order_key(n));
            (2..7).for_each(|n| gateway.system().create(SALES_ORDERS, bare(n)));
            let mode = Mode::keyset(field).settle(Duration::ZERO);
            let mut source = at(&service.source(&gateway, mode).page_size(2), None).await;
            assert_eq!(
                orders(&drain(&mut source).await.unwrap()),
                [0, 1].map(order_key),
                "{service:?} {field}"
            );
            gateway.system().create(SALES_ORDERS, order(9));
            assert_eq!(orders(&drain(&mut source).await.unwrap()), [order_key(9)]);
        }
    }
}

#[tokio::test]
async fn a_delta_whose_page_link_has_expired_is_asked_for_again() {
    let gateway = gateway(Gateway::builder().page(2), 1).await;
    let source = Service::Queue.source(&gateway, Mode::delta());
    let mut first = at(&source, None).await;
    let load = drain(&mut first).await.unwrap();
    (1..6).for_each(|n| gateway.system().create(SALES_ORDERS, order(n)));
    first.commit(&load[0].position).await.unwrap();
    let Next::Batch(page) = first.next_batch().await.unwrap() else { panic!("there are changes") };
    gateway.expire_pages();
    let rest = drain(&mut at(&source, Some(&page.position)).await).await.unwrap();
    assert_eq!(orders(&rest), (1..6).map(order_key).collect::<Vec<_>>());
}

#[tokio::test]
async fn values_are_the_bytes_of_the_server() {
    for service in ALL {
        let gateway = gateway(Gateway::builder(), 8).await;
        let mut source = at(&service.source(&gateway, Mode::full()), None).await;
        let rows = bodies(&drain(&mut source).await.unwrap());
        let row = String::from_utf8(rows[7].to_vec()).unwrap();
        for exact in ["9007199254741000", "1234567890123456789012345000007.07", "\"0000000007\"", "🚃   \""]
        {
            assert!(row.contains(exact), "{exact} in {row}");
        }
    }
}

#[tokio::test]
async fn a_column_that_is_new_is_told() {
    let gateway = gateway(Gateway::builder(), 2).await;
    let mut source = at(&Service::V2.source(&gateway, keyset()), None).await;
    drain(&mut source).await.unwrap();
    assert_eq!(source.drift(), Vec::<String>::new());
    let kind = datalake_simulators::sap::Kind::Text { max: 4 };
    gateway.system().extend(SALES_ORDERS, Property::new("Plant", kind));
    let row = Row::new().with("SalesOrder", order_key(9)).with("Plant", Value::from("1000"));
    gateway.system().create(SALES_ORDERS, row);
    let news = drain(&mut source).await.unwrap();
    assert_eq!(text(&bodies(&news)[0], "Plant"), "1000");
    assert_eq!(source.drift(), ["Plant is new, Edm.String(4)"]);
}

#[tokio::test]
async fn the_description_is_asked_for_by_its_etag() {
    let gateway = gateway(Gateway::builder(), 2).await;
    let mut source = at(&Service::V4.source(&gateway, keyset()), None).await;
    for _ in 0..3 {
        drain(&mut source).await.unwrap();
    }
    let seen = gateway.seen();
    let described: Vec<_> = seen.iter().filter(|seen| seen.target.contains("$metadata")).collect();
    assert_eq!(
        described.iter().map(|seen| seen.status).collect::<Vec<_>>(),
        [Some(200), Some(304), Some(304)]
    );
}

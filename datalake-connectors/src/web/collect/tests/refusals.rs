use datalake_core::ErrorKind;
use datalake_core::codec::Compression;

use super::*;

#[tokio::test]
async fn what_no_tracker_sends_is_refused_with_a_reason() {
    let lake = Lake::on(builder().max_events(3).max_event(200)).await;
    let cases: [(&str, &[u8], &str); 14] = [
        (TP2, b"", "JSON"),
        (TP2, b"e=pv&eid=1", "JSON"),
        (TP2, b"{\"data\":[{}", "JSON"),
        (TP2, b"{\"data\":[{\"e\":}]}", "JSON"),
        (TP2, b"{\"data\":[{}]} {}", "JSON"),
        (TP2, b"{\"data\":[{}],\"data\":[]}", "JSON"),
        (TP2, b"[{\"e\":\"pv\"}]", "JSON"),
        (TP2, b"{\"data\":[{\"e\":\"\xff\"}]}", "UTF-8"),
        (TP2, b"{\"batch\":[{}]}", "array"),
        (TP2, b"{\"data\":{\"e\":\"pv\"}}", "array"),
        (TP2, b"{\"data\":[]}", "no event"),
        ("/v1/batch", b"{\"batch\":null}", "array"),
        ("/v1/track", b"5", "JSON"),
        ("/v1/batch", b"{\"batch\":[{}],\"batch\":[]}", "JSON"),
    ];
    for (path, body, reason) in cases {
        let answer = lake.post(path, &[], body).await;
        let shown = String::from_utf8_lossy(body);
        assert_eq!(answer.status, 400, "{shown}");
        assert!(answer.reason().contains(reason), "{shown}: {}", answer.reason());
    }
    for path in ["/i", "/i?"] {
        assert_eq!(lake.get(path, &[]).await.status, 400);
    }
    let large = json!({ "batch": [{ "type": "page" }, { "type": "page", "name": "x".repeat(300) }] });
    assert_eq!(lake.post("/v1/b", &[], large.to_string()).await.reason(), "an event is too large");
    let many = lake.post(TP2, &[], tp2(&["1", "2", "3", "4"])).await;
    assert_eq!(many.status, 413, "a tracker drops what is answered 400");
    assert!(lake.documents().is_empty());
}

/// A tracker that was refused for long sends all it has in one body, and drops all of it when that is answered 400.
#[tokio::test]
async fn a_body_of_snowplow_has_as_many_events_as_fit_and_of_any_size() {
    let lake = Lake::on(builder().max_event(200)).await;
    let ids: Vec<_> = (0..5000).map(|n| format!("00000000-0000-4000-8000-{n:012}")).collect();
    let many = tp2(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let padded = many.replacen("\"pv\"", &format!("\"pv\",\"page\":\"{}\"", "x".repeat(12 << 20)), 1);
    let deep = format!("{{\"data\":[{{\"e\":\"pv\"}},{}{}]}}", "[".repeat(200), "]".repeat(200));
    for body in [&many, &padded, &deep] {
        assert_eq!(lake.post(TP2, &[], body).await.status, 200);
    }
    let found: Vec<_> = lake.documents().iter().map(|document| document.id().unwrap().to_string()).collect();
    assert_eq!(found[..2], vec![format!("{}+4999", ids[0]); 2]);
    assert_eq!(lake.get(&format!("/i?e=pv&page={}", "x".repeat(300)), &[]).await.status, 200);
}

#[tokio::test]
async fn events_that_are_none_cost_no_other() {
    let lake = Lake::on(builder()).await;
    let body = r#"{"data":[null,5,"x",[],{},{"e":"pv","eid":"1"},{"eid":7}]}"#;
    assert_eq!(lake.post(TP2, &[], body).await.status, 200);
    let mut records = 0;
    datalake_core::split::split(&lake.documents()[0], |_| records += 1);
    assert_eq!(records, 7);
}

#[tokio::test]
async fn the_limits_of_segment_are_kept() {
    let lake = Lake::on(builder()).await;
    let event = |bytes: usize| {
        let frame = r#"{"type":"track","messageId":"m","x":""}"#.len();
        format!(r#"{{"type":"track","messageId":"m","x":"{}"}}"#, "x".repeat(bytes - frame))
    };
    let batch = |events: &[String]| format!(r#"{{"batch":[{}]}}"#, events.join(","));
    let kilobyte = 1 << 10;
    assert_eq!(lake.post("/v1/track", &[], event(32 * kilobyte)).await.status, 200);
    for body in [event(32 * kilobyte + 1), batch(&[event(40 * kilobyte)])] {
        let answer = lake.post("/v1/b", &[], &batch(&[body])).await;
        assert_eq!((answer.status, &*answer.reason()), (400, "an event is too large"));
    }
    let full = vec![event(31 * kilobyte); 16];
    assert_eq!(lake.post("/v1/batch", &[], batch(&full)).await.status, 200);
    let over = vec![event(31 * kilobyte); 17];
    let answer = lake.post("/v1/batch", &[], batch(&over)).await;
    assert_eq!((answer.status, &*answer.reason()), (400, "the body is larger than 500 KB"));
    assert_eq!(lake.post(TP2, &[], vec![b' '; (16 << 20) + 1]).await.status, 413);
    assert_eq!(lake.documents().len(), 2);
}

#[tokio::test]
async fn compressed_bodies_are_taken_within_bounds() {
    let lake = Lake::on(builder()).await;
    let gzip = |text: &str| Compression::Gzip.frame(6, &[text.to_owned().into()]).unwrap();
    let coded = [("content-encoding", "gzip"), ("content-type", "application/json")];
    let body = segment(&["a", "b"]);
    assert_eq!(lake.post("/v1/batch", &coded, gzip(&body)).await.status, 200);
    assert_eq!(lake.documents()[0].bytes(), body.as_bytes());
    let bomb = gzip(&format!("{{\"data\":[\"{}\"]}}", "0".repeat(20 << 20)));
    assert!(bomb.len() < 1 << 16, "the bomb is small on its way");
    assert_eq!(lake.post(TP2, &coded, bomb).await.status, 413);
    assert_eq!(lake.post(TP2, &coded, b"no gzip").await.status, 400);
    assert_eq!(lake.post(TP2, &[("content-encoding", "br")], "x").await.status, 415);
}

#[tokio::test]
async fn segment_events_need_the_key_and_snowplow_has_none() {
    let lake = Lake::on(builder().write_key("W1").write_key("W2")).await;
    // `V0s6` is `WK:`, `VzI6` is `W2:`.
    let status = async |path: &str, header: Option<&str>, body: &str| {
        let headers: Vec<_> = header.map(|value| ("authorization", value)).into_iter().collect();
        lake.post(path, &headers, body).await.status
    };
    assert_eq!(status("/v1/batch", None, &segment(&["1"])).await, 401);
    assert_eq!(status("/v1/batch", Some("Basic V0s6"), &segment(&["2"])).await, 401);
    assert_eq!(status("/v1/batch", Some("Bearer W1"), &segment(&["3"])).await, 401);
    assert_eq!(status("/v1/batch", Some("Basic VzI6"), &segment(&["4"])).await, 200);
    assert_eq!(status("/v1/t", None, r#"{"event":"x","writeKey":"W1"}"#).await, 200);
    assert_eq!(status("/v1/t", None, r#"{"event":"x","writeKey":"W3"}"#).await, 401);
    assert_eq!(status("/v1/t", None, r#"{"event":"x","writeKey":{"a":1}}"#).await, 401);
    assert_eq!(status(TP2, None, &tp2(&["5"])).await, 200);
    assert_eq!(lake.get("/i?e=pv", &[]).await.status, 200);
    assert_eq!(lake.documents().len(), 4);
}

#[tokio::test]
async fn other_paths_and_methods_are_told_what_is_taken() {
    let lake = Lake::on(builder().snowplow_post("/my/path")).await;
    assert_eq!(lake.post("/my/path", &[], tp2(&["1"])).await.status, 200);
    assert_eq!(lake.post("/v1/nothing", &[], "{}").await.status, 404);
    let answer = lake.get(TP2, &[]).await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST, OPTIONS")));
    let answer = lake.post("/i?e=pv", &[], "").await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, OPTIONS")));
}

#[tokio::test]
async fn settings_that_do_not_go_together_are_refused() {
    let at = ([127, 0, 0, 1], 0).into();
    let empty = || CollectorSource::builder(Dataset::new("clicks").unwrap(), at);
    let wrong = [
        empty(),
        empty().snowplow().snowplow(),
        empty().snowplow().write_key("k"),
        builder().write_key(""),
        builder().allow_origin("shop.example"),
        builder().allow_origin("https://shop.example/"),
        builder().allow_origin("https://*.example"),
        builder().max_events(0),
        builder().cookie(super::super::Cookie::new("a b")),
        builder().health("/i"),
        builder().commit_within(Duration::from_secs(9)),
    ];
    for builder in wrong {
        let error = builder.build().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{error}");
    }
}
